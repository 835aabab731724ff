"""Processes that die on demand, and who was told of it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pickle
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from celery import Celery

from autogen_vitals.local.receiver import ReceivedPoint, Receiver
from autogen_vitals.local.stub_model import StubModel
from autogen_vitals.vocabulary import NOT_CRASHES

from .conftest import Start
from .harness import ONLY_AT_STOP, READY_SECONDS, Launcher, Server, ServerFailed
from .telemetry import Arrived, Telemetry

ARRIVAL_SECONDS = 20.0
"""How long the report of a death may take on a busy machine, a supervisor's look at its workers included."""

NEVER_SECONDS = 3600.0
"""How long the model thinks that nobody waits for."""


def uvicorn_workers(patience: int) -> Launcher:
    """uvicorn's supervisor, and for how many seconds it waits for the answer of a worker, also of one that has died
    right before: that is when it looks again."""
    command = f"uvicorn --port {{port}} --workers 2 --timeout-worker-healthcheck {patience} {{app}}"
    return Launcher("uvicorn-workers", command, 2, server="uvicorn")


# No log record either is exported on a schedule: what arrives was flushed for its own sake.
_QUIET = {**ONLY_AT_STOP, "OTEL_BLRP_SCHEDULE_DELAY": "600000"}

_T = TypeVar("_T")


@dataclass(frozen=True)
class Death:
    """What a process told right before it died, or before it should have.

    Attributes:
        trace_id: of the request, task or job.
    """

    pid: int
    parent_pid: int
    trace_id: str


@dataclass(frozen=True)
class Deaths:
    """A run in which processes died, one in each way. All of them have ended."""

    by_way: dict[str, Death]
    arrived: Arrived = field(repr=False)
    left_over: tuple[str, ...]
    logs: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def telemetry(self) -> Telemetry:
        return Telemetry(self.arrived)

    @property
    def log(self) -> str:
        """The end of what each server printed."""
        return "\n".join(f"$ {command}\n{text[-3000:]}" for command, text in self.logs)


class Scene:
    """Servers that export to one receiver and keep their exit records in one folder.

    Args:
        start: starts them.
        folder: where that folder, and the file that plans how they fail to start, are.
        slow_model: where the way ``think`` waits.
    """

    def __init__(self, start: Start, receiver: Receiver, folder: Path, slow_model: StubModel | None = None) -> None:
        self.receiver = receiver
        self.telemetry = Telemetry(receiver)
        self._start = start
        self._slow_model = slow_model
        self._state = folder / "state"
        self._boot_failure = folder / "boot-failure"
        self._environment = {
            **receiver.environment("dying"),
            **_QUIET,
            "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(self._state),
            "BOOT_FAILURE_FILE": str(self._boot_failure),
            "SLOW_MODEL_URL": slow_model.base_url if slow_model else "",
        }

    def plan_boot_failure(self, failure: str) -> None:
        """Let whoever starts from now on fail like that; with an empty one, not at all."""
        # Renamed, for a worker may be reading it.
        planned = self._boot_failure.with_suffix(".new")
        planned.write_text(failure)
        planned.rename(self._boot_failure)

    def serve(self, launcher: Launcher, app: str = "") -> Server:
        """Start a server; nobody has waited for it."""
        return self._start(launcher, self._environment, app=app or dying_app(launcher))

    def command(self, *command: str, **variables: str) -> Server:
        """Run an instrumented command."""
        return self._start.command(["opentelemetry-instrument", *command], self._environment, variables)

    def begin_again(self) -> None:
        """A next start: a process of the same service that does nothing but start, and ends."""
        script = self.command("python", "-c", "import autogen_core")
        if script.wait() != 0:
            raise script.failed("the next start failed")

    def told(self, server: Server, mark: str) -> list[Death]:
        """What processes told under that mark, one of them at least."""
        wait_until(lambda: bool(_marked(server, mark)), server, f"nobody has told {mark}")
        return [Death(line["pid"], line["parent_pid"], line["trace_id"]) for line in _marked(server, mark)]

    def send(self, server: Server, way: str, send: Callable[[str, str], object] | None = None) -> Death:
        """Have a process of the server do the work that it does not survive, or only just.

        Args:
            send: given the way and a mark, hands the work over and does not wait for it; without it, a request does.
        """
        mark = uuid.uuid4().hex
        asked_before = self._slow_model.requests if self._slow_model else 0
        if send is None:
            threading.Thread(target=_get, args=(server, way, mark), daemon=True).start()
        else:
            send(way, mark)
        (death,) = self.told(server, mark)
        if way == "think":
            self._kill_in_model_call(server, death.pid, asked_before)
        return death

    def kill_in_model_call(self, server: Server, mark: str) -> Death:
        """Kill the process that has told the mark as soon as it waits for the model, where it is the only one to."""
        (death,) = self.told(server, mark)
        self._kill_in_model_call(server, death.pid, 0)
        return death

    def _kill_in_model_call(self, server: Server, pid: int, asked_before: int) -> None:
        model = self._slow_model
        assert model is not None
        wait_until(lambda: model.requests > asked_before, server, f"process {pid} did not ask the model")
        os.kill(pid, signal.SIGKILL)

    def die(self, server: Server, way: str, send: Callable[[str, str], object] | None = None) -> Death:
        """Have a process of the server die, and wait until that was reported, or should have been."""
        death = self.send(server, way, send)
        wait_until(lambda: not is_alive(death.pid), server, f"process {death.pid} survived {way}")
        self.reported(death.pid)
        return death

    def reported(self, pid: int) -> bool:
        """Wait until the end of a process was reported; whether it was."""
        return self.receiver.wait_for(lambda _: bool(self.telemetry.exits(pid)), ARRIVAL_SECONDS)

    def crashed(self, pid: int) -> bool:
        """Wait until an exception in a process was reported; whether it was."""
        return self.receiver.wait_for(lambda _: bool(self.telemetry.crashes(pid)), ARRIVAL_SECONDS)

    def left_over(self) -> list[str]:
        """The files in the folder of the exit records."""
        return sorted(str(path.relative_to(self._state)) for path in self._state.rglob("*") if path.is_file())

    def deaths(self, by_way: dict[str, Death]) -> Deaths:
        """What is known at the end, when everything has stopped."""
        arrived = Arrived.of(self.receiver)
        return Deaths(by_way, arrived, tuple(self.left_over()), tuple(self._start.logs))


@contextlib.contextmanager
def scene_in(folder: Path, model: StubModel) -> Iterator[Scene]:
    """A scene outside a test; its servers end with it."""
    folder.mkdir()
    start = Start(folder, model)
    with Receiver() as receiver, StubModel(think_seconds=NEVER_SECONDS) as slow_model:
        try:
            yield Scene(start, receiver, folder, slow_model)
        finally:
            for server in start.servers:
                server.clean_up()


class Once:
    """Does something once for all processes of a test run, whichever of them asks first; what failed fails for all.

    Args:
        folder: the same for all those processes.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)

    def of(self, name: str, make: Callable[[Path], _T]) -> _T:
        """What ``make`` makes, given a folder of its own that does not exist yet.

        Raises:
            ServerFailed: raised by ``make``, here or in another process.
        """
        kept = self._folder / f"{name}.pickle"
        with (self._folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                kept.write_bytes(pickle.dumps(self._attempt(make, self._folder / name)))
        made = pickle.loads(kept.read_bytes())
        if isinstance(made, str):
            raise ServerFailed(made)
        return made

    @staticmethod
    def _attempt(make: Callable[[Path], _T], folder: Path) -> _T | str:
        try:
            return make(folder)
        except ServerFailed as error:
            return str(error)


class CeleryWorker:
    """A prefork Celery worker with the dying app, while it is entered; everything that was sent is forgotten then."""

    def __init__(self, scene: Scene, redis_url: str, arguments: str = "--concurrency 2") -> None:
        command = f"celery -A dying_celery worker --pool prefork -l INFO --without-gossip --without-mingle {arguments}"
        self.server = scene.command(*command.split(), REDIS_URL=redis_url)
        self.app = Celery(broker=redis_url, backend=redis_url)

    def __enter__(self) -> CeleryWorker:
        return self

    def __exit__(self, *exc_info: object) -> None:
        # One Redis serves several tests, one after the other.
        self.app.control.purge()
        self.app.close()

    def wait_ready(self) -> CeleryWorker:
        wait_until(lambda: " ready." in self.server.log, self.server, "the Celery worker did not become ready")
        return self

    def send(self, way: str, mark: str) -> Any:
        """Hand a task over; its result."""
        return self.app.send_task("work", [way, mark])


class Load:
    """Requests without end, ``threads`` at a time, while it is entered; whatever becomes of them."""

    def __init__(self, server: Server, threads: int) -> None:
        self._server = server
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(threads)]
        self.answered = 0

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._ended.is_set():
            if not _get(self._server, "answer", "load"):
                # Nobody listens, or whoever did is dead: do not ask again at once.
                self._ended.wait(0.02)
            else:
                self.answered += 1


def told_by_anybody(deaths: Deaths) -> set[int]:
    """The pid of everybody who told something in a run."""
    return {line["pid"] for _, log in deaths.logs for line in _lines(log)}


def crashed_exits(telemetry: Telemetry) -> list[ReceivedPoint]:
    """The newest point of each series of ``autogen.process.exits`` that counts crashes."""
    points = telemetry.points("autogen.process.exits")
    return [point for point in points if point.attributes["autogen.exit.reason"] not in NOT_CRASHES]


def dying_app(launcher: Launcher) -> str:
    """The dying app that this server can serve."""
    return "dying_flask:app" if launcher.app.startswith("flask") else "dying_fastapi:app"


def is_alive(pid: int) -> bool:
    """Whether a process runs, or could; one that has ended and was not waited for does not."""
    with contextlib.suppress(OSError):
        return _state_and_parent(pid)[0] not in "ZX"
    return False


def workers_of(server: Server) -> set[int]:
    """The living children of a server that are workers, as the kernel knows them."""
    workers: set[int] = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            state, parent = _state_and_parent(int(folder.name))
            # multiprocessing has a helper, which serves nobody.
            if parent == server.pid and state not in "ZX" and b"resource_tracker" not in _command_line(folder):
                workers.add(int(folder.name))
    return workers


def roll(server: Server) -> None:
    """Replace all workers of a server; done when the last of the old ones is gone and as many others are there."""
    old = workers_of(server)
    server.process.send_signal(signal.SIGHUP)

    def replaced() -> bool:
        workers = workers_of(server)
        return not old & workers and len(workers) >= len(old)

    wait_until(replaced, server, "the workers were not replaced")


def wait_until(condition: Callable[[], bool], server: Server, otherwise: str, seconds: float = READY_SECONDS) -> None:
    """Wait for something that nobody announces.

    Raises:
        ServerFailed: it did not happen in time.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise server.failed(f"{otherwise} within {seconds:.0f} s")
        time.sleep(0.02)


def _state_and_parent(pid: int) -> tuple[str, int]:
    # The command's name, in parentheses, may contain spaces.
    state, parent = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:2]
    return state, int(parent)


def _command_line(folder: Path) -> bytes:
    return (folder / "cmdline").read_bytes()


def _get(server: Server, way: str, mark: str) -> bool:
    url = f"http://127.0.0.1:{server.port}/work"
    try:
        return httpx.get(url, params={"way": way, "mark": mark}, timeout=READY_SECONDS, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _marked(server: Server, mark: str) -> list[dict[str, Any]]:
    return [line for line in _lines(server.log) if line["mark"] == mark]


def _lines(log: str) -> list[dict[str, Any]]:
    # The last one may not be there as a whole.
    return [json.loads(line) for line in log.splitlines() if line.startswith('{"mark"') and line.endswith("}")]
