"""What cannot wait for the next export goes out at once, in a thread that does not stay."""

from __future__ import annotations

import threading

import pytest

from autogen_vitals.telemetry import urgent
from autogen_vitals.telemetry.urgent import Urgent

SECONDS = 30
"""For what comes at once."""


@pytest.fixture(autouse=True)
def _pauses_are_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urgent, "_PAUSE", 10.0 * SECONDS)


def flushers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "autogen-vitals-flush"]


def test_what_is_wanted_during_the_pause_is_flushed_when_nothing_more_will_be_told() -> None:
    """A service that fails all the time flushes once a pause; switched off, it leaves no thread that waits for one."""
    flushed = threading.Semaphore(0)
    others = flushers()
    crashes = Urgent(flushed.release)
    crashes.soon()
    assert flushed.acquire(timeout=SECONDS)
    crashes.soon()
    assert not flushed.acquire(blocking=False), "it flushed again before the pause was over"
    crashes.last()
    assert flushed.acquire(timeout=SECONDS)
    for thread in flushers():
        if thread not in others:
            thread.join(SECONDS)
            assert not thread.is_alive()


def test_what_is_told_after_all_is_flushed() -> None:
    """A run that was in progress when we were switched off may fail yet."""
    flushed = threading.Semaphore(0)
    crashes = Urgent(flushed.release)
    crashes.last()
    for _ in range(2):
        crashes.soon()
        assert flushed.acquire(timeout=SECONDS)
