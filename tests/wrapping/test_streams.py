"""Wrapped streams: one run each, ended once, and nothing of it is ever seen by the consumer.

Every test ends by ``watch.only``, which checks that what the watch was told is in order: begin, pairs of enter and
leave, one end. ``foreign`` counts contexts in which something had to be undone that was not done there.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import time
import traceback
import warnings
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from autogen_vitals.wrapping.calls import deferred_call
from autogen_vitals.wrapping.proxy import Wrapper

Stream = Any
Make = Callable[..., Stream]

OLD_SIGNATURE = "the (type, exc, tb) signature of athrow() is deprecated, use the single-arg signature instead."


@pytest.fixture
def log() -> list[object]:
    """What a stream's own code notes."""
    return []


@pytest.fixture(params=[False, True], ids=["", "timed"])
def stream(watch: Any, log: list[object], caplog: pytest.LogCaptureFixture, request: Any) -> Any:
    """Makes a stream of numbers that notes what is current in its code; then nothing was logged or leaked."""
    watch.times = request.param

    async def numbers(count: int = 3, error: BaseException | None = None, event: asyncio.Event | None = None) -> Any:
        try:
            for number in range(count):
                log.append(watch.current)
                await asyncio.sleep(0)
                log.append(watch.current)
                log.append((yield number))
            if event is not None:
                await event.wait()
            if error is not None:
                raise error
        finally:
            log.append("closed")

    yield Wrapper(numbers, deferred_call(watch))
    gc.collect()
    assert watch.current is None
    assert watch.foreign == 0
    assert caplog.records == []


def assert_it_was_current(watch: Any, log: list[object]) -> None:
    seen = [entry for entry in log if entry not in (None, "closed")]
    assert seen
    assert all(entry is watch.observed[0] for entry in seen)


async def test_full_iteration(stream: Make, watch: Any, log: list[object]) -> None:
    """Every item comes; the run is current in the stream's code only; it ends once, with the last item."""
    items = []
    async for item in stream():
        assert watch.current is None
        items.append(item)
    assert items == [0, 1, 2]
    assert watch.only.told[-1] == "end"
    assert (watch.only.result, watch.only.error) == (2, None)
    assert watch.only.steps == 7  # each number: to its await, to its yield; then to the end
    assert_it_was_current(watch, log)


async def test_the_first_item_is_told_once(stream: Make, watch: Any) -> None:
    """After the first item's own leave, and never again."""
    assert [item async for item in stream()] == [0, 1, 2]
    told = watch.only.told
    assert told.index("first_item") == told.index("enter", told.index("enter") + 1) + 2
    assert told.count("first_item") == 1


async def test_an_empty_stream_has_no_first_item(stream: Make, watch: Any) -> None:
    """It begins and ends."""
    assert [item async for item in stream(0)] == []
    assert watch.only.told == ["begin", "enter", "leave", "end"]
    assert (watch.only.result, watch.only.error) == (None, None)


async def test_an_early_break_with_aclose(stream: Make, watch: Any, log: list[object]) -> None:
    """A consumer that has seen enough and closes the stream makes no error."""
    async with contextlib.aclosing(stream()) as running:
        async for _ in running:
            break
    assert log[-1] == "closed"
    assert watch.only.told[-1] == "end"
    assert (watch.only.result, watch.only.error) == (0, None)


async def test_an_early_break_without_aclose(stream: Make, watch: Any, log: list[object]) -> None:
    """A stream that is dropped is abandoned once; the event loop then closes the generator as it always does."""
    async for _ in stream():
        break
    gc.collect()
    assert watch.only.told[-1] == "abandon"
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert log[-1] == "closed"
    assert watch.only.told[-1] == "abandon"


async def test_an_error_in_the_stream(stream: Make, watch: Any) -> None:
    """The very exception reaches consumer and watch."""
    error = LookupError("the app's")
    with pytest.raises(LookupError) as caught:
        async for _ in stream(1, error):
            pass
    assert caught.value is error
    assert watch.only.error is error
    assert watch.only.result == 0


async def test_an_error_in_the_consumer(stream: Make, watch: Any, log: list[object]) -> None:
    """What the consumer raises is no error of the stream's, and is not touched."""
    error = LookupError("the consumer's")

    async def consume() -> None:
        async with contextlib.aclosing(stream()) as running:
            async for _ in running:
                raise error

    with pytest.raises(LookupError) as caught:
        await consume()
    assert caught.value is error
    assert watch.only.error is None
    assert log[-1] == "closed"


async def test_cancellation_while_suspended(stream: Make, watch: Any, log: list[object]) -> None:
    """A consumer cancelled while it waits for an item: the stream's code sees it, the run ends with it."""

    async def consume() -> None:
        async for _ in stream(1, None, asyncio.Event()):
            pass

    task = asyncio.ensure_future(consume())
    for _ in range(5):
        await asyncio.sleep(0)
    assert watch.observed[0].told[-1] == "leave"
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log[-1] == "closed"
    assert type(watch.only.error) is asyncio.CancelledError


async def test_closing_from_another_task(stream: Make, watch: Any) -> None:
    """The task that closes a stream need not be the one that iterated it."""
    running = stream()
    await asyncio.ensure_future(running.__anext__())
    await asyncio.ensure_future(running.aclose())
    assert watch.only.error is None
    assert watch.only.told[-1] == "end"


async def test_iteration_split_across_tasks(stream: Make, watch: Any, log: list[object]) -> None:
    """Each item asked for by another task, each with a context of its own: one run, current in all of them."""
    running = stream()
    assert [await asyncio.create_task(running.__anext__()) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(StopAsyncIteration):
        await running.__anext__()
    assert watch.only.told[-1] == "end"
    assert_it_was_current(watch, log)


async def test_wait_for_with_a_timeout(stream: Make, watch: Any) -> None:
    """A timeout around an item cancels the stream, as it would without us."""
    running = stream(1, None, asyncio.Event())
    assert await asyncio.wait_for(running.__anext__(), 10) == 0
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(running.__anext__(), 0.001)
    assert type(watch.only.error) is asyncio.CancelledError
    with pytest.raises(StopAsyncIteration):
        await running.__anext__()
    assert watch.only.told[-1] == "end"


def test_garbage_collection_without_a_loop(stream: Make, watch: Any) -> None:
    """A stream driven by hand and dropped where no loop runs is abandoned once."""
    running = stream()
    step = running.__anext__()
    step.send(None)
    with pytest.raises(StopIteration):
        step.send(None)
    del step, running
    gc.collect()
    assert watch.only.told[-1] == "abandon"


async def test_a_step_dropped_while_suspended(stream: Make, watch: Any) -> None:
    """The pending step of a dropped stream leaves nothing behind either."""
    running = stream(1, None, asyncio.Event())
    await running.__anext__()
    step = running.__anext__()
    step.send(None)
    del step, running
    gc.collect()
    await asyncio.sleep(0)
    assert watch.only.told[-1] == "abandon"


async def test_asend_is_forwarded(stream: Make, watch: Any, log: list[object]) -> None:
    """What is sent arrives in the stream's code."""
    running = stream()
    assert await running.asend(None) == 0
    assert await running.asend("sent") == 1
    assert "sent" in log
    await running.aclose()
    assert (watch.only.result, watch.only.error) == (1, None)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the signature is deprecated from 3.12 on")
@pytest.mark.parametrize("traceback_too", [False, True])
async def test_the_old_signature_of_athrow(stream: Make, watch: Any, *, traceback_too: bool) -> None:
    """CPython's warning is of the consumer's line, once; the exception has the traceback it would have had."""

    async def thrown(running: Stream) -> list[str]:
        error = LookupError()
        try:
            raise error
        except LookupError:
            given = error.__traceback__ if traceback_too else None
        await running.__anext__()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(LookupError) as caught:
                await running.athrow(LookupError, error, given)
        assert caught.value is error
        assert [(str(one.message), one.filename) for one in warned] == [(OLD_SIGNATURE, __file__)]
        return [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    async def numbers() -> Any:
        yield 0

    assert await thrown(stream()) == await thrown(numbers())
    assert isinstance(watch.only.error, LookupError)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the signature is deprecated from 3.12 on")
async def test_the_old_signature_of_athrow_as_an_error(stream: Make, watch: Any) -> None:
    """Where warnings are errors it is raised as CPython raises it: by the call, with no frame of ours."""
    running = stream()
    await running.__anext__()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(DeprecationWarning) as caught:
            running.athrow(LookupError, LookupError(), None)
    assert [entry.name for entry in caught.traceback] == ["test_the_old_signature_of_athrow_as_an_error"]
    await running.aclose()
    assert watch.only.error is None


async def test_athrow_is_forwarded(stream: Make, watch: Any, log: list[object]) -> None:
    """What is thrown arrives in the stream's code, and ends it."""
    error = LookupError("thrown")
    running = stream()
    await running.__anext__()
    with pytest.raises(LookupError) as caught:
        await running.athrow(error)
    assert caught.value is error
    assert watch.only.error is error
    assert log[-1] == "closed"


async def test_a_thrown_exception_may_be_answered(watch: Any) -> None:
    """A stream that catches what is thrown goes on, and so does its run."""

    async def stubborn() -> AsyncIterator[str]:
        while True:
            try:
                yield "item"
            except LookupError:
                yield "caught"

    running = Wrapper(stubborn, deferred_call(watch))()
    items = [await running.__anext__(), await running.athrow(LookupError()), await running.__anext__()]
    assert items == ["item", "caught", "item"]
    await running.aclose()
    assert watch.only.error is None


@pytest.mark.parametrize("asked_for", ["nothing", "aclose", "athrow", "a step never awaited", "a step closed"])
async def test_a_stream_never_iterated_begins_nothing(asked_for: str, stream: Make, watch: Any) -> None:
    """A stream none of whose code has run is no run."""
    running = stream()
    if asked_for == "aclose":
        await running.aclose()
    elif asked_for == "athrow":
        with pytest.raises(LookupError):
            await running.athrow(LookupError())
    elif asked_for == "a step never awaited":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python's own, of a step that was not awaited
            running.__anext__()
            gc.collect()
    elif asked_for == "a step closed":
        running.__anext__().close()
    del running
    gc.collect()
    assert watch.observed == []


async def test_a_first_step_cancelled_before_it_runs_begins_nothing(stream: Make, watch: Any) -> None:
    """As for a coroutine: a task cancelled before its first step has run none of the stream's code."""
    task = asyncio.ensure_future(stream().__anext__())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert watch.observed == []


@pytest.mark.parametrize("second", ["__anext__", "aclose"])
async def test_a_second_step_at_the_same_time_does_not_end_the_run(second: str, stream: Make, watch: Any) -> None:
    """Python refuses the second; the first, and the run, go on."""
    event = asyncio.Event()
    running = stream(1, None, event)
    await running.__anext__()
    first = asyncio.ensure_future(running.__anext__())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="already running"):
        await getattr(running, second)()
    assert watch.observed[0].told[-1] in ("enter", "leave")
    event.set()
    with pytest.raises(StopAsyncIteration):
        await first
    assert watch.only.error is None


async def test_a_finished_stream_stays_finished(stream: Make, watch: Any) -> None:
    """Asking, closing or dropping it once more tells the watch nothing."""
    running = stream(1)
    assert [item async for item in running] == [0]
    told = list(watch.only.told)
    assert await anext(running, "default") == "default"
    await running.aclose()
    del running
    gc.collect()
    assert watch.only.told == told


async def test_a_consumer_closed_while_it_waits(stream: Make, watch: Any) -> None:
    """A coroutine that is closed while it waits for an item: the stream's consumer has gone, which is no error."""

    async def consume() -> None:
        async for _ in stream(1, None, asyncio.Event()):
            pass

    consumer = consume()
    consumer.send(None)
    consumer.close()
    del consumer
    gc.collect()
    assert watch.only.error is None


async def test_generator_exit_is_no_error(stream: Make, watch: Any, log: list[object]) -> None:
    """It is how a generator is told that its consumer has gone, whoever tells it."""
    running = stream()
    await running.__anext__()
    with pytest.raises(GeneratorExit):
        await running.athrow(GeneratorExit())
    assert log[-1] == "closed"
    assert (watch.only.told[-1], watch.only.error) == ("end", None)


# --- timed ------------------------------------------------------------------------------------------------------------


def seconds(observed: Any) -> float:
    """How long its code ran; the steps are in order, and none overlaps another."""
    bounds = [bound for step in observed.ran for bound in step]
    assert bounds == sorted(bounds)
    return sum(end_ns - begin_ns for begin_ns, end_ns in observed.ran) / 1e9


async def test_each_step_is_told_once_if_the_watch_wants_it(stream: Make, watch: Any) -> None:
    """As often as the run is current, and not at all where the watch does not ask for it."""
    assert [item async for item in stream()] == [0, 1, 2]
    assert len(watch.only.ran) == (watch.only.steps if watch.times else 0)


async def test_a_step_that_ends_the_stream_is_told(stream: Make, watch: Any) -> None:
    """The one that fails, and the one that is cancelled, took their time too."""
    with pytest.raises(LookupError):
        async for _ in stream(1, LookupError()):
            pass
    waiting = asyncio.ensure_future(anext(stream(0, None, asyncio.Event())))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    failed, cancelled = watch.observed
    assert [len(failed.ran), len(cancelled.ran)] == ([failed.steps, cancelled.steps] if watch.times else [0, 0])


async def test_only_the_stream_s_own_code_is_timed(watch: Any) -> None:
    """Neither what it waits for nor what its consumer does with an item."""

    async def slow() -> AsyncIterator[int]:
        time.sleep(0.02)
        await asyncio.sleep(0.1)
        yield 1
        time.sleep(0.03)
        yield 2

    watch.times = True
    begun = time.perf_counter()
    async for _ in Wrapper(slow, deferred_call(watch))():
        time.sleep(0.1)
    wall = time.perf_counter() - begun
    assert 0.05 <= seconds(watch.only) <= wall - 0.29


def test_nothing_is_timed_in_a_run_that_is_not_observed(stream: Make, watch: Any) -> None:
    """A watch that declines is not asked."""
    watch.declines = True

    async def consume() -> list[int]:
        return [item async for item in stream()]

    assert asyncio.run(consume()) == [0, 1, 2]
    assert watch.observed == []
