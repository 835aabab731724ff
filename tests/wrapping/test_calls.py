"""Wrapped calls: the app gets what it would get without us, and the watch is told once."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
import sys
import time
import traceback
import warnings
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from types import CoroutineType
from typing import Any

import pytest

from autogen_vitals.wrapping.calls import deferred_call, observation_on, plain_call
from autogen_vitals.wrapping.proxy import Wrapper

on_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps the wrapper's frame")


class Agent:
    """The methods of an app, as they are without us."""

    def sync(self, *args: Any, **kwargs: Any) -> Any:
        return args, kwargs

    async def run(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0)
        return args, kwargs

    def fail(self, error: BaseException) -> None:
        self._deeper(error)

    async def fail_later(self, error: BaseException) -> None:
        await asyncio.sleep(0)
        self._deeper(error)

    def _deeper(self, error: BaseException) -> None:
        raise error

    def strict(self, task: str, *, times: int) -> None: ...

    async def strict_run(self, task: str, *, times: int) -> None: ...

    async def wait(self, event: asyncio.Event) -> None:
        await event.wait()

    def give(self, result: Any) -> Any:
        return result


@pytest.fixture(params=[False, True], ids=["", "timed"])
def wrapped(watch: Any, request: Any) -> Agent:
    """An agent whose methods are wrapped; coroutine functions as deferred, timed or not, the others as plain calls."""
    watch.times = request.param
    namespace = {}
    for name in ("sync", "run", "fail", "fail_later", "strict", "strict_run", "wait"):
        function = vars(Agent)[name]
        wrapper = deferred_call(watch) if name in ("run", "fail_later", "strict_run", "wait") else plain_call(watch)
        namespace[name] = Wrapper(function, wrapper)
    namespace["give"] = Wrapper(Agent.give, deferred_call(watch))
    return type("Wrapped", (Agent,), namespace)()


@pytest.fixture
def caught_warnings() -> Iterator[list[str]]:
    """The text of every warning, in order; not its source, which would keep a coroutine alive."""
    caught: list[str] = []
    gc.collect()  # what other tests left is warned of now
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: caught.append(str(message))
        yield caught


# --- results ----------------------------------------------------------------------------------------------------------


def test_a_call_returns_what_it_returns(wrapped: Agent, watch: Any) -> None:
    """Arguments go in and the result comes out, the very object; the watch is told of both."""
    argument = object()
    result = wrapped.sync(argument, times=2)
    assert result == ((argument,), {"times": 2})
    assert watch.only.told == ["begin", "enter", "leave", "end"]
    assert watch.only.instance is wrapped
    assert (watch.only.args, watch.only.kwargs) == ((argument,), {"times": 2})
    assert watch.only.result is result
    assert watch.only.error is None


async def test_a_coroutine_returns_what_it_returns(wrapped: Agent, watch: Any) -> None:
    """The same for a coroutine, which is told of while it runs, not when it is made."""
    coroutine = wrapped.run("task", times=2)
    assert watch.observed == []
    result = await coroutine
    assert result == (("task",), {"times": 2})
    assert watch.only.told == ["begin", "enter", "leave", "end"]
    assert (watch.only.instance, watch.only.args, watch.only.kwargs) == (wrapped, ("task",), {"times": 2})
    assert watch.only.result is result


async def test_a_watch_that_declines_is_told_nothing_more(wrapped: Agent, watch: Any) -> None:
    """A call that is not observed runs as it would, and what it raises passes."""
    watch.declines = True
    assert wrapped.sync(1) == ((1,), {})
    assert await wrapped.run(1) == ((1,), {})
    with pytest.raises(LookupError):
        wrapped.fail(LookupError())
    with pytest.raises(LookupError):
        await wrapped.fail_later(LookupError())
    assert watch.observed == []


async def test_the_observation_is_current_inside_and_not_after(watch: Any) -> None:
    """Code that a call runs sees its observation; its caller does not, before or after."""
    seen: list[object] = []

    def look() -> None:
        seen.append(watch.current)

    async def look_later() -> None:
        look()
        await asyncio.sleep(0)
        look()

    Wrapper(look, plain_call(watch))()
    await Wrapper(look_later, deferred_call(watch))()
    first, second = watch.observed
    assert seen == [first, second, second]
    assert watch.current is None


# --- exceptions -------------------------------------------------------------------------------------------------------

ERRORS = [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, MemoryError]


async def caught(function: Callable[..., Awaitable[object] | None], error: BaseException) -> BaseException:
    """What comes out, raised through this one line."""
    try:
        await result if (result := function(error)) is not None else None
    except BaseException as out:
        return out
    raise AssertionError("it should have raised")


def frames(error: BaseException) -> list[tuple[str, int | None, str]]:
    return [(frame.filename, frame.lineno, frame.name) for frame in traceback.extract_tb(error.__traceback__)]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("name", ["fail", "fail_later"])
async def test_an_exception_comes_out_as_it_is(name: str, kind: Any, wrapped: Agent, watch: Any) -> None:
    """The very object, BaseException included, with no cause or context added; the watch is told of it."""
    error = kind("the app's")
    assert await caught(getattr(wrapped, name), error) is error
    assert (error.__cause__, error.__context__, error.args) == (None, None, ("the app's",))
    assert watch.only.error is error
    assert watch.only.result is None
    assert watch.current is None


@on_3_11
@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("name", ["fail", "fail_later"])
async def test_a_traceback_is_the_one_without_us(name: str, kind: Any, wrapped: Agent) -> None:
    """File, line and function of every frame are what they are when nothing is wrapped."""
    with_us = await caught(getattr(wrapped, name), kind())
    assert frames(with_us) == frames(await caught(getattr(Agent(), name), kind()))


async def test_a_traceback_loses_no_frame_of_the_app(wrapped: Agent) -> None:
    """On every Python, the app's own frames are all there, in their order."""
    error = await caught(wrapped.fail_later, ValueError())
    own = [frame for frame in frames(error) if frame[0] == __file__]
    assert own == frames(await caught(Agent().fail_later, ValueError()))


@pytest.mark.parametrize("name", ["strict", "strict_run"])
@pytest.mark.parametrize("arguments", [(), ("task",), ("task", 1), (1, 2, 3)])
def test_wrong_arguments_are_a_type_error_at_the_call(name: str, arguments: Any, wrapped: Agent, watch: Any) -> None:
    """Before anything is awaited, with the message it has without us."""
    with pytest.raises(TypeError) as without_us:
        getattr(Agent(), name)(*arguments)
    with pytest.raises(TypeError) as with_us:
        getattr(wrapped, name)(*arguments)
    assert with_us.value.args == without_us.value.args
    assert watch.observed == [] if name == "strict_run" else watch.only.error is with_us.value


class Looked:
    """A watch whose frames are looked at, as the watchdog's thread does, when an exception has come."""

    def __init__(self) -> None:
        self.found: list[object] = []

    def continues(self, instance: object, args: object, kwargs: object) -> bool:
        return False

    def begin(self, instance: object, args: object, kwargs: object) -> Looked:
        return self

    def enter(self, observation: object) -> None: ...

    def leave(self, observation: object, token: object) -> None: ...

    def first_item(self, observation: object) -> None: ...

    def timed(self, observation: object) -> bool:
        return True

    def ran(self, observation: object, begin_ns: int, end_ns: int) -> None: ...

    def end(self, observation: object, result: object, error: BaseException | None) -> None:
        frame: Any = sys._getframe()
        while frame is not None:
            self.found.append(observation_on(frame))
            frame = frame.f_back

    def abandon(self, observation: object) -> None: ...


class Failure(Exception):
    """Which can be referred to weakly."""


def _fail() -> None:
    raise Failure


async def _fail_later() -> None:
    raise Failure


async def _fail_between() -> AsyncIterator[int]:
    yield 1
    raise Failure


@pytest.mark.parametrize("function", [_fail, _fail_later, _fail_between])
def test_an_exception_goes_when_it_is_dropped(function: Callable[[], Any]) -> None:
    """And all that its frames hold with it: without the collector, also when another thread has looked at ours."""
    watch: Any = Looked()
    call = Wrapper(function, plain_call(watch) if function is _fail else deferred_call(watch))

    async def drain() -> None:
        async for _ in call():
            pass

    gc.collect()
    gc.disable()
    try:
        try:
            # No loop, whose task would keep it.
            call() if function is _fail else (drain() if function is _fail_between else call()).send(None)
        except Failure as error:
            dropped = weakref.ref(error)
        alive = dropped() is not None
    finally:
        gc.enable()
    assert watch in watch.found, "nobody has looked"
    assert not alive


# --- coroutines -------------------------------------------------------------------------------------------------------


def test_a_coroutine_never_awaited_is_warned_of_once(wrapped: Agent, watch: Any, caught_warnings: list[str]) -> None:
    """Python's own warning appears exactly once, names the app's function, and nothing is observed."""
    wrapped.run()
    gc.collect()
    assert caught_warnings == ["coroutine 'Agent.run' was never awaited"]
    assert watch.observed == []


def test_a_coroutine_closed_unawaited_is_not_warned_of(wrapped: Agent, watch: Any, caught_warnings: list[str]) -> None:
    """close() before the first step is how an app says that it knows."""
    wrapped.run().close()
    gc.collect()
    assert caught_warnings == []
    assert watch.observed == []


async def test_a_task_cancelled_before_its_first_step_warns_of_nothing(
    wrapped: Agent, watch: Any, caught_warnings: list[str]
) -> None:
    """It has run none of the app's code: nothing to observe, and nothing to warn of."""
    task = asyncio.ensure_future(wrapped.run())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    gc.collect()
    assert caught_warnings == []
    assert watch.observed == []


async def test_a_cancelled_task_ends_with_cancelled_error(wrapped: Agent, watch: Any) -> None:
    """Cancellation reaches the app's code, and the watch."""
    task = asyncio.ensure_future(wrapped.wait(asyncio.Event()))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert type(watch.only.error) is asyncio.CancelledError


def test_a_coroutine_closed_in_another_context_leaves_no_trace(
    wrapped: Agent, watch: Any, caplog: pytest.LogCaptureFixture, caught_warnings: list[str]
) -> None:
    """The garbage collector closes it wherever it runs: that context stays as it is, and nothing is logged."""
    event = asyncio.Event()
    coroutine: Any = wrapped.wait(event)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(_start(contextvars.Context(), coroutine))
    finally:
        loop.close()
    (observed,) = watch.observed
    assert observed.told == ["begin", "enter"]
    before = dict(contextvars.copy_context())
    del coroutine
    gc.collect()
    assert watch.only.told == ["begin", "enter", "leave", "end"]
    assert type(watch.only.error) is GeneratorExit
    assert dict(contextvars.copy_context()) == before
    assert (caplog.records, caught_warnings) == ([], [])


async def _start(context: contextvars.Context, coroutine: Any) -> None:
    context.run(coroutine.send, None)


async def test_what_a_coroutine_is_called(wrapped: Agent) -> None:
    """A debugger, and a task's repr, name the app's function."""
    coroutine: Any = wrapped.run()
    assert (type(coroutine), coroutine.__name__, coroutine.__qualname__) == (CoroutineType, "run", "Agent.run")
    await coroutine


async def test_a_coroutine_is_timed_if_the_watch_wants_it(wrapped: Agent, watch: Any) -> None:
    """Each stretch of its code is told, between enter and leave; nothing otherwise."""
    await wrapped.run("task")
    assert len(watch.only.ran) == (2 if watch.times else 0)


@pytest.mark.parametrize("result", [None, 17, "text", [1], object, functools.partial(int)], ids=repr)
def test_what_is_no_coroutine_is_handed_on(result: object, wrapped: Agent, watch: Any) -> None:
    """The very object, unobserved."""
    assert wrapped.give(result) is result
    assert watch.observed == []


async def test_a_task_or_a_future_is_handed_on(wrapped: Agent, watch: Any) -> None:
    """What already runs is not ours to time."""
    task, future = asyncio.ensure_future(asyncio.sleep(0)), asyncio.get_running_loop().create_future()
    assert wrapped.give(task) is task
    assert wrapped.give(future) is future
    await task
    assert watch.observed == []


async def test_a_coroutine_from_a_plain_function_is_observed(wrapped: Agent, watch: Any) -> None:
    """What counts is what a function returns, not how it was defined."""
    assert await wrapped.give(Agent().run(1)) == ((1,), {})
    assert watch.only.error is None


def test_a_result_that_lies_about_its_attributes_is_handed_on(wrapped: Agent) -> None:
    """A result whose attributes raise is none of our business."""

    class Liar:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError(name)

    liar = Liar()
    assert wrapped.give(liar) is liar


# --- time -------------------------------------------------------------------------------------------------------------


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


async def test_planted_milliseconds_show(watch: Any) -> None:
    """50 ms planted in a call, and in a coroutine between two awaits, are in the time between begin and end."""

    async def slow() -> None:
        await asyncio.sleep(0)
        spin(0.05)
        await asyncio.sleep(0)

    Wrapper(functools.partial(spin, 0.05), plain_call(watch))()
    await Wrapper(slow, deferred_call(watch))()
    for observed in watch.observed:
        assert 0.05 <= observed.duration < 1.0
    assert len(watch.observed) == 2


def test_the_original_is_called_once(watch: Any) -> None:
    """Whatever happens, exactly once."""
    calls: list[object] = []
    Wrapper(calls.append, plain_call(watch))(1)
    Wrapper(calls.append, deferred_call(watch))(2)
    assert calls == [1, 2]


@pytest.mark.parametrize("kind", ["coroutine", "async generator", "iterator"])
async def test_what_goes_on_with_an_observed_call_is_left_as_it_is(watch: Any, kind: str) -> None:
    """Nothing is put around it: each step of a stream, and each frame, would be paid for twice."""

    async def coroutine() -> None:
        pass

    async def stream() -> AsyncIterator[int]:
        yield 1

    class HandWritten:
        def __aiter__(self) -> HandWritten:
            return self

        async def __anext__(self) -> int:
            return 1

    made = {"coroutine": coroutine, "async generator": stream, "iterator": HandWritten}[kind]()
    wrapped = Wrapper(lambda: made, deferred_call(watch))
    watch.goes_on = True
    assert wrapped() is made
    watch.goes_on = False
    another = wrapped()
    assert another is not made
    if kind == "coroutine":
        another.close()
    assert watch.observed == []
