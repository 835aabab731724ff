"""What a wrapped stream looks like, and what may be wrapped as one."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from autogen_vitals.wrapping.calls import deferred_call
from autogen_vitals.wrapping.proxy import Wrapper


async def test_a_plain_function_that_returns_a_stream(watch: Any) -> None:
    """What counts is what a function returns, not how it was defined."""

    async def numbers() -> AsyncIterator[int]:
        yield 1

    assert [item async for item in Wrapper(lambda: numbers(), deferred_call(watch))()] == [1]
    assert watch.only.result == 1


class HandWritten:
    """An async iterator that is no generator."""

    def __init__(self) -> None:
        self.left = 2

    def __aiter__(self) -> HandWritten:
        return self

    async def __anext__(self) -> int:
        await asyncio.sleep(0)
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        return self.left


async def test_a_hand_written_iterator(watch: Any) -> None:
    """Its steps are coroutines; one run, its items, its end."""
    running = Wrapper(HandWritten, deferred_call(watch))()
    assert isinstance(running, HandWritten)
    assert [item async for item in running] == [1, 0]
    assert running.left == 0
    assert (watch.only.result, watch.only.error, watch.foreign) == (0, None, 0)


def test_a_hand_written_iterator_has_what_it_has(watch: Any) -> None:
    """hasattr(stream, "aclose"), which consumers ask before they close, answers as without us."""
    running = Wrapper(HandWritten, deferred_call(watch))()
    assert [hasattr(running, name) for name in ("aclose", "asend", "athrow")] == [False, False, False]


async def test_what_a_stream_looks_like(watch: Any) -> None:
    """inspect, attributes, aiter and anext with a default answer as without us; nothing of it is an iterable."""

    async def numbers() -> AsyncIterator[int]:
        yield 0

    running = Wrapper(numbers, deferred_call(watch))()
    assert inspect.isasyncgen(running)
    assert running.__name__ == "numbers"
    assert aiter(running) is running
    assert inspect.isawaitable(step := running.__anext__())
    assert await step == 0
    assert running.ag_running is False
    assert await anext(running, "default") == "default"
    assert not isinstance(running, Iterable)
    with pytest.raises(TypeError, match="not iterable"):
        iter(running)
    assert watch.only.error is None


async def test_a_stream_s_own_context_variables_are_seen_as_without_us(watch: Any) -> None:
    """A generator shares its consumer's context: what it sets besides ours stays set."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("of_the_app", default="before")

    async def setting() -> AsyncIterator[None]:
        variable.set("after")
        yield

    await Wrapper(setting, deferred_call(watch))().__anext__()
    assert variable.get() == "after"
    gc.collect()


async def test_arguments_are_not_kept_by_a_running_stream(watch: Any) -> None:
    """A prompt does not live as long as the stream that was made of it."""

    class Prompt: ...

    async def numbers(prompt: Prompt) -> AsyncIterator[int]:
        del prompt
        yield 1

    running = Wrapper(numbers, deferred_call(watch))(Prompt())
    await running.__anext__()
    watch.observed[0].args = ()
    gc.collect()
    assert not any(type(found) is Prompt for found in gc.get_objects())
    await running.aclose()
