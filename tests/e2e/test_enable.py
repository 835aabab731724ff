"""``autogen_vitals.enable()`` in the app, and no other preparation."""

from __future__ import annotations

from collections import Counter

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import (
    CLIENT,
    GUNICORN_SYNC,
    GUNICORN_UVICORN_PRELOAD,
    ONLY_AT_STOP,
    UVICORN,
    UVICORN_WORKERS,
    Launcher,
    built_by,
)
from .telemetry import Telemetry, by_pid

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    ("launcher", "app"),
    [
        pytest.param(UVICORN, "enabled_fastapi:app", id="uvicorn-fastapi"),
        pytest.param(UVICORN_WORKERS, "enabled_starlette:app", id="uvicorn-workers-starlette", marks=pytest.mark.long),
        pytest.param(GUNICORN_UVICORN_PRELOAD, "enabled_starlette:app", id="gunicorn-uvicorn-preload-starlette"),
        pytest.param(GUNICORN_SYNC, "enabled_flask:app", id="gunicorn-sync-flask"),
    ],
)
def test_one_call_is_enough(
    launcher: Launcher, app: str, start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Spans and metrics arrive at SIGTERM; where there is no SERVER span, the outermost run tells what it paid."""
    server = start(launcher, receiver.environment("enabled"), ONLY_AT_STOP, app=app, instrument=False)
    server.wait_ready(launcher.workers)
    answers = server.ask("/ask?q=hello", 10, launcher.workers)
    server.stop()

    built = built_by(answers)
    assert by_pid(telemetry.inits()) == built
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT) == sum(built.values())
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == sum(built.values()) - len(built)
    runs = telemetry.named("invoke_agent assistant")
    for pid, requests in built.items():
        told = [span.attributes["autogen.start.type"] for span in runs if span.attributes["process.pid"] == pid]
        assert Counter(told) == {"cold": 1, "rebuild": requests - 1}, f"start types of worker {pid}"
    assert telemetry.counted("autogen.request.duration", start_type="cold") == launcher.workers
    assert telemetry.counted("autogen.request.duration") == len(answers)
    # Recent FastAPI makes SERVER spans itself; Starlette and Flask do not.
    entries = telemetry.entries()
    assert bool(entries) == ("fastapi" in app), f"SERVER spans of {app}: {len(entries)}"
    bearers = [span for span in entries.values() if "autogen.start.type" in span.attributes] if entries else runs
    counts = Counter(span.attributes.get("autogen.request.init.count") for span in bearers)
    assert counts == {2: len(answers)}, "inits a request"
