"""The moments of a process's life, and what is done at each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autogen_vitals.lifecycle.deaths import Deaths
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import INVOKE_AGENT


def flags(tracker: Tracker) -> tuple[bool, bool, bool]:
    return tracker.phases.starting, tracker.phases.ready, tracker.phases.draining


def recorded(tracker: Tracker) -> Any:
    """A run of AutoGen's that is over."""
    observation: Any = tracker.begin_run(object(), "agent", INVOKE_AGENT, "autogen", {})
    tracker.end(observation, None)
    return observation


def test_a_server_s_life(moments: Moments, tracker_: Tracker, sink: Any) -> None:
    """Starting, ready, draining, ending: the phases follow, and the end is flushed."""
    recorded(tracker_)
    seen = []
    for moment in ("starting", "ready", "draining", "ending"):
        moments.reached(moment)  # type: ignore[arg-type]
        seen.append((*flags(tracker_), len(sink.flushes)))
    assert seen == [
        (True, False, False, 0),
        (False, True, False, 0),
        (False, True, True, 0),
        (False, True, True, 1),
    ]
    assert sink.flushes == [1.5]


def test_a_process_without_autogen_ends_without_a_flush(moments: Moments, tracker_: Tracker, sink: Any) -> None:
    """As it would without us, however often it ends."""
    moments.reached("starting")
    moments.reached("ending")
    moments.reached("ending")
    assert sink.flushes == []
    assert tracker_.phases.draining is True


def test_a_server_started_again_flushes_again(moments: Moments, tracker_: Tracker, sink: Any) -> None:
    """As under a test client."""
    for _ in range(2):
        moments.reached("starting")
        recorded(tracker_)
        moments.reached("ending")
    assert sink.flushes == [1.5, 1.5]


def test_an_end_without_a_drain_drains(moments: Moments, tracker_: Tracker) -> None:
    """What still happens is draining."""
    moments.reached("ending")
    assert tracker_.phases.draining is True


def test_the_end_of_a_forked_child_is_its_own(
    moments: Moments, tracker_: Tracker, sink: Any, in_fork: Callable[..., Any]
) -> None:
    """A child forked after its parent's server has ended flushes at its own end."""
    recorded(tracker_)
    moments.reached("ending")

    def child() -> int:
        sink.flushes.clear()
        recorded(tracker_)
        moments.reached("ending")
        return len(sink.flushes)

    assert in_fork(child) == 1


def test_a_fork_server_is_one_until_it_works(moments: Moments) -> None:
    """Celery's main process; and the child that says it is a worker."""
    moments.reached("becomes_fork_server")
    assert process.facts.is_fork_server is True
    moments.reached("becomes_worker")
    assert process.facts.is_fork_server is False


def dropped_stream(tracker: Tracker) -> Any:
    observation: Any = tracker.begin_run(object(), "agent", INVOKE_AGENT, "autogen", {})
    tracker.abandon(observation)
    return observation


def test_dropped_streams_are_told_of_before_the_flush(moments: Moments, tracker_: Tracker, sink: Any) -> None:
    """The last chance of theirs too."""
    observation = dropped_stream(tracker_)
    moments.reached("ending")
    assert sink.all("ended") == [observation]
    assert sink.flushes == [1.5]


def test_at_exit_the_sink_has_its_last_chance(moments: Moments, tracker_: Tracker, sink: Any) -> None:
    """After the streams that were dropped; without a flush, which is the SDK's to do."""
    observation = dropped_stream(tracker_)
    moments.exiting()
    assert [word for word, _ in sink.told][-4:] == [
        "ended",
        "request_ended",
        "startup_ended",
        "last_chance",
    ]
    assert sink.all("ended") == [observation]
    assert sink.flushes == []


def test_a_sink_that_fails_does_not_matter(tracker_: Tracker, escapes: Escapes, deaths: Deaths) -> None:
    """A server's shutdown goes on."""

    class Failing:
        def __getattr__(self, name: str) -> Any:
            raise LookupError(name)

    moments = Moments(tracker_, Failing(), escapes, lambda: deaths, 1.5)  # type: ignore[arg-type]
    assert moments.reached("ending") is None
    assert moments.exiting() is None
    assert tracker_.phases.draining is True
