"""What cannot wait for the next export goes out at once, in a thread that does not stay."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from autogen_vitals.lifecycle.forking import wait_for
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


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_it_rests_in_no_fork(recwarn: pytest.WarningsRecorder) -> None:
    """A fork of the app's after a crash is warned of no more than without us; and the next crash is flushed again."""

    def warned_of() -> int:
        recwarn.clear()
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        return len([warning for warning in recwarn if warning.category is DeprecationWarning])

    flushed, others = threading.Semaphore(0), flushers()
    # Other tests may have left threads.
    without_us = warned_of()
    crashes = Urgent(flushed.release)
    for _ in range(2):
        crashes.soon()
        assert flushed.acquire(timeout=SECONDS)
        wait_for(crashes._is_flushing, SECONDS)
        assert warned_of() <= without_us
        assert [thread for thread in flushers() if thread not in others] == []


def test_a_flush_that_lasts_holds_up_one_fork_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that does not answer is waited for once, and its thread goes on."""
    monkeypatch.setattr(urgent, "_LONGEST_WAIT", 0.01)
    begun, answered = threading.Event(), threading.Event()

    def flush() -> Any:
        begun.set()
        answered.wait(SECONDS)

    others = flushers()
    crashes = Urgent(flush)
    crashes.soon()
    assert begun.wait(SECONDS)
    crashes._prepare()
    crashes._prepare()
    (thread,) = (thread for thread in flushers() if thread not in others)
    answered.set()
    wait_for(crashes._is_flushing, SECONDS)
    crashes._prepare()
    thread.join(SECONDS)
    assert not thread.is_alive(), "it has rested, and ends when asked to"
