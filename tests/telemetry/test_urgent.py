"""The thread that hands out what cannot wait."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest

from autogen_vitals.lifecycle.forking import wait_for
from autogen_vitals.telemetry.urgent import Urgent

SECONDS = 10


def _threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "autogen-vitals-flush"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_it_rests_in_no_fork(recwarn: pytest.WarningsRecorder) -> None:
    """A fork of the app's after a crash is warned of no more than without us; and the next crash is flushed again."""
    flushed = threading.Semaphore(0)
    urgent = Urgent(flushed.release)
    for _ in range(2):
        urgent.soon()
        assert flushed.acquire(timeout=SECONDS)
        wait_for(urgent._is_flushing, SECONDS)
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)
        assert _threads() == []
    assert [str(warning.message) for warning in recwarn if warning.category is DeprecationWarning] == []


def test_a_flush_that_lasts_holds_up_one_fork_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that does not answer is waited for once, and its thread goes on."""
    monkeypatch.setattr("autogen_vitals.telemetry.urgent._LONGEST_WAIT", 0.01)
    begun, answered = threading.Event(), threading.Event()

    def flush() -> Any:
        begun.set()
        answered.wait(SECONDS)

    urgent = Urgent(flush)
    urgent.soon()
    assert begun.wait(SECONDS)
    urgent._prepare()
    urgent._prepare()
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "autogen-vitals-flush")
    answered.set()
    urgent._prepare()
    thread.join(SECONDS)
    assert not thread.is_alive(), "it has rested, and ends when asked to"
