"""Life calls: before and after, and the end of forked children."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import multiprocessing.util
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from autogen_vitals.wrapping.life import ForkedChildren, life_call
from autogen_vitals.wrapping.proxy import Wrapper

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@pytest.fixture
def told() -> list[object]:
    """What happened, in order."""
    return []


@pytest.fixture
def wrap(told: list[object]) -> Callable[[Any], Any]:
    """Wraps a function between "before" and "after"."""
    wrapper = life_call(partial(told.append, "before"), partial(told.append, "after"))
    return lambda function: Wrapper(function, wrapper)


def test_a_sync_call(wrap: Callable[[Any], Any], told: list[object]) -> None:
    """Before it, then it, then after it; its result is handed on."""

    def serve(*args: object, **kwargs: object) -> object:
        told.append("during")
        return args, kwargs

    assert wrap(serve)(1, port=2) == ((1,), {"port": 2})
    assert told == ["before", "during", "after"]


async def test_an_async_call(wrap: Callable[[Any], Any], told: list[object]) -> None:
    """After it has been awaited to its end, not when it was called."""

    async def serve() -> str:
        await asyncio.sleep(0)
        told.append("during")
        return "served"

    coroutine = wrap(serve)()
    assert "after" not in told
    assert await coroutine == "served"
    assert told == ["before", "during", "after"]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_sync_call_that_raises(kind: type[BaseException], wrap: Callable[[Any], Any], told: list[object]) -> None:
    """After is told all the same, and the exception is the server's own."""
    error = kind("the server's")

    def serve() -> None:
        raise error

    with pytest.raises(kind) as caught:
        wrap(serve)()
    assert caught.value is error
    assert told == ["before", "after"]


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError, SystemExit])
async def test_an_async_call_that_raises(
    kind: type[BaseException], wrap: Callable[[Any], Any], told: list[object]
) -> None:
    """The same for a coroutine."""
    error = kind("the server's")

    async def serve() -> None:
        await asyncio.sleep(0)
        raise error

    with pytest.raises(kind) as caught:
        await wrap(serve)()
    assert caught.value is error
    if sys.version_info >= (3, 11):
        assert [frame.name for frame in traceback.extract_tb(error.__traceback__)][1:] == ["serve"]
    assert told == ["before", "after"]


@pytest.mark.parametrize(("before", "after"), [(True, False), (False, True), (False, False)])
async def test_either_may_be_missing(before: bool, after: bool, told: list[object]) -> None:
    """A row of the tables may name one moment only."""
    wrapper = life_call(
        partial(told.append, "before") if before else None, partial(told.append, "after") if after else None
    )

    async def later() -> int:
        return 2

    def fail() -> None:
        raise ValueError

    assert Wrapper(lambda: 1, wrapper)() == 1
    assert await Wrapper(later, wrapper)() == 2
    with pytest.raises(ValueError):
        Wrapper(fail, wrapper)()
    assert told == (["before"] * before + ["after"] * after) * 3


# --- forked children --------------------------------------------------------------------------------------------------


def _nothing() -> None: ...


def _raise() -> None:
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the traceback that multiprocessing prints
    raise ValueError


def endings_of_a_child(write: int, read: int, target: Callable[[], None]) -> tuple[bytes, int | None]:
    """What a forked child wrote, and its exit code."""
    process = multiprocessing.get_context("fork").Process(target=target)
    process.start()
    process.join()
    os.set_blocking(read, False)
    try:
        return os.read(read, 100), process.exitcode
    except BlockingIOError:
        return b"", process.exitcode


@pytest.fixture
def pipe() -> Any:
    """Read and write ends."""
    read, write = os.pipe()
    yield read, write
    os.close(read)
    os.close(write)


@needs_fork
@pytest.mark.parametrize(("target", "code"), [(_nothing, 0), (_raise, 1)])
def test_the_end_of_a_forked_child_is_told_in_it(pipe: tuple[int, int], target: Any, code: int) -> None:
    """Once, in the child, also when its work raised."""
    read, write = pipe
    parent = os.getpid()
    children = ForkedChildren(lambda: os.write(write, b"parent" if os.getpid() == parent else b"child"))
    children.install(multiprocessing.util)
    assert endings_of_a_child(write, read, target) == (b"child", code)


@needs_fork
def test_every_forked_child_tells_of_its_own_end(pipe: tuple[int, int]) -> None:
    """The second as the first."""
    read, write = pipe
    children = ForkedChildren(lambda: os.write(write, b"."))
    children.install(multiprocessing.util)
    assert [endings_of_a_child(write, read, _nothing)[0] for _ in range(2)] == [b".", b"."]


@needs_fork
def test_dropping_it_undoes_it(pipe: tuple[int, int]) -> None:
    """multiprocessing holds it weakly: children forked afterwards tell nothing."""
    read, write = pipe
    children = ForkedChildren(lambda: os.write(write, b"."))
    children.install(multiprocessing.util)
    del children
    gc.collect()
    assert endings_of_a_child(write, read, _nothing) == (b"", 0)


@needs_fork
def test_nothing_is_registered_in_the_parent(pipe: tuple[int, int]) -> None:
    """The parent's own finalizers are not added to."""
    before = dict(multiprocessing.util._finalizer_registry)
    children = ForkedChildren(lambda: os.write(pipe[1], b"."))
    children.install(multiprocessing.util)
    assert multiprocessing.util._finalizer_registry == before
    assert os.get_blocking(pipe[0])
