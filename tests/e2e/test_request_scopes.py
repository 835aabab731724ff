"""A request is one request, under every kind of server and framework, without any instrumentation of those."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass

import httpx
import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, Server, built_by, free_port
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
    """

    name: str
    command: str
    workers: int = 1
    prefix: str = ""
    stop: signal.Signals = signal.SIGTERM
    says_500: bool = True


_GUNICORN = "gunicorn -b 127.0.0.1:{port} "
_UVICORN = "uvicorn --port {port} "
SERVED = (
    Served("flask-gunicorn-gthread", _GUNICORN + "-w 2 -k gthread --threads 2 scopes_flask:app", 2),
    Served("wsgi-gunicorn-sync", _GUNICORN + "scopes_wsgi:app", says_500=False),
    # These have no handler of SIGTERM; Ctrl-C is how they are stopped.
    Served("flask-werkzeug", "flask --app scopes_flask run --port {port}", stop=signal.SIGINT),
    Served("wsgi-wsgiref", "python scopes_wsgi.py {port}", stop=signal.SIGINT, says_500=False),
    Served("django-waitress", "waitress-serve --listen 127.0.0.1:{port} scopes_django:wsgi", stop=signal.SIGINT),
    Served("django-gunicorn-sync", _GUNICORN + "scopes_django:wsgi"),
    Served("django-uvicorn", _UVICORN + "scopes_django:asgi", prefix="/async"),
    Served("quart-hypercorn", "hypercorn -b 127.0.0.1:{port} scopes_quart:app"),
    Served("quart-gunicorn-asgi", _GUNICORN + "-k asgi scopes_quart:app"),
    Served("asgi-uvicorn", _UVICORN + "scopes_asgi:app", says_500=False),
    Served("asgi-hypercorn", "hypercorn -b 127.0.0.1:{port} scopes_asgi:app", says_500=False),
)


@pytest.mark.parametrize("served", [pytest.param(served, id=served.name) for served in SERVED])
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
