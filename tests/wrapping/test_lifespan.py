"""An ASGI application's lifespan: when it says that it has started, and nothing changed on the way."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from autogen_vitals.wrapping.life import lifespan_call
from autogen_vitals.wrapping.proxy import Wrapper

starlette = pytest.importorskip("starlette.applications")
routing = pytest.importorskip("starlette.routing")


@pytest.fixture
def told() -> list[str]:
    """What happened, in order."""
    return []


@pytest.fixture
def wrap(told: list[str]) -> Callable[[Any], Any]:
    """Wraps the handler of a lifespan."""
    wrapper = lifespan_call(partial(told.append, "ready"), lambda error: told.append(f"failed: {error!r}"))
    return lambda function: Wrapper(function, wrapper)


async def test_ready_is_after_the_start_and_after_the_server_knows(wrap: Callable[[Any], Any], told: list[str]) -> None:
    """With Starlette's own router: once, between its start-up and its shutdown."""

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        told.append("started")
        yield
        told.append("stopped")

    messages: asyncio.Queue[Any] = asyncio.Queue()

    async def send(message: Any) -> None:
        told.append(message["type"])
        await messages.put({"type": "lifespan.shutdown"})

    await messages.put({"type": "lifespan.startup"})
    router = routing.Router(lifespan=lifespan)
    await wrap(router.lifespan)({"type": "lifespan", "app": router}, messages.get, send)
    assert told == ["started", "lifespan.startup.complete", "ready", "stopped", "lifespan.shutdown.complete"]


async def test_a_start_that_fails_is_not_ready(wrap: Callable[[Any], Any], told: list[str]) -> None:
    """The server hears of it, and the exception is the app's own, without a frame of ours."""

    @asynccontextmanager
    async def lifespan(app: Any) -> Any:
        raise LookupError("no key")
        yield

    async def receive() -> Any:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        told.append(message["type"])

    router = routing.Router(lifespan=lifespan)
    with pytest.raises(LookupError, match="no key") as raised:
        await wrap(router.lifespan)({"type": "lifespan", "app": router}, receive, send)
    assert told == ["lifespan.startup.failed", "failed: LookupError('no key')"]
    if sys.version_info >= (3, 11):
        frames = traceback.extract_tb(raised.value.__traceback__)
        assert not [frame for frame in frames if "autogen_vitals" in frame.filename]


async def test_a_server_that_is_gone_is_the_app_s_to_hear_of(wrap: Callable[[Any], Any], told: list[str]) -> None:
    """What send raises arrives, and nobody is ready."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    async def send(message: Any) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await wrap(application)({"type": "lifespan"}, None, send)
    assert told == ["failed: ConnectionError()"]


async def test_a_shutdown_that_fails_is_told(wrap: Callable[[Any], Any], told: list[str]) -> None:
    """After it had been ready."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})
        raise LookupError

    async def send(message: Any) -> None:
        told.append(message["type"])

    with pytest.raises(LookupError):
        await wrap(application)({"type": "lifespan"}, None, send)
    assert told == ["lifespan.startup.complete", "ready", "failed: LookupError()"]


def test_one_that_fails_before_it_is_awaited_is_told(wrap: Callable[[Any], Any], told: list[str]) -> None:
    """A function that is no coroutine function; one that awaits nothing answers what it answers."""

    def application(scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] == "lifespan":
            raise LookupError
        return scope

    with pytest.raises(LookupError):
        wrap(application)({"type": "lifespan"}, None, None)
    assert told == ["failed: LookupError()"]
    assert wrap(application)({"type": "other"}, None, None) == {"type": "other"}


def test_other_calls_are_left_alone(wrap: Callable[[Any], Any]) -> None:
    """Whatever else somebody calls the function with."""
    assert wrap(lambda *args, **kwargs: (args, kwargs))(1, send=2) == ((1,), {"send": 2})
