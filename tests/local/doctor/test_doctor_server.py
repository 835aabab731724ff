"""What the doctor makes of a server's settings, without running any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from made_up_surroundings import outcomes, surroundings, worst

from autogen_vitals.local.doctor.command import interpreter_flags, parse_command
from autogen_vitals.local.doctor.server import server_of
from autogen_vitals.local.doctor.server_file import read_server_file

CONFIG = """\
import multiprocessing
from os import environ

bind = "0.0.0.0:8000"
workers = multiprocessing.cpu_count() * 2 + 1
timeout: int = 90
preload_app = True
worker_class = "uvicorn_worker.UvicornWorker"
if environ.get("DEBUG"):
    timeout = 5


def post_fork(server, worker):
    workers = 1
"""


@pytest.mark.parametrize(
    ("command", "server", "options"),
    [
        ("gunicorn -w4 -k gthread --preload app:app", "gunicorn",
         {"workers": "4", "worker_class": "gthread", "preload_app": "true"}),
        ("opentelemetry-instrument --logs_exporter none /venv/bin/gunicorn --timeout=5 app:app", "gunicorn",
         {"timeout": "5"}),
        ("ENV=1 python -m uvicorn app:app --workers 2 --reload", "uvicorn", {"workers": "2", "reload": "true"}),
        ("celery -A jobs worker -P threads -c 8 --max-tasks-per-child=10", "celery",
         {"pool": "threads", "workers": "8", "max_requests": "10"}),
        ("celery -A jobs beat", "", {}),
        ("hypercorn -w 3 app:app", "hypercorn", {"workers": "3"}),
        ("flask run", "", {}),
        ("gunicorn -w", "gunicorn", {}),
    ],
)  # fmt: skip
def test_a_command_is_taken_apart_as_its_server_would(command: str, server: str, options: dict[str, str]) -> None:
    """Short and long options, with and without a blank; what comes before the server is not its own."""
    parsed = parse_command(command)
    assert (parsed.server, parsed.options) == (server, options)
    assert parsed.is_instrumented is command.startswith("opentelemetry-instrument")


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        ("python -I -m uvicorn app:app", "-I"),
        ("/usr/bin/python3.12 -uES -c x", "-E -S"),
        ("python -m uvicorn -I", ""),
        ("uvicorn app:app", ""),
        ("python 'unclosed", ""),
    ],
)
def test_python_s_own_flags_are_told_from_the_program_s(command: str, flags: str) -> None:
    """Only those before the module or the script are Python's."""
    assert interpreter_flags(command) == flags


def test_a_file_is_read_and_not_run(tmp_path: Path) -> None:
    """Literals are known; what is computed, or depends on something, is known not to be; its code does nothing."""
    trap = tmp_path / "it-was-run"
    file = read_server_file(f"{CONFIG}\nopen({str(trap)!r}, 'w')\n")
    assert file.values == {
        "bind": "0.0.0.0:8000",
        "preload_app": True,
        "worker_class": "uvicorn_worker.UvicornWorker",
    }
    assert file.computed == {"workers", "timeout"}
    assert file.hooks == {"post_fork"}
    assert not trap.exists()


@pytest.mark.parametrize("source", ["def", "\0", "(" * 5000])
def test_a_file_that_is_no_python_is_refused_as_such(source: str) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(SyntaxError):
        read_server_file(source)


def test_the_command_is_above_the_environment_is_above_the_file(tmp_path: Path) -> None:
    """As gunicorn has it; its file is found in the current folder."""
    (tmp_path / "gunicorn.conf.py").write_text("workers = 2\ntimeout = 20\nmax_requests = 10\n")
    around = surroundings(
        tmp_path, command="gunicorn -w 4 app:app", environ={"GUNICORN_CMD_ARGS": "--workers=3 --timeout=90"}
    )
    server = server_of(around)
    assert [server.settings[name] for name in ("workers", "timeout", "max_requests")] == ["4", "90", "10"]


def test_web_concurrency_is_the_default(tmp_path: Path) -> None:
    """Of gunicorn's workers and uvicorn's, where nothing else says how many; Celery knows nothing of it."""

    def workers(command: str) -> float:
        return server_of(surroundings(tmp_path, command=command, environ={"WEB_CONCURRENCY": "6"})).workers

    assert workers("gunicorn app:app") == workers("uvicorn app:app") == 6
    assert workers("gunicorn -w 2 app:app") == 2
    assert workers("celery -A jobs worker") == 1


@pytest.mark.parametrize(
    ("check", "status", "found", "changes"),
    [
        ("fork", "warning", "preload_app", {"command": "gunicorn --preload app:app"}),
        ("fork", "ok", "for themselves", {"command": "gunicorn app:app"}),
        ("fork", "ok", "for themselves", {"command": "uvicorn --workers 4 app:app"}),
        ("fork", "warning", "prefork", {"command": "celery -A jobs worker"}),
        ("fork", "ok", "for themselves", {"command": "celery -A jobs worker --pool threads"}),
        ("green-threads", "warning", "gevent", {"command": "gunicorn -k gevent app:app"}),
        ("workers-identity", "fail", "4 workers", {"command": "gunicorn -w 4 app:app",
                                                   "environ": {"OTEL_RESOURCE_ATTRIBUTES": "service.instance.id=a"}}),
        ("server-timeout", "fail", "timeout 3 s", {"command": "gunicorn -t 3 app:app"}),
        ("server-timeout", "warning", "timeout 30 s with sync", {"command": "gunicorn app:app"}),
        ("server-timeout", "ok", "leaves room", {"command": "gunicorn -k uvicorn_worker.UvicornWorker app:app"}),
        ("recycling", "warning", "after 50", {"command": "celery -A jobs worker --max-tasks-per-child 50"}),
        ("recycling", "warning", "same time", {"command": "gunicorn -w 4 --max-requests 5000 app:app"}),
        ("recycling", "ok", "nothing", {"command": "gunicorn -w 4 --max-requests 5000 --max-requests-jitter 500 a:a"}),
        ("reload", "fail", "one worker", {"command": "uvicorn --reload --workers 2 app:app"}),
        ("server", "warning", "no opentelemetry-instrument", {"command": "uvicorn app:app"}),
        ("server", "ok", "uvicorn", {"command": "autogen-vitals run -- uvicorn app:app"}),
        ("server", "fail", "quote", {"command": "gunicorn 'app:app"}),
        ("server", "fail", "cannot be read", {"server_config": Path("/nowhere/gunicorn.conf.py")}),
        ("server", "skipped", "no --server-config", {}),
    ],
)  # fmt: skip
def test_settings_that_hurt_autogen_are_found(
    check: str, status: str, found: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    """And those next to them, which do not, are not."""
    outcome = worst(check, surroundings(tmp_path, **changes))
    assert (outcome.status, found in outcome.found) == (status, True), outcome


def test_a_hook_after_the_fork_is_told_with_preload(tmp_path: Path) -> None:
    """It may be there to build what must not be built before."""
    path = tmp_path / "conf.py"
    path.write_text(CONFIG)
    outcome = worst("fork", surroundings(tmp_path, server_config=path))
    assert "post_fork may build it anew" in outcome.found
    assert outcome.rule == "AG201, AG202"
    told = [outcome.found for outcome in outcomes("server", surroundings(tmp_path, server_config=path))]
    assert any("not known: timeout, workers" in found for found in told)


def test_a_file_with_an_error_is_told_by_its_line(tmp_path: Path) -> None:
    """Not by what stands in it."""
    path = tmp_path / "conf.py"
    path.write_text("workers = 2\nraw_env = ['KEY=sk-secret'\n")
    outcome = worst("server", surroundings(tmp_path, server_config=path))
    assert outcome.status == "fail"
    assert "conf.py is no Python, line 2" in outcome.found
    assert "secret" not in outcome.found + outcome.fix
