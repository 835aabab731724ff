"""Requests: what a unit of served work paid, and its start type."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from autogen_vitals.lifecycle.boundaries import RequestBlock
from autogen_vitals.lifecycle.requests import REBUILD_NS, Request
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import INVOKE_AGENT


def used(tracker: Tracker, name: str | None = None) -> Request:
    """A request in which AutoGen is used; not current."""
    request = tracker.requests.open(name)
    tracker.requests.use(request)
    return request


def init(kind: str = "agent", duration_ns: int = 1000, inside_init: bool = False) -> Any:
    return SimpleNamespace(
        kind=kind, type="Built", duration_ns=duration_ns, inside_init=inside_init, tally=None, error=None, config=0
    )


# --- start types ------------------------------------------------------------------------------------------------------


def test_the_first_request_is_cold_and_the_others_are_warm(tracker_: Tracker) -> None:
    """Cold exactly once in a process."""
    assert [used(tracker_).start_type for _ in range(3)] == ["cold", "warm", "warm"]


def test_a_request_without_autogen_is_not_the_cold_one(tracker_: Tracker) -> None:
    """A health check before it takes nothing away."""
    health_check = tracker_.requests.open()
    assert used(tracker_).start_type == "cold"
    assert (health_check.used, health_check.start_type) == (False, "warm")


def test_using_a_request_twice_changes_nothing(tracker_: Tracker) -> None:
    """A cold request stays cold, a warm one warm."""
    first, second = used(tracker_), used(tracker_)
    tracker_.requests.use(first)
    tracker_.requests.use(second)
    assert (first.start_type, second.start_type) == ("cold", "warm")


def test_of_fifty_threads_at_once_one_is_cold(tracker_: Tracker) -> None:
    """However they race."""
    barrier = threading.Barrier(50)
    types: list[str] = []

    def serve() -> None:
        request = tracker_.requests.open()
        barrier.wait()
        tracker_.requests.use(request)
        types.append(request.start_type)

    threads = [threading.Thread(target=serve) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(types) == ["cold"] + ["warm"] * 49


@pytest.mark.parametrize(
    ("inits", "start_type"),
    [
        ([], "warm"),
        ([init("model_client", 1)], "rebuild"),
        ([init("model_client", 1, inside_init=True)], "rebuild"),
        ([init("agent", REBUILD_NS - 1)], "warm"),
        ([init("agent", REBUILD_NS)], "rebuild"),
        ([init("agent", REBUILD_NS // 2), init("team", REBUILD_NS // 2)], "rebuild"),
        ([init("team", REBUILD_NS - 1), init("agent", REBUILD_NS, inside_init=True)], "warm"),
    ],
)
def test_what_makes_a_request_a_rebuild(inits: list[Any], start_type: str, tracker_: Tracker) -> None:
    """A model client, or 50 ms of inits of their own."""
    cold, request = used(tracker_), used(tracker_)
    for one in inits:
        cold.count_init(one)
        request.count_init(one)
    assert request.start_type == start_type
    assert cold.start_type == "cold"


def test_the_threshold_is_fifty_milliseconds() -> None:
    """As documented."""
    assert REBUILD_NS == 50_000_000


def test_inits_within_inits_are_not_counted_again(tracker_: Tracker) -> None:
    """The outer one's time contains theirs."""
    request = used(tracker_)
    for one in (init("agent", 300, inside_init=True), init("team", 1000), init("agent", 5)):
        request.count_init(one)
    assert (request.init_count, request.init_ns) == (2, 1005)


# --- the block --------------------------------------------------------------------------------------------------------


def test_a_block_is_a_request(tracker_: Tracker, sink: Any) -> None:
    """Current inside, over after; its duration, name and error are known."""
    with RequestBlock(tracker_, None, "report"):
        request = tracker_.requests.current()
        assert request is not None
        tracker_.requests.use(request)
        assert sink.told == []
    assert tracker_.requests.current() is None
    assert sink.told == [("request_ended", request)]
    assert (request.name, request.error, request.ended) == ("report", None, True)
    assert request.duration_ns > 0
    assert tracker_.phases.ready is True


async def test_an_async_block_is_a_request(tracker_: Tracker, sink: Any) -> None:
    """The same, and its tasks belong to it."""

    async def work() -> Request | None:
        return tracker_.requests.current()

    async with RequestBlock(tracker_, None, "report"):
        request = tracker_.requests.current()
        assert request is not None
        assert await asyncio.create_task(work()) is request
        tracker_.requests.use(request)
    assert tracker_.requests.current() is None
    assert sink.told == [("request_ended", request)]


def test_a_request_that_used_nothing_is_not_told_of(tracker_: Tracker, sink: Any) -> None:
    """A service serves more than agents."""
    with RequestBlock(tracker_, None, "health"):
        pass
    assert sink.told == []


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt])
def test_an_exception_passes_a_block(kind: type[BaseException], tracker_: Tracker) -> None:
    """The very object, and its class is the request's error."""
    error, seen = kind("the app's"), []

    def work() -> None:
        with RequestBlock(tracker_, None, "report"):
            seen.append(tracker_.requests.current())
            raise error

    with pytest.raises(kind) as caught:
        work()
    assert caught.value is error
    assert [request.error for request in seen if request is not None] == [kind.__name__]


def test_a_block_in_a_block_opens_nothing(tracker_: Tracker, sink: Any) -> None:
    """Outermost wins, and the inner one's end ends nothing."""
    with RequestBlock(tracker_, None, "outer"):
        outer = tracker_.requests.current()
        assert outer is not None
        tracker_.requests.use(outer)
        with RequestBlock(tracker_, None, "inner"):
            assert tracker_.requests.current() is outer
        assert tracker_.requests.current() is outer
        assert sink.told == []
    assert sink.told == [("request_ended", outer)]


@pytest.mark.parametrize("on", [True, False], ids=["switched off", "not installed"])
def test_a_block_without_us_is_a_block(on: bool, tracker_: Tracker, sink: Any) -> None:
    """Before enable() and after disable() it does nothing."""
    tracker_.active = False
    with RequestBlock(tracker_ if on else None, None, "report") as block:
        assert isinstance(block, RequestBlock)
        assert tracker_.requests.current() is None
    assert sink.told == []


def test_two_blocks_one_after_the_other_are_two_requests(tracker_: Tracker, sink: Any) -> None:
    """The first is cold, the second is warm."""
    for _ in range(2):
        with RequestBlock(tracker_, None, "report"):
            request = tracker_.requests.current()
            assert request is not None
            tracker_.requests.use(request)
    assert [request.start_type for request in sink.all("request_ended")] == ["cold", "warm"]


def test_one_block_entered_twice_ends_its_request(tracker_: Tracker) -> None:
    """A block kept in a variable may be entered within itself, as other context managers of this kind may."""
    block = RequestBlock(tracker_, None, "report")
    with block, block:
        request = tracker_.requests.current()
    assert request is not None
    assert request.ended
    assert tracker_.requests.current() is None


# --- ends -------------------------------------------------------------------------------------------------------------


async def test_a_request_that_is_over_catches_no_later_work(tracker_: Tracker) -> None:
    """A background task started in it goes on in its context, and belongs to none."""
    over = asyncio.Event()

    async def later() -> Request | None:
        await over.wait()
        return tracker_.requests.current()

    async with RequestBlock(tracker_, None, "report"):
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    over.set()
    assert await task is None


def test_work_after_it_may_be_a_request_of_its_own(tracker_: Tracker) -> None:
    """The context of one that is over opens a new one."""
    block = RequestBlock(tracker_, None, "first")
    block.__enter__()
    first = tracker_.requests.current()
    context = contextvars.copy_context()
    block.__exit__(None, None, None)
    begun = context.run(tracker_.requests.begin, "second")
    assert begun is not None
    assert begun[0] is not first


def test_a_request_ends_once(tracker_: Tracker, sink: Any) -> None:
    """Its first end holds."""
    request = used(tracker_)
    tracker_.requests.finish(request, None)
    duration = request.duration_ns
    tracker_.requests.finish(request, "ValueError")
    assert (request.error, request.duration_ns) == (None, duration)
    assert sink.all("request_ended") == [request]


def test_its_span_is_let_go(tracker_: Tracker) -> None:
    """A server's thread keeps the request, but not what it is told with."""
    request = tracker_.requests.open(span=object())
    tracker_.requests.finish(request, None)
    assert request.span is None


def test_an_end_in_another_context_undoes_nothing_there(tracker_: Tracker, sink: Any) -> None:
    """It ends the request all the same."""
    context = contextvars.copy_context()
    begun = context.run(tracker_.requests.begin, "report")
    assert begun is not None
    tracker_.requests.use(begun[0])
    tracker_.requests.end(begun)
    assert sink.all("request_ended") == [begun[0]]
    assert context.run(tracker_.requests.current) is None


def test_entering_the_request_that_is_current_does_nothing(tracker_: Tracker) -> None:
    """There is nothing to undo then."""
    request = tracker_.requests.open()
    token = tracker_.requests.enter(request)
    assert tracker_.requests.enter(request) is None
    tracker_.requests.leave(None)
    assert tracker_.requests.current() is request
    tracker_.requests.leave(token)
    assert tracker_.requests.current() is None


def test_what_goes_on_belongs_to_its_request(tracker_: Tracker) -> None:
    """Wherever it is entered, such as by the consumer of a stream that has left the request's context."""
    request, token = begun(tracker_)
    context = contextvars.copy_context()
    tracker_.requests.leave(token)
    assert tracker_.requests.current() is None
    observation = context.run(tracker_.begin_run, object(), "agent", INVOKE_AGENT, "autogen", {})
    assert observation is not None
    entered = tracker_.enter(observation)
    assert tracker_.requests.current() is request
    tracker_.leave(observation, entered)
    assert tracker_.requests.current() is None


def test_what_outlives_its_request_hides_no_other(tracker_: Tracker, in_fork: Callable[..., Any]) -> None:
    """Neither here nor in a child that was forked meanwhile."""
    request, token = begun(tracker_)
    observation = tracker_.begin_run(object(), "agent", INVOKE_AGENT, "autogen", {})
    assert observation is not None
    tracker_.enter(observation)

    def serves_another() -> bool:
        assert tracker_.requests.current() is None
        another = tracker_.requests.begin("another")
        return another is not None and tracker_.requests.current() is another[0]

    assert in_fork(serves_another) is True
    tracker_.requests.end((request, token))
    assert serves_another()


def begun(tracker_: Tracker) -> Any:
    """A request of this context."""
    token = tracker_.requests.begin("first")
    assert token is not None
    return token


def test_in_a_forked_child_the_parent_s_request_is_over(
    tracker_: Tracker, sink: Any, in_fork: Callable[..., Any]
) -> None:
    """The child's first request is cold again, and it ends none of its parent's."""

    def child() -> list[Any]:
        inherited = tracker_.requests.current()
        tracker_.requests.finish(parents, None)
        return [inherited is None, len(sink.told), used(tracker_).start_type]

    with RequestBlock(tracker_, None, "report"):
        parents = tracker_.requests.current()
        assert parents is not None
        tracker_.requests.use(parents)
        assert in_fork(child) == [True, 0, "cold"]
        assert tracker_.requests.current() is parents
    assert sink.all("request_ended") == [parents]
    assert used(tracker_).start_type == "warm"
