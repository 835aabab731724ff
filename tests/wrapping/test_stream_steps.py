"""One step of a stream, driven by an ``await`` or by hand: what goes to and fro is what it would be without us."""

from __future__ import annotations

import asyncio
import sys
import traceback
import types
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from autogen_vitals.wrapping.calls import deferred_call
from autogen_vitals.wrapping.proxy import Wrapper

# Streams that are left as they are raise their errors when they are collected, without us too.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Function = Callable[[], AsyncIterator[Any]]
Drive = Callable[[Any], Any]


@types.coroutine
def suspend(item: object) -> Any:
    """Hands ``item`` to whoever drives the step, and gives what that sends."""
    return (yield item)


async def awaited(step: Any) -> Any:
    """As nearly everybody does it."""
    return await step


@pytest.fixture(params=[awaited, lambda step: step], ids=["awaited", "by hand"])
def drive(request: Any) -> Drive:
    """What is driven, of a step."""
    return request.param


@pytest.fixture(params=[False, True], ids=["", "timed"])
def observed(watch: Any, request: Any) -> Any:
    """Observes a stream; then nothing of it is current any more."""
    watch.times = request.param
    yield lambda function: Wrapper(function, deferred_call(watch))
    assert watch.current is None
    assert watch.foreign == 0


def end_of(act: Callable[[], object]) -> tuple[object, ...]:
    """How it ended: with what class, text, value and context, through which functions; or with what it returned."""
    try:
        return ("returned", act())
    except BaseException as error:
        through = [frame.name for frame in traceback.extract_tb(error.__traceback__)[1:]]
        value = getattr(error, "value", None)
        # That of a StopIteration is read by C code only.
        shown = through if sys.version_info >= (3, 11) and not isinstance(error, StopIteration) else None
        return (type(error), str(error), value, type(error.__context__), type(error.__cause__), shown)


async def asking() -> AsyncIterator[Any]:
    answers = [await suspend("first"), await suspend("second")]
    yield answers
    yield await suspend("third")


async def catching() -> AsyncIterator[Any]:
    try:
        await suspend("wait")
    except LookupError as error:
        yield (type(error), str(error), await suspend("caught"))


async def failing() -> AsyncIterator[Any]:
    yield "item"
    await suspend("wait")
    raise LookupError("its own")


async def failing_when_told() -> AsyncIterator[Any]:
    try:
        yield await suspend("wait")
    finally:
        raise LookupError("its own")


async def refusing_to_end() -> AsyncIterator[Any]:
    try:
        await suspend("wait")
    except GeneratorExit:
        await suspend("no")
    yield "item"


class ByHand:
    """Whose steps are coroutines, which raise what their code raises when they are closed."""

    def __aiter__(self) -> ByHand:
        return self

    async def __anext__(self) -> Any:
        try:
            return await suspend("wait")
        except GeneratorExit:
            raise LookupError("its own") from None


def all_sent(function: Function, drive: Drive) -> list[object]:
    """Each suspension and each item, where what is sent is a number that counts up."""
    stream, seen = function(), []
    for _ in range(4):
        step = drive(stream.__anext__())
        seen.append(end_of(lambda step=step: step.send(None)))
        for number in range(3):
            seen.append(end_of(lambda step=step, number=number: step.send(number)))
    return seen


@pytest.mark.parametrize("function", [asking, catching, failing, failing_when_told, refusing_to_end])
def test_what_is_sent_and_given(function: Function, drive: Drive, observed: Any) -> None:
    """Suspensions, answers, items, the end, an error, and a step that is used again."""
    assert all_sent(observed(function), drive) == all_sent(function, drive)


def thrown(function: Function, drive: Drive, error: BaseException) -> list[object]:
    stream, seen = function(), []
    step = drive(stream.__anext__())
    seen.append(end_of(lambda: step.send(None)))
    seen.append(end_of(lambda: step.throw(error)))
    seen.append(end_of(lambda: step.send("answer")))
    seen.append(end_of(lambda: drive(stream.__anext__()).send(None)))
    return seen


@pytest.mark.parametrize("kind", [LookupError, ValueError, asyncio.CancelledError, KeyboardInterrupt, GeneratorExit])
@pytest.mark.parametrize("function", [asking, catching, failing_when_told, refusing_to_end])
def test_what_is_thrown_into_a_suspended_step(function: Function, kind: Any, drive: Drive, observed: Any) -> None:
    """The stream's code is where it is raised: its frames are in the traceback, and no frame of ours."""
    assert thrown(observed(function), drive, kind("thrown")) == thrown(function, drive, kind("thrown"))


def closed(function: Function, drive: Drive) -> list[object]:
    stream, seen = function(), []
    step = drive(stream.__anext__())
    seen.append(end_of(lambda: step.send(None)))
    seen.append(end_of(step.close))
    seen.append(end_of(lambda: drive(stream.__anext__()).send(None)))
    return seen


@pytest.mark.parametrize("function", [asking, catching, failing_when_told, refusing_to_end, ByHand])
def test_a_suspended_step_that_is_closed(function: Function, drive: Drive, observed: Any) -> None:
    """What closing raises is not raised while something of ours is handled."""
    assert closed(observed(function), drive) == closed(function, drive)


class Giving:
    """A stream by hand, whose steps give what an async generator's cannot."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __aiter__(self) -> Giving:
        return self

    async def __anext__(self) -> Any:
        await suspend("wait")
        return self._value


@pytest.mark.parametrize("value", [None, (), (1, 2), LookupError("a value"), StopIteration(3)], ids=repr)
def test_an_item_is_the_very_object(value: object, observed: Any, watch: Any) -> None:
    """Also one that Python would unpack on its way through an exception."""
    stream = observed(Giving)(value)

    async def take() -> Any:
        return [await stream.__anext__() for _ in range(3)]

    taking, items = take(), None
    for _ in range(4):
        try:
            taking.send(None)
        except StopIteration as end:
            items = end.value
    assert items is not None
    assert all(item is value for item in items)
    (run,) = watch.observed
    assert run.told.count("first_item") == 1
    assert run.steps == 6


class AtOnce:
    """Allows two steps at the same time; the first of the two is the last."""

    def __init__(self) -> None:
        self._steps = 0

    def __aiter__(self) -> AtOnce:
        return self

    async def __anext__(self) -> int:
        self._steps += 1
        if self._steps == 2:
            await suspend("wait")
            raise StopAsyncIteration
        return self._steps


def test_an_item_given_beside_a_step_leaves_the_end_to_that(observed: Any, watch: Any) -> None:
    """Whose end is the run's."""
    stream = observed(AtOnce)()
    assert end_of(lambda: awaited(stream.__anext__()).send(None))[:3] == (StopIteration, "1", 1)
    step = awaited(stream.__anext__())
    assert step.send(None) == "wait"
    assert end_of(lambda: awaited(stream.__anext__()).send(None))[:3] == (StopIteration, "3", 3)
    (run,) = watch.observed
    assert "end" not in run.told
    assert end_of(lambda: step.send(None))[0] is StopAsyncIteration
    assert run.told.count("end") == 1
