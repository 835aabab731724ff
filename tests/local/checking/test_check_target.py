"""The target: what is called, what is started, and what is merely imported."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from autogen_vitals.local.checking.target import Lifespan, TakesArguments, as_factory, is_asgi


class App:
    """An ASGI app as a framework makes it."""

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.seen: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        for message in ("startup", "shutdown"):
            received = await receive()
            self.seen.append(received["type"])
            if self.fails:
                await send({"type": f"lifespan.{message}.failed", "message": "sk-secret"})
                raise LookupError("sk-secret")
            await send({"type": f"lifespan.{message}.complete"})


async def asgi_function(scope: Any, receive: Any, send: Any) -> None:
    raise NotImplementedError("no lifespan")


async def coroutine_factory() -> object:
    return object()


def with_defaults(model: str = "gpt-4o-mini", *tools: object, **more: object) -> object:
    return (model, tools, more)


def with_arguments(model: str, *, key: str) -> object:
    return (model, key)


@pytest.mark.parametrize("value", [with_defaults, coroutine_factory, partial(with_arguments, "m", key="k"), dict, App])
def test_what_builds_is_called(value: Any) -> None:
    """Functions, coroutine functions, partials and classes that need no argument."""
    assert as_factory(value) is value


@pytest.mark.parametrize("value", [App(), asgi_function, object(), "text", 3])
def test_what_was_built_is_not_called(value: Any) -> None:
    """An app, though it can be called, and any other object."""
    assert as_factory(value) is None


def test_what_needs_arguments_is_refused_with_their_names() -> None:
    """We do not know what to pass."""
    with pytest.raises(TakesArguments) as raised:
        as_factory(with_arguments)
    assert raised.value.names == ["model", "key"]


def test_an_asgi_app_is_known_by_how_it_is_called() -> None:
    """An object or a function; a WSGI app, a class and an agent are none."""
    assert is_asgi(App())
    assert is_asgi(asgi_function)
    assert not is_asgi(App)
    assert not is_asgi(lambda environ, start_response: [])
    assert not is_asgi(object())


def test_a_lifespan_is_run_and_ended() -> None:
    """Start-up first, shutdown when it is asked for, on one loop."""
    app = App()
    lifespan = Lifespan(app, asyncio.new_event_loop())
    assert lifespan.start()
    assert app.seen == ["lifespan.startup"]
    lifespan.stop()
    assert app.seen == ["lifespan.startup", "lifespan.shutdown"]


def test_a_start_up_that_fails_raises_what_it_raised() -> None:
    """Else a broken app would pass, and quickly."""
    with pytest.raises(LookupError):
        Lifespan(App(fails=True), asyncio.new_event_loop()).start()


def test_an_app_without_a_lifespan_is_no_failure() -> None:
    """As servers have it."""
    lifespan = Lifespan(asgi_function, asyncio.new_event_loop())
    assert not lifespan.start()
    lifespan.stop()
