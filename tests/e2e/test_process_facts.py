"""``autogen.worker.info`` says who a process is, since when, and under which server."""

from __future__ import annotations

from datetime import datetime

import pytest

from autogen_vitals.local.receiver import ReceivedPoint, Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP
from .recordings import Recording, recorded
from .telemetry import Telemetry

pytestmark = pytest.mark.e2e

_TOLERANCE_NS = 50_000_000
_TICK_NS = 20_000_000
"""The kernel notes when a process was created in ticks of 10 ms."""


@recorded()
def test_each_worker_tells_who_it_is(recording: Recording) -> None:
    """Each worker's pid, its parent's, and its server are as the app sees them; its creation time is its own."""
    workers = recording.telemetry.workers()
    before_ns, _ = recording.created_ns
    for pid, parent_pid in recording.parents.items():
        told = workers[pid].attributes
        assert (told["process.parent_pid"], told["autogen.worker.server"]) == (parent_pid, recording.launcher.server)
        created_ns = _created_ns(workers[pid])
        assert before_ns - _TICK_NS <= created_ns <= recording.ready_ns, f"worker {pid} was created out of its time"
    if recording.launcher.workers > 1:
        assert set(recording.parents.values()) == {recording.master}


@recorded()
def test_each_worker_was_created_after_its_master(recording: Recording) -> None:
    """A worker's creation time is its own fork or spawn, not the master's start."""
    workers = recording.telemetry.workers()
    if recording.launcher.workers == 1:
        assert set(recording.built) == {recording.master}
        return
    _, started_ns = recording.created_ns
    for pid in recording.built:
        # The master has to import a server first.
        assert _created_ns(workers[pid]) > started_ns + _TOLERANCE_NS, f"worker {pid}"


def test_creation_time_of_a_script_is_exact(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """A plain script's creation time is within 50 ms of the moment it was started."""
    script = start.command(
        ["opentelemetry-instrument", "python", "children.py", "none"], receiver.environment("script"), ONLY_AT_STOP
    )
    assert script.wait() == 0, script.failed("the script failed")
    told = telemetry.workers()[script.pid]
    assert told.attributes["autogen.worker.server"] == "plain"
    assert told.value == 1
    created_ns = _created_ns(told)
    assert script.created_after_ns - _TOLERANCE_NS <= created_ns <= script.created_before_ns + _TOLERANCE_NS


def _created_ns(point: ReceivedPoint) -> int:
    text = point.attributes["process.creation.time"]
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e9)
