"""The server's settings, of its file, its command and the environment: what a fork, a recycled worker, a time limit do
to an app of AutoGen's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, fail, ok, skipped, warning
from autogen_vitals.local.doctor.command import SERVERS, parse_command, parse_options
from autogen_vitals.local.doctor.server_file import ServerFile, read_server_file

_GUNICORN, _CELERY, _UVICORN = "gunicorn", "celery", "uvicorn"
_COLD_START_SECONDS = 10
_MODEL_SECONDS = 60
_FEW_REQUESTS = 200
_FILE_LIMIT = 1_000_000
_GREEN = ("gevent", "eventlet")
_AFTER_FORK = ("post_fork", "post_worker_init")
_NOT_GIVEN = "no --server-config and no --command was given"


@dataclass(frozen=True)
class Server:
    """How the service is started.

    Attributes:
        name: gunicorn, uvicorn, celery or hypercorn; empty if that is not known.
        settings: by the server's own names, as text.
        computed: settings that are computed, and so not known.
        hooks: functions in the server's file.
        problems: why it is not known.
        is_instrumented: the command has ``opentelemetry-instrument``; ``None`` without a command.
    """

    name: str = ""
    settings: dict[str, str] = field(default_factory=dict[str, str])
    computed: frozenset[str] = frozenset()
    hooks: frozenset[str] = frozenset()
    problems: tuple[Outcome, ...] = ()
    is_instrumented: bool | None = None

    def number(self, name: str) -> float | None:
        """A setting, as a number; ``None`` where it is not given, or is none."""
        try:
            return float(self.settings[name])
        except (KeyError, ValueError):
            return None

    def is_on(self, name: str) -> bool:
        """Whether a switch is on."""
        return self.settings.get(name, "").lower() in ("true", "1")

    @property
    def workers(self) -> float:
        """How many; 1 where it is not said."""
        return self.number("workers") or 1

    @property
    def worker_class(self) -> str:
        """Celery's pool, or gunicorn's class of workers, if it is a plain name."""
        said = self.settings.get("pool" if self.name == _CELERY else "worker_class", "")
        return said if re.fullmatch(r"[A-Za-z0-9_.:]{1,100}", said) else ""


def server_of(around: Surroundings) -> Server:
    """Put it together: the command is above GUNICORN_CMD_ARGS, that is above the file, as gunicorn has it."""
    server = Server()
    if around.command:
        try:
            command = parse_command(around.command)
        except ValueError:
            return Server(problems=(fail("the command has a quote that is not closed", "as a shell would take it"),))
        server = Server(command.server, command.options, is_instrumented=command.is_instrumented)
    path = around.server_config
    if path is None and server.name == _GUNICORN:
        path = _file_named(around, server)
    if server.name == _GUNICORN or path is not None:
        server = replace(server, name=server.name or _GUNICORN, settings=_from_environment(around, server.settings))
    server = _with_file(server, path) if path is not None else server
    concurrency = around.value("WEB_CONCURRENCY")
    if server.name in (_GUNICORN, _UVICORN) and concurrency and "workers" not in server.computed:
        # Their default, where nothing else says it.
        server = replace(server, settings={"workers": concurrency, **server.settings})
    return server


def _file_named(around: Surroundings, server: Server) -> Path | None:
    named = server.settings.get("config", "gunicorn.conf.py").removeprefix("file:")
    path = around.cwd / named
    return path if "config" in server.settings or path.is_file() else None


def _from_environment(around: Surroundings, settings: dict[str, str]) -> dict[str, str]:
    try:
        arguments = parse_options(_GUNICORN, shlex.split(around.value("GUNICORN_CMD_ARGS")))
    except ValueError:
        arguments = {}
    return {**arguments, **settings}


def _with_file(server: Server, path: Path) -> Server:
    try:
        with path.open("rb") as opened:
            source = opened.read(_FILE_LIMIT).decode("utf-8")
        file = read_server_file(source)
    except OSError as error:
        problem = fail(f"{path.name} cannot be read: {error.strerror}", "--server-config takes gunicorn's file")
    except (SyntaxError, UnicodeDecodeError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        problem = fail(f"{path.name} is no Python{line}", "gunicorn does not start with it, either")
    else:
        return _together(server, file)
    return replace(server, problems=(*server.problems, problem))


def _together(server: Server, file: ServerFile) -> Server:
    values = {name: str(value) for name, value in file.values.items()}
    computed = file.computed - server.settings.keys()
    return replace(server, settings={**values, **server.settings}, computed=computed, hooks=file.hooks)


def _known(around: Surroundings) -> Iterator[Outcome]:
    if not around.command and around.server_config is None:
        yield skipped(_NOT_GIVEN, "--command 'gunicorn -c gunicorn.conf.py app:app'")
        return
    server = server_of(around)
    yield from server.problems
    if not server.name and not server.problems:
        yield skipped(f"the command starts none of {', '.join(SERVERS)}")
    if not server.name or server.problems:
        return
    told = [
        f"{name} {server.settings[name]}" for name in ("workers", "timeout", "max_requests") if _is_number(server, name)
    ]
    if server.worker_class:
        told.append(server.worker_class)
    yield ok(", ".join([server.name, *told]))
    unknown = sorted(
        server.computed.intersection(("preload_app", "workers", "timeout", "max_requests", "worker_class"))
    )
    if unknown:
        yield skipped(f"computed in the file, which is not run, so not known: {', '.join(unknown)}")
    if server.is_instrumented is False:
        yield warning(
            "the command has no opentelemetry-instrument before it",
            "opentelemetry-instrument or autogen-vitals run -- before it, unless the app calls autogen_vitals.enable()",
        )


def _is_number(server: Server, name: str) -> bool:
    return server.number(name) is not None


def _forks(around: Surroundings) -> Iterator[Outcome]:
    server = server_of(around)
    if server.name == _GUNICORN and server.is_on("preload_app"):
        hooks = sorted(server.hooks.intersection(_AFTER_FORK))
        has = f"; {', '.join(hooks)} may build it anew" if hooks else ""
        yield warning(
            f"preload_app: the app is imported before the workers are forked{has}",
            "build clients and agents in the lifespan, or in post_fork, and use none before; or no preload",
            "AG201, AG202",
        )
    elif server.name == _GUNICORN and "preload_app" in server.computed:
        yield warning("preload_app is computed: it may be on", "no client and no agent at import", "AG201, AG202")
    elif server.name == _CELERY and server.worker_class in ("", "prefork", "processes"):
        yield warning(
            "Celery's prefork pool: tasks run in forked children of the process that imported them",
            "build clients on the signal worker_process_init, or in the task's first run; or --pool threads",
            "AG201, AG202",
        )
    elif server.name:
        yield ok("workers import the app for themselves")


def _green(around: Surroundings) -> Iterator[Outcome]:
    server = server_of(around)
    if server.worker_class.lower() in _GREEN:
        yield warning(
            f"{server.worker_class}: asyncio.run() in greenlets of one thread is one loop at a time",
            "gunicorn -k uvicorn_worker.UvicornWorker for an ASGI app; gthread, or Celery's threads",
            "AG203, AG605",
        )


def _identity(around: Surroundings) -> Iterator[Outcome]:
    server = server_of(around)
    given = "service.instance.id=" in around.value("OTEL_RESOURCE_ATTRIBUTES")
    if server.workers > 1 and given:
        yield fail(
            f"{server.workers:.0f} workers, and one service.instance.id for all in OTEL_RESOURCE_ATTRIBUTES",
            "take it out; give the pod's name as k8s.pod.name",
            "AG801",
        )


def _time_limits(around: Surroundings) -> Iterator[Outcome]:
    server = server_of(around)
    seconds = server.number("timeout")
    if server.name != _GUNICORN or server.problems:
        return
    is_async = any(word in server.worker_class.lower() for word in ("uvicorn", "gevent", "eventlet", "asgi", "gthread"))
    if seconds is not None and 0 < seconds < _COLD_START_SECONDS:
        yield fail(
            f"timeout {seconds:g} s: a cold start of AutoGen may take that, and the master then kills the worker",
            "30 or more; autogen-vitals check says what a start takes",
            "AG504, AG608",
        )
    elif "timeout" in server.computed:
        yield skipped("timeout is computed")
    elif not is_async and (seconds is None or 0 < seconds < _MODEL_SECONDS):
        yield warning(
            f"timeout {30 if seconds is None else seconds:g} s with sync workers: a run that takes longer is killed",
            "timeout above the longest run; or -k uvicorn_worker.UvicornWorker and an ASGI app",
            "AG504",
        )
    else:
        yield ok("the time limit leaves room for a cold start")


def _recycling(around: Surroundings) -> Iterator[Outcome]:
    server = server_of(around)
    limit = server.number("max_requests")
    if not limit:
        return
    if limit < _FEW_REQUESTS:
        yield warning(
            f"workers are replaced after {limit:.0f} requests or tasks: each time somebody waits for a cold start",
            "1000 or more, or find what leaks",
            "AG606",
        )
    if server.name == _GUNICORN and server.workers > 1 and not server.number("max_requests_jitter"):
        yield warning(
            "max_requests without max_requests_jitter: all workers are replaced at about the same time",
            "max_requests_jitter, a tenth of max_requests",
        )


def _reload(around: Surroundings) -> Iterator[Outcome]:
    server = server_of(around)
    if not server.is_on("reload"):
        return
    if server.name == _UVICORN and server.workers > 1:
        yield fail("--reload and --workers: uvicorn then has one worker", "one of the two")
    yield warning("--reload is for development: it watches files, and restarts", "leave it out where it serves")


SERVER = Group(
    "Server",
    (
        Check("server", "settings", _known),
        Check("fork", "fork", _forks),
        Check("green-threads", "greenlets", _green),
        Check("workers-identity", "identity", _identity),
        Check("server-timeout", "time limit", _time_limits),
        Check("recycling", "recycling", _recycling),
        Check("reload", "reload", _reload),
    ),
)
