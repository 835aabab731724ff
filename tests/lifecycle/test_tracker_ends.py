"""How observations end: in other contexts, across forks, and when a stream is dropped."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import sys
from collections.abc import Callable
from typing import Any

from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, INVOKE_AGENT, INVOKE_WORKFLOW

Running = Any


class Component:
    """Anything an app builds."""


SAME = Component()


def test_leaving_in_another_context_undoes_nothing(tracker_: Tracker, run: Callable[..., Running], sink: Any) -> None:
    """That of a coroutine which the garbage collector closes is gone."""
    with run(INVOKE_WORKFLOW) as outer:
        inner = contextvars.copy_context().run(run, INVOKE_AGENT)
        tracker_.leave(inner.observation, inner.token)
        tracker_.end(inner.observation, GeneratorExit())
        assert tracker_.current() is outer
        assert sink.all("left") == []
    assert sink.all("ended") == [inner.observation, outer]


def test_ending_twice_ends_once(tracker_: Tracker, run: Callable[..., Running], sink: Any) -> None:
    """The first end holds."""
    with run(INVOKE_AGENT) as observation:
        tracker_.end(observation, None)
    tracker_.end(observation, LookupError())
    assert sink.all("ended") == [observation]
    assert observation.error is None


def test_what_began_before_a_fork_ends_in_the_parent(
    tracker_: Tracker, run: Callable[..., Running], sink: Any, in_fork: Callable[..., Any]
) -> None:
    """The child is told of none of it, and what it runs itself is outermost."""

    def child() -> list[Any]:
        inherited = tracker_.current()
        outer.__exit__(None, None, None)
        ended = len(sink.all("ended"))
        with run(INVOKE_AGENT, SAME) as own:
            pass
        return [inherited is None, ended, own.parent is None, own.outermost, own.request.start_type]

    outer = run(INVOKE_AGENT, SAME)
    assert in_fork(child) == [True, 0, True, True, "cold"]
    outer.__exit__(None, None, None)
    assert sink.all("ended") == [outer.observation]


def test_a_dropped_stream_settles_at_the_next_beginning(
    tracker_: Tracker, run: Callable[..., Running], init: Callable[..., Running], sink: Any, clock: Any
) -> None:
    """Where no loop runs; its duration ends where it was dropped."""
    for again in (lambda: run(INVOKE_AGENT), init):
        dropped = run(INVOKE_AGENT)
        assert dropped.observation is not None
        tracker_.leave(dropped.observation, dropped.token)  # type: ignore[arg-type]
        clock.move(5)
        tracker_.abandon(dropped.observation)
        clock.move(1000)
        assert not dropped.observation.ended
        with again():
            assert dropped.observation in sink.all("ended")
        assert (dropped.observation.duration_ns, dropped.observation.error) == (5, None)


def test_a_dropped_stream_s_request_ends_with_it(
    tracker_: Tracker, run: Callable[..., Running], sink: Any, clock: Any
) -> None:
    """Not when, an hour later, somebody comes by."""
    dropped = run(INVOKE_AGENT)
    tracker_.leave(dropped.observation, dropped.token)  # type: ignore[arg-type]
    clock.move(5)
    tracker_.abandon(dropped.observation)  # type: ignore[arg-type]
    clock.move(3_600_000_000_000)
    tracker_.settle()
    assert [request.duration_ns for request in sink.all("request_ended")] == [5]


async def test_a_dropped_stream_settles_in_the_loop(tracker_: Tracker, run: Callable[..., Running], sink: Any) -> None:
    """Soon, and not within the garbage collector."""
    dropped = run(INVOKE_AGENT)
    tracker_.leave(dropped.observation, dropped.token)  # type: ignore[arg-type]
    tracker_.abandon(dropped.observation)  # type: ignore[arg-type]
    assert sink.all("ended") == []
    await asyncio.sleep(0)
    assert sink.all("ended") == [dropped.observation]


def test_dropped_streams_are_bounded(tracker_: Tracker, run: Callable[..., Running]) -> None:
    """And keep nothing of the app's alive for ever."""
    for _ in range(2000):
        dropped = contextvars.copy_context().run(tracker_.begin_run, SAME, "agent", INVOKE_AGENT, "autogen", {})
        tracker_._abandoned.clear()
        assert dropped is not None
    for _ in range(2000):
        tracker_.abandon(dropped)
    assert len(tracker_._abandoned) == 1024


def test_a_forked_child_forgets_dropped_streams(
    tracker_: Tracker, run: Callable[..., Running], sink: Any, in_fork: Callable[..., Any]
) -> None:
    """They are the parent's to tell."""
    dropped = run(INVOKE_AGENT)
    tracker_.abandon(dropped.observation)  # type: ignore[arg-type]
    assert in_fork(lambda: [len(tracker_._abandoned), tracker_.settle(), len(sink.all("ended"))]) == [0, None, 0]
    tracker_.settle()
    assert sink.all("ended") == [dropped.observation]


def test_the_first_item_is_timed(tracker_: Tracker, run: Callable[..., Running], clock: Any) -> None:
    """From the run's beginning."""
    with run(CHAT) as observation:
        clock.move(7)
        tracker_.first_item(observation)
    assert observation.first_item_ns == 7


def test_inits_keep_no_frame(init: Callable[..., Running]) -> None:
    """A site is words and a number: the locals around it are not kept."""
    with init() as observation:
        pass
    frame = sys._getframe(0)
    gc.collect()
    assert not any(referrer is observation.tally for referrer in gc.get_referrers(frame))
