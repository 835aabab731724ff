"""Life calls: before and after, and the end of forked children."""

from __future__ import annotations

import asyncio
import gc
import inspect
import multiprocessing
import multiprocessing.util
import os
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from autogen_vitals import guard
from autogen_vitals.wrapping.life import ForkedChildren, life_call, noted_call
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


# --- what escapes -----------------------------------------------------------------------------------------------------


def frames(error: BaseException) -> list[str]:
    """Where it came through, but for the test itself; CPython 3.10 cannot hide ours."""
    found = traceback.extract_tb(error.__traceback__)[1:]
    return [frame.name for frame in found if sys.version_info >= (3, 11) or "autogen_vitals" not in frame.filename]


@pytest.mark.parametrize("kind", [ValueError, KeyboardInterrupt, SystemExit])
def test_what_a_sync_call_failed_with_is_told(kind: type[BaseException], told: list[object]) -> None:
    """Before it is over, and it is the server's own, with the server's own frames."""
    error = kind("the server's")

    def load() -> None:
        raise error

    with pytest.raises(kind) as caught:
        Wrapper(load, life_call(None, partial(told.append, "after"), told.append))()
    assert caught.value is error
    assert frames(error) == ["load"]
    assert told == [error, "after"]


def test_a_call_that_may_exit_tells_of_other_failures_only(told: list[object]) -> None:
    """SystemExit passes, whatever its code; anything else is told."""

    def serve(error: BaseException) -> None:
        raise error

    serve = Wrapper(serve, life_call(None, partial(told.append, "after"), told.append, may_exit=True))
    failure = KeyError("x")
    for error in (SystemExit(1), failure):
        with pytest.raises(type(error)):
            serve(error)
    assert told == ["after", failure, "after"]


@pytest.mark.parametrize("kind", [ValueError, asyncio.CancelledError, SystemExit])
async def test_what_an_async_call_failed_with_is_told(kind: type[BaseException], told: list[object]) -> None:
    """When it is awaited."""
    error = kind("the server's")

    async def load() -> None:
        await asyncio.sleep(0)
        raise error

    coroutine = Wrapper(load, life_call(None, None, told.append))()
    assert told == []
    with pytest.raises(kind) as caught:
        await coroutine
    assert caught.value is error
    assert frames(error) == ["load"]
    assert told == [error]


async def test_what_did_not_fail_is_not_told(told: list[object]) -> None:
    """Its result is handed on, whatever that is."""

    async def later() -> int:
        return 2

    result = object()
    wrapper = life_call(None, None, told.append)
    assert Wrapper(lambda: result, wrapper)() is result
    assert await Wrapper(later, wrapper)() == 2
    assert told == []


async def test_telling_that_fails_changes_nothing(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the result nor the exception."""
    monkeypatch.setattr(guard, "_reported", set())

    def fail(*_: object) -> None:
        raise LookupError

    error = ValueError()

    async def load() -> None:
        raise error

    wrapper = life_call(None, fail, fail)
    assert Wrapper(lambda: 1, wrapper)() == 1
    with pytest.raises(ValueError) as caught:
        await Wrapper(load, wrapper)()
    assert caught.value is error
    assert error.__context__ is None
    assert caplog.records


# --- what is noted ----------------------------------------------------------------------------------------------------


def test_what_a_function_is_given_is_noted_before_it_runs(told: list[object]) -> None:
    """As it was given."""

    def send(*args: object, **kwargs: object) -> str:
        told.append("during")
        return "sent"

    noted = Wrapper(send, noted_call(lambda *args, **kwargs: told.append((args, kwargs)), None))
    assert noted(1, number=2) == "sent"
    assert told == [((1,), {"number": 2}), "during"]


def test_what_a_function_returns_is_noted_and_returned(told: list[object]) -> None:
    """The very object."""
    answer = (1, 9)
    assert Wrapper(lambda pid: answer, noted_call(None, told.append))(1) is answer
    assert told == [answer]
    assert told[0] is answer


@pytest.mark.parametrize("kind", [ChildProcessError, InterruptedError, KeyboardInterrupt])
def test_what_a_function_raises_is_its_own(kind: type[BaseException], told: list[object]) -> None:
    """And there is nothing to note that was returned."""
    error = kind("the system's")

    def wait() -> None:
        raise error

    with pytest.raises(kind) as caught:
        Wrapper(wait, noted_call(lambda: told.append("given"), lambda result: told.append(result)))()
    assert caught.value is error
    assert frames(error) == ["wait"]
    assert told == ["given"]


def test_a_method_is_noted_without_its_object(told: list[object]) -> None:
    """As who calls it gives it."""

    class Loop:
        def complain(self, context: object) -> object:
            return self, context

    Loop.complain = Wrapper(Loop.complain, noted_call(told.append, None))  # type: ignore[method-assign]
    loop = Loop()
    assert loop.complain({"message": "x"}) == (loop, {"message": "x"})
    assert told == [{"message": "x"}]


def test_builtin_functions_stay_what_they_are(told: list[object]) -> None:
    """Their signature, name and refusals."""
    noted = Wrapper(os.kill, noted_call(lambda *args: told.append(args), None))
    assert (noted.__name__, noted.__module__, noted.__doc__) == (os.kill.__name__, os.kill.__module__, os.kill.__doc__)
    assert inspect.signature(noted) == inspect.signature(os.kill)
    with pytest.raises(TypeError, match=r"exactly 2|expected 2"):
        noted(1)
    assert told == [(1,)]


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
