"""Why a worker was started, as far as anybody can know."""

from __future__ import annotations

import os
import signal
import time

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, Launcher
from .recordings import Recording, recorded
from .telemetry import Telemetry, startups

pytestmark = pytest.mark.e2e

GTHREAD = Launcher("gunicorn-gthread", "gunicorn -w 2 -k gthread -b 127.0.0.1:{port} {app}", 2, app="scopes_flask:app")


@recorded()
def test_a_worker_knows_whether_it_was_forked(recording: Recording) -> None:
    """Gunicorn forks its workers, uvicorn starts them as programs; none of these replaces another."""
    reason = "fork" if recording.launcher.server == "gunicorn" else "process_start"
    found = startups(recording.telemetry)
    assert {pid: found[pid].attributes["autogen.start.reason"] for pid in recording.built} == dict.fromkeys(
        recording.built, reason
    )


def test_who_replaces_a_killed_worker_knows_it(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """The first that gunicorn forks afterwards."""
    server = start(GTHREAD, receiver.environment("gthread"), ONLY_AT_STOP).wait_ready(2)
    first = {answer.pid for answer in server.ask("/ask", 2, 2, each=1)}
    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while victim in (pids := {answer.pid for answer in server.ask("/ask", 2, 1)}) or not pids - first:
        assert time.monotonic() < deadline, server.failed("the killed worker was not replaced")
    assert server.stop() == 0
    (successor,) = pids - first
    found = startups(telemetry)
    assert found[successor].attributes["autogen.start.reason"] == "worker_respawn"
    assert found[max(first)].attributes["autogen.start.reason"] == "fork"
