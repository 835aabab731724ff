"""Telemetry that cannot be exported: the app answers, and ends about as soon as without us."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from .conftest import Start
from .harness import DISABLED, GUNICORN_SYNC, GUNICORN_UVICORN, UVICORN, UVICORN_WORKERS, Launcher, free_port, served_by

pytestmark = pytest.mark.e2e

FLUSH_SECONDS = 3.0
"""The default of the setting flush_timeout."""
SLACK_SECONDS = 4.5
"""For two servers that end at the same moment on a busy machine; with the above less than an export too many."""


@pytest.fixture
def black_hole() -> Iterator[str]:
    """An endpoint that accepts every connection, reads what comes and never answers."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)
    held: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                held.append(listener.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    for connection in held:
        connection.close()


def _otlp(endpoint: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "none",
        # Longer than what may be added, so that one export too many shows; shorter than its default, to save time.
        "OTEL_EXPORTER_OTLP_TIMEOUT": "8",
    }


@served_by(UVICORN, long=[UVICORN_WORKERS, GUNICORN_UVICORN, GUNICORN_SYNC])
def test_hanging_endpoint_delays_the_end_by_the_flush_timeout(
    launcher: Launcher, start: Start, black_hole: str
) -> None:
    """An exporter that hangs costs a stopping server flush_timeout at the most, compared with us switched off."""
    observed, without = _both(start, launcher, _otlp(black_hole))
    assert observed <= without + FLUSH_SECONDS + SLACK_SECONDS, f"{observed:.1f} s to stop, {without:.1f} s without us"


@served_by(GUNICORN_UVICORN, long=[UVICORN])
def test_unreachable_endpoint_does_not_hurt(launcher: Launcher, start: Start) -> None:
    """With nobody listening at the endpoint every request is answered, and the end comes within flush_timeout."""
    observed, without = _both(start, launcher, _otlp(f"http://127.0.0.1:{free_port()}"))
    assert observed <= without + FLUSH_SECONDS + SLACK_SECONDS, f"{observed:.1f} s to stop, {without:.1f} s without us"


@pytest.mark.parametrize(
    ("app", "instrument"),
    [
        pytest.param("per_request:app", True, id="opentelemetry-instrument"),
        pytest.param("enabled_fastapi:app", False, id="enable"),
    ],
)
def test_unknown_exporter_does_not_hurt(app: str, instrument: bool, start: Start) -> None:
    """An exporter that does not exist is a line in the log; the app serves and ends at once."""
    server = start(
        UVICORN,
        {"OTEL_TRACES_EXPORTER": "nonsense", "OTEL_METRICS_EXPORTER": "nonsense"},
        app=app,
        instrument=instrument,
    ).wait_ready()
    server.ask("/ask?q=hello", 3, 1)
    server.stop()
    assert server.stop_seconds <= SLACK_SECONDS
    if not instrument:
        # What is found about the app is told there too, for want of anywhere else.
        about_us = (line for line in server.log.splitlines() if "autogen-vitals" in line)
        complaints = [line for line in about_us if "autogen-vitals: AG" not in line]
        assert len(complaints) == 1, complaints
        assert "OTEL_TRACES_EXPORTER" in complaints[0], "the line names the variable to look at"


def test_child_forked_during_an_export_ends(start: Start) -> None:
    """A child forked while its parent's metric reader exports does not wait for a lock that nobody will release."""
    script = start.command(
        ["opentelemetry-instrument", "python", "fork_in_export.py"],
        _otlp(f"http://127.0.0.1:{free_port()}"),
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_METRIC_EXPORT_INTERVAL": "200", "OTEL_EXPORTER_OTLP_TIMEOUT": "2"},
    )
    assert script.wait() == 0, script.failed("the script failed")
    told = next(json.loads(line) for line in script.log.splitlines() if "child_seconds" in line)
    assert told["status"] == 0
    # Its own last exports, two seconds each; the SDK waits 30 s for a reader that waits for the parent's lock.
    assert told["child_seconds"] < 15


def test_zero_flush_timeout_does_not_wait(start: Start, black_hole: str) -> None:
    """With flush_timeout 0 a hanging endpoint costs a stopping server nothing."""
    server = start(UVICORN, _otlp(black_hole), {"OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT": "0"}).wait_ready()
    server.ask("/ask?q=hello", 2, 1)
    server.stop()
    assert server.stop_seconds <= SLACK_SECONDS


def _both(start: Start, launcher: Launcher, variables: dict[str, str]) -> tuple[float, float]:
    """Seconds to stop with us and with us switched off, and that both answered; the two run side by side."""
    servers = [start(launcher, variables), start(launcher, variables, DISABLED)]
    for server in servers:
        server.wait_ready(launcher.workers)
        answers = server.ask("/ask?q=hello", 4, launcher.workers, each=1)
        assert all(answer.body["reply"].startswith("This is reply") for answer in answers)
    with ThreadPoolExecutor(2) as threads:
        codes = list(threads.map(lambda server: server.stop(), servers))
    assert codes[0] == codes[1], f"return codes with us and without: {codes}"
    return servers[0].stop_seconds, servers[1].stop_seconds
