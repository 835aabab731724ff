"""An ASGI application's lifespan: when it says that it has started, and nothing changed on the way."""

from __future__ import annotations

import asyncio
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
    return lambda function: Wrapper(function, lifespan_call(partial(told.append, "ready")))


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
    assert told == ["lifespan.startup.failed"]
    assert "autogen_vitals" not in "".join(traceback.format_tb(raised.value.__traceback__)[1:2])


async def test_a_server_that_is_gone_is_the_app_s_to_hear_of(wrap: Callable[[Any], Any], told: list[str]) -> None:
    """What send raises arrives, and nobody is ready."""

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "lifespan.startup.complete"})

    async def send(message: Any) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await wrap(application)({"type": "lifespan"}, None, send)
    assert not told


def test_other_calls_are_left_alone(wrap: Callable[[Any], Any]) -> None:
    """Whatever else somebody calls the function with."""
    assert wrap(lambda *args, **kwargs: (args, kwargs))(1, send=2) == ((1,), {"send": 2})
