"""One client a worker, built in the app's lifespan: cold once, then warm."""

from __future__ import annotations

from collections import Counter

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import CLIENT, GUNICORN_UVICORN_PRELOAD, ONLY_AT_STOP, UVICORN, UVICORN_WORKERS, Launcher, served_by
from .telemetry import Telemetry, by_pid

pytestmark = pytest.mark.e2e


@served_by(UVICORN, GUNICORN_UVICORN_PRELOAD, long=[UVICORN_WORKERS])
def test_shared_client_is_cold_once_then_warm(
    launcher: Launcher, start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Each worker builds its client once, in its start-up; its first request is cold and all others are warm."""
    server = start(launcher, receiver.environment("shared"), ONLY_AT_STOP, app="shared_client:app")
    server.wait_ready(launcher.workers)
    answers = server.ask("/ask?q=hello", 12, launcher.workers)
    server.stop()

    workers = Counter(answer.pid for answer in answers)
    inits = telemetry.inits()
    assert by_pid(inits) == dict.fromkeys(workers, 1), "one client a worker"
    assert {span.attributes["autogen.phase"] for span in inits} == {"startup"}, "the lifespan is start-up"
    assert not any(span.attributes["autogen.reinit"] for span in inits)
    entries = telemetry.entries()
    for pid, requests in workers.items():
        spans = [entries[answer.body["trace_id"]] for answer in answers if answer.pid == pid]
        # Two requests at once take two connections.
        told = Counter(span.attributes["autogen.start.type"].replace("reconnect", "warm") for span in spans)
        assert told == {"cold": 1, "warm": requests - 1}, f"start types of worker {pid}"
        for span in spans:
            connects, start_type = (
                span.attributes[f"autogen.{name}"] for name in ("request.connect.count", "start.type")
            )
            # The cold one may find the connection of one that was served meanwhile.
            assert start_type == "cold" or (connects > 0) == (start_type == "reconnect")
        assert {span.attributes["autogen.request.init.count"] for span in spans} == {1}, "only the agent"
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT, phase="startup") == launcher.workers
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT) == launcher.workers
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == 0
    assert telemetry.counted("autogen.request.duration", start_type="cold") == launcher.workers
    later = sum(telemetry.counted("autogen.request.duration", start_type=type) for type in ("warm", "reconnect"))
    assert later == len(answers) - launcher.workers
