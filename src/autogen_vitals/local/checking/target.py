"""The target: found by its name, called, and served as far as its start-up."""

from __future__ import annotations

import asyncio
import importlib
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

from autogen_vitals.local.checking.sample import Request

_SHUTDOWN_SECONDS = 5.0
_ASGI = 3


class NoModule(Exception):
    """There is no such module; its message names it."""


class NoAttribute(Exception):
    """The module has no such attribute; ``names`` has those it has."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names


class TakesArguments(Exception):
    """It cannot be called without arguments; ``names`` has those that have no default."""

    def __init__(self, names: list[str]) -> None:
        super().__init__()
        self.names = names


def load(request: Request) -> Any:
    """Import the module, and find the attribute.

    Raises:
        NoModule: it is the module itself that there is not.
        NoAttribute: it lacks the attribute.
        BaseException: what importing it raises.
    """
    try:
        module = importlib.import_module(request.module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{request.module}.".startswith(f"{error.name}."):
            raise NoModule(error.name) from None
        raise
    value: Any = module
    for name in request.attribute.split(".") if request.attribute else ():
        try:
            value = getattr(value, name)
        except AttributeError:
            raise NoAttribute(sorted(known for known in vars(value) if not known.startswith("_"))) from None
    return value


def as_factory(value: Any) -> Callable[[], Any] | None:
    """``value`` if it is something that builds: a function, method or class; ``None`` if it is what was built.

    Raises:
        TakesArguments: it builds, but not without being given something.
    """
    if not (inspect.isroutine(value) or inspect.isclass(value) or isinstance(value, partial)) or is_asgi(value):
        return None
    needed = _needed(value)
    if needed:
        raise TakesArguments(needed)
    return value


def is_asgi(value: Any) -> bool:
    """Whether it is an ASGI application: awaitable when called with scope, receive and send."""
    if inspect.isclass(value):
        return False
    call = value if inspect.isroutine(value) else getattr(value, "__call__", None)  # noqa: B004 - of the object's class
    return call is not None and inspect.iscoroutinefunction(call) and len(_needed(call)) == _ASGI


def _needed(value: Any) -> list[str]:
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        # Written in C, and says nothing of itself.
        return []
    named = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [
        parameter.name
        for parameter in parameters
        if parameter.kind in named and parameter.default is inspect.Parameter.empty
    ]


class Lifespan:
    """The start-up of an ASGI app, and its shutdown, on one event loop.

    Args:
        app: the application.
        loop: on which it starts, and would serve.
    """

    def __init__(self, app: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._app = app
        self._loop = loop
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._started: asyncio.Future[bool] = loop.create_future()
        self._failed = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> bool:
        """Run its start-up.

        Returns:
            Whether it has one.

        Raises:
            BaseException: what the start-up raised.
        """
        return self._loop.run_until_complete(self._start())

    def stop(self) -> None:
        """Run its shutdown, for a few seconds at most."""
        if self._task is not None and not self._task.done():
            self._to_app.put_nowait({"type": "lifespan.shutdown"})
            self._loop.run_until_complete(asyncio.wait([self._task], timeout=_SHUTDOWN_SECONDS))

    async def _start(self) -> bool:
        self._to_app.put_nowait({"type": "lifespan.startup"})
        self._task = asyncio.create_task(self._serve())
        await asyncio.wait([self._task, self._started], return_when=asyncio.FIRST_COMPLETED)
        if self._started.done():
            return True
        error = self._task.exception()
        if self._failed:
            raise error or RuntimeError("the application says that its start-up has failed")
        # It knows no lifespan, and says so by raising, or by returning: servers go on then, as the specification asks.
        return False

    async def _serve(self) -> None:
        scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
        await self._app(scope, self._to_app.get, self._send)

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "lifespan.startup.complete" and not self._started.done():
            self._started.set_result(True)
        self._failed = self._failed or message["type"] == "lifespan.startup.failed"
