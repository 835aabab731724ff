"""A request is one request, under every kind of server and framework, without any instrumentation of those."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import APPS, ONLY_AT_STOP, Server, ServerFailed, built_by, free_port
from .telemetry import Telemetry, by_pid

pytestmark = pytest.mark.e2e

CLIENT = "ReplayChatCompletionClient"
NO_OTHERS = {
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "asgi,celery,django,fastapi,flask,quart,starlette,wsgi",
    "OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD": "0",
}


@dataclass(frozen=True)
class Served:
    """A server with an app.

    Attributes:
        name: for test ids.
        command: with ``{port}``.
        workers: processes that answer.
        prefix: of the app's paths.
        stop: the signal that it ends with as it should.
        says_500: its app answers with JSON when it fails.
        long: others serve its framework, and serve with its server.
    """

    name: str
    command: str
    workers: int = 1
    prefix: str = ""
    stop: signal.Signals = signal.SIGTERM
    says_500: bool = True
    long: bool = False


_GUNICORN = "gunicorn -b 127.0.0.1:{port} "
_UVICORN = "uvicorn --port {port} "
SERVED = (
    Served("flask-gunicorn-gthread", _GUNICORN + "-w 2 -k gthread --threads 2 scopes_flask:app", 2),
    Served("wsgi-gunicorn-sync", _GUNICORN + "scopes_wsgi:app", says_500=False),
    # These have no handler of SIGTERM; Ctrl-C is how they are stopped.
    Served("flask-werkzeug", "flask --app scopes_flask run --port {port}", stop=signal.SIGINT),
    Served("django-wsgiref", "python scopes_django.py {port}", stop=signal.SIGINT),
    Served("django-waitress", "waitress-serve --listen 127.0.0.1:{port} scopes_django:wsgi", stop=signal.SIGINT),
    Served("django-gunicorn-sync", _GUNICORN + "scopes_django:wsgi", long=True),
    Served("django-uvicorn", _UVICORN + "scopes_django:asgi", prefix="/async"),
    Served("quart-hypercorn", "hypercorn -b 127.0.0.1:{port} scopes_quart:app"),
    Served("quart-gunicorn-asgi", _GUNICORN + "-k asgi scopes_quart:app"),
    Served("asgi-uvicorn", _UVICORN + "scopes_asgi:app", says_500=False),
    Served("asgi-hypercorn", "hypercorn -b 127.0.0.1:{port} scopes_asgi:app", says_500=False, long=True),
)


@pytest.mark.parametrize(
    "served",
    [pytest.param(served, id=served.name, marks=pytest.mark.long if served.long else ()) for served in SERVED],
)
def test_a_request_is_one_request(served: Served, start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """From its first run to the last byte of its body; a failed one is a crash, told once, with its error."""
    port = free_port()
    command = ["opentelemetry-instrument", *served.command.format(port=port).split()]
    server = start.command(command, receiver.environment(served.name), ONLY_AT_STOP, NO_OTHERS, port=port)
    server.wait_ready(served.workers, served.prefix + "/health")
    server.ask(served.prefix + "/ask", 2, served.workers, each=1)
    server.ask(served.prefix + "/stream", 2, served.workers, each=1)
    _fail(server, served)
    # What each has built, that of the failed request included.
    built = built_by(server.ask(served.prefix + "/health", 2, served.workers, each=1))
    server.stop(served.stop)

    total = sum(built.values())
    assert by_pid(telemetry.inits(CLIENT)) == built, "init spans by pid"
    assert by_pid(telemetry.named("invoke_agent assistant")) == built, "runs by pid"
    assert not telemetry.entries(), "the SERVER spans of another instrumentation"
    requests = telemetry.counted("autogen.request.duration")
    assert requests == total / 2, f"two runs are one request: {requests} of {total} runs"
    assert telemetry.counted("autogen.request.duration", start_type="cold") == served.workers
    failed = [point for point in telemetry.points("autogen.request.duration") if "error.type" in point.attributes]
    assert [(point.count, point.attributes["error.type"]) for point in failed] == [(1, "LookupError")]
    crashes = telemetry.events("autogen.crash")
    assert [(crash.attributes["error.type"], crash.attributes["autogen.crash.escaped"]) for crash in crashes] == [
        ("LookupError", "request")
    ]
    assert {span.attributes["autogen.phase"] for span in telemetry.named("invoke_agent assistant")} == {"request"}
    assert not [exit.attributes for exit in telemetry.events("autogen.process.exit")], "nothing has crashed"


def _fail(server: Server, served: Served) -> None:
    response = httpx.get(f"http://127.0.0.1:{server.port}{served.prefix}/fail", timeout=60)
    assert response.status_code == 500, server.failed(f"/fail was answered with {response.status_code}")
    if served.says_500:
        json.loads(response.text)


def test_a_reloader_is_no_crash(start: Start, receiver: Receiver, telemetry: Telemetry, tmp_path: Path) -> None:
    """Flask's development server with its reloader: each process has the inits that it made, the one that ended for a
    changed file has come to its end, and so have all when Ctrl-C is pressed."""
    source = tmp_path / "reloaded.py"
    source.write_text("from scopes_flask import app\n")
    port = free_port()
    command = f"opentelemetry-instrument flask --app {source} run --debug --port {port}"
    app_path = {"PYTHONPATH": str(APPS), "FLASK_RUN_EXCLUDE_PATTERNS": f"{APPS}/*"}
    server = start.command(command.split(), receiver.environment("flask"), ONLY_AT_STOP, NO_OTHERS, app_path, port=port)
    server.wait_ready()
    first = server.ask("/ask", 2, 1)[0].pid
    source.write_text("from scopes_flask import app  # changed\n")
    deadline = time.monotonic() + 60
    while (second := _pid(server)) in (None, first):
        assert time.monotonic() < deadline, server.failed("it was not reloaded")
        time.sleep(0.05)
    server.ask("/ask", 2, 1)
    os.killpg(server.pid, signal.SIGINT)
    server.wait()

    built = built_by(server.answers)
    assert set(built) == {first, second}
    assert by_pid(telemetry.inits(CLIENT)) == built
    assert by_pid(telemetry.named("invoke_agent assistant")) == built
    assert telemetry.counted("autogen.request.duration") == sum(built.values()) / 2
    assert telemetry.counted("autogen.request.duration", start_type="cold") == 2
    assert not [event.attributes for event in telemetry.events("autogen.process.exit")]
    assert not [event.attributes for event in telemetry.events("autogen.crash")]


def _pid(server: Server) -> int | None:
    try:
        return server.get("/health").pid
    except ServerFailed:
        return None  # nobody listens while it starts again


@pytest.mark.parametrize(
    ("command", "observer"), [(_UVICORN, "self"), (_GUNICORN + "-k asgi ", "supervisor")], ids=["uvicorn", "gunicorn"]
)
def test_a_start_up_that_fails_is_a_boot_failure(
    command: str, observer: str, start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Where a framework handles its lifespan itself, and servers take its word for it."""
    arguments = f"opentelemetry-instrument {command.format(port=free_port())} unstartable_quart:app".split()
    server = start.command(arguments, receiver.environment("quart"), ONLY_AT_STOP, NO_OTHERS)
    assert server.wait() == 3
    crashes = telemetry.events("autogen.crash")
    assert [(crash.attributes["error.type"], crash.attributes["autogen.crash.escaped"]) for crash in crashes] == [
        ("KeyError", "lifespan")
    ]
    (exited,) = telemetry.events("autogen.process.exit")
    told = [exited.attributes[f"autogen.{word}"] for word in ("exit.reason", "phase", "exit.observed_by")]
    assert told == ["boot_failure", "startup", observer]
