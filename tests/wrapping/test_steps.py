"""Timed steps: a coroutine runs as it would, and each stretch of its code is told once."""

from __future__ import annotations

import asyncio
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from autogen_vitals.wrapping.steps import TimedSteps

on_3_11 = pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 keeps the wrapper's frame")

Drive = Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]


class Steps(list[tuple[int, int]]):
    """From when to when each step ran."""

    def ran(self, begin_ns: int, end_ns: int) -> None:
        self.append((begin_ns, end_ns))

    @property
    def seconds(self) -> float:
        """All of them together; they are in order, and none overlaps another."""
        bounds = [bound for step in self for bound in step]
        assert bounds == sorted(bounds)
        return sum(end_ns - begin_ns for begin_ns, end_ns in self) / 1e9


@pytest.fixture
def steps() -> Steps:
    return Steps()


@pytest.fixture
def timed(steps: Steps) -> Drive:
    """Awaits a coroutine in timed steps, at one line."""

    async def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
        return await TimedSteps(coroutine, steps.ran)

    return drive


async def plain(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The same without us."""
    return await coroutine


@types.coroutine
def suspend(item: Any = None) -> Any:
    """Hands ``item`` to whoever drives the coroutine, and gives what that sends."""
    return (yield item)


def spin(seconds: float) -> None:
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass


# --- what goes to and fro ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [None, 17, (1, 2), (), [], LookupError("a value"), StopIteration(3)], ids=repr)
@pytest.mark.parametrize("suspensions", [0, 2])
def test_a_result_is_the_very_object(value: object, suspensions: int, timed: Drive, steps: Steps) -> None:
    """Whatever it is, an exception included; and each stretch of code before it is told once."""

    async def give() -> object:
        for _ in range(suspensions):
            await suspend()
        return value

    coroutine = timed(give())
    for _ in range(suspensions):
        assert coroutine.send(None) is None
    with pytest.raises(StopIteration) as over:
        coroutine.send(None)
    assert over.value.value is value
    assert len(steps) == suspensions + 1


def test_items_and_answers_pass(timed: Drive, steps: Steps) -> None:
    """What the coroutine hands out comes out, and what is sent arrives, in their order."""

    async def converse() -> list[object]:
        return [await suspend("first"), await suspend("second"), await suspend("third")]

    coroutine = timed(converse())
    assert [coroutine.send(None), coroutine.send("a"), coroutine.send(None)] == ["first", "second", "third"]
    with pytest.raises(StopIteration) as over:
        coroutine.send((1, 2))
    assert over.value.value == ["a", None, (1, 2)]
    assert len(steps) == 4


async def test_a_coroutine_that_never_suspends_is_one_step(timed: Drive, steps: Steps) -> None:
    """All of it."""

    async def think() -> str:
        spin(0.02)
        return "done"

    assert await timed(think()) == "done"
    assert len(steps) == 1
    assert 0.02 <= steps.seconds < 1.0


async def test_waiting_is_in_no_step(timed: Drive, steps: Steps) -> None:
    """The code before and after a wait counts, the wait itself and what other tasks do meanwhile does not."""

    async def work() -> None:
        spin(0.02)
        await asyncio.sleep(0.2)
        spin(0.03)

    async def meanwhile() -> None:
        await asyncio.sleep(0.05)
        spin(0.05)

    begun = time.perf_counter()
    await asyncio.gather(timed(work()), meanwhile())
    wall = time.perf_counter() - begun
    assert len(steps) == 2
    assert 0.05 <= steps.seconds <= wall - 0.19


# --- exceptions -------------------------------------------------------------------------------------------------------

ERRORS = [ValueError, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError, StopAsyncIteration]


async def fail(error: BaseException) -> None:
    """Fails at once."""
    raise error


async def fail_later(error: BaseException) -> None:
    """After a suspension."""
    await suspend()
    raise error


async def let_in(error: BaseException) -> None:
    """With what is thrown into it."""
    await suspend()


def outcome(drive: Drive, function: Callable[..., Any], error: BaseException) -> BaseException:
    """What comes out, driven to its end by this one function."""
    coroutine = drive(function(error))
    try:
        coroutine.send(None)
        if function is let_in:
            coroutine.throw(error)
        coroutine.send(None)
    except BaseException as out:
        return out
    raise AssertionError("it should have raised")


def frames(error: BaseException) -> list[tuple[str, int | None]]:
    # Not the line in which the coroutine is awaited: that is what differs.
    awaits = ("drive", "plain")
    entries = traceback.extract_tb(error.__traceback__)
    return [(entry.name, None) if entry.name in awaits else (entry.name, entry.lineno) for entry in entries]


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("function", [fail, fail_later, let_in])
def test_an_exception_comes_out_as_it_is(function: Any, kind: Any, timed: Drive, steps: Steps) -> None:
    """The very object, with no cause or context added; the step that raised it is told."""
    error = kind("the app's")
    assert outcome(timed, function, error) is error
    assert (error.__cause__, error.__context__, error.args) == (None, None, ("the app's",))
    # Python turns a GeneratorExit that is thrown into a close.
    assert len(steps) == (1 if function is fail or (function is let_in and kind is GeneratorExit) else 2)


@on_3_11
@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("function", [fail, fail_later, let_in])
def test_a_traceback_is_the_one_without_us(function: Any, kind: Any, timed: Drive) -> None:
    """Every frame of the app, and none of ours."""
    with_us = [name.replace("drive", "plain") for name, _ in frames(outcome(timed, function, kind()))]
    assert with_us == [name for name, _ in frames(outcome(plain, function, kind()))]


def test_a_stop_iteration_inside_is_the_runtime_error_it_is_without_us(timed: Drive) -> None:
    """It does not become a result."""
    with_us, without = (outcome(drive, fail, StopIteration(1)) for drive in (timed, plain))
    assert (type(with_us), str(with_us)) == (type(without), str(without))
    assert isinstance(with_us, RuntimeError)


def test_what_is_thrown_may_be_answered(timed: Drive, steps: Steps) -> None:
    """A coroutine that catches it goes on."""

    async def stubborn() -> str:
        try:
            await suspend("waiting")
        except LookupError as error:
            return f"{error.args[0]} {await suspend('caught')}"
        raise AssertionError

    coroutine = timed(stubborn())
    assert coroutine.send(None) == "waiting"
    assert coroutine.throw(LookupError("x")) == "caught"
    with pytest.raises(StopIteration) as over:
        coroutine.send("y")
    assert over.value.value == "x y"
    assert len(steps) == 3


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the signature is deprecated from 3.12 on")
def test_the_old_signature_of_throw_is_warned_of_once(timed: Drive) -> None:
    """By Python, at the line that uses it, as without us."""

    def warned(drive: Drive) -> list[tuple[str, str]]:
        coroutine = drive(let_in(LookupError()))
        coroutine.send(None)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with pytest.raises(LookupError):
                coroutine.throw(LookupError, LookupError(), None)
        return [(str(one.message), one.filename) for one in caught]

    assert warned(timed) == warned(plain)


# --- cancellation and closing -----------------------------------------------------------------------------------------


async def test_cancellation_reaches_the_code(timed: Drive, steps: Steps) -> None:
    """It ends with CancelledError after what the code still had to do, awaits included."""
    seen: list[str] = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            seen.append("cleaned up")

    task = asyncio.ensure_future(timed(work()))
    await asyncio.sleep(0)
    task.cancel("because")
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cleaned up"]
    assert len(steps) == 3


async def test_a_cancellation_that_is_caught_is_no_end(timed: Drive) -> None:
    """wait_for, and code of its kind, work inside."""

    async def work() -> str:
        try:
            await asyncio.wait_for(asyncio.Event().wait(), 0.001)
        except asyncio.TimeoutError:
            await asyncio.sleep(0)
            return "timed out"
        raise AssertionError

    assert await timed(work()) == "timed out"


def test_closing_closes(timed: Drive) -> None:
    """GeneratorExit arrives, once, and nothing comes out."""
    seen: list[str] = []

    async def work() -> None:
        try:
            await suspend()
        except GeneratorExit:
            seen.append("closed")
            raise

    inner = work()  # held: or the garbage collector would close it
    coroutine = timed(inner)
    coroutine.send(None)
    coroutine.close()
    coroutine.close()
    assert seen == ["closed"]


def test_what_refuses_to_be_closed_is_told_so(timed: Drive) -> None:
    """Python's own RuntimeError, from where it comes without us."""

    async def refuse() -> None:
        try:
            await suspend()
        except GeneratorExit:
            await suspend()

    def told(drive: Drive) -> tuple[str, list[str]]:
        coroutine = drive(refuse())
        coroutine.send(None)
        with pytest.raises(RuntimeError) as caught:
            coroutine.close()
        names = [entry.name.replace("drive", "plain") for entry in traceback.extract_tb(caught.value.__traceback__)]
        return str(caught.value), [name for name in names if sys.version_info >= (3, 11) or name != "close"]

    assert told(timed) == told(plain)


def test_a_coroutine_that_was_never_started_can_be_closed(steps: Steps) -> None:
    """None of its code runs, and no step is told."""
    coroutine = let_in(LookupError())
    TimedSteps(coroutine, steps.ran).close()
    assert steps == []
    with pytest.raises(RuntimeError, match="cannot reuse"):
        coroutine.send(None)
