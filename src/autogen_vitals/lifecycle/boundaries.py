"""Where requests come in: an ASGI application, or a block of the user's."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.requests import Request, RequestToken
from autogen_vitals.lifecycle.silence import SilentWatch
from autogen_vitals.lifecycle.tracker import Tracker


class AsgiWatch(SilentWatch):
    """Watches an ASGI application's ``__call__(scope, receive, send)``.

    HTTP and WebSocket scopes are requests. The lifespan scope begins the server's start-up, which the first request
    ends at the latest.
    """

    def __init__(self, tracker: Tracker, moments: Moments, escapes: Escapes) -> None:
        self._tracker = tracker
        self._moments = moments
        self._escapes = escapes

    @guarded
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request | None:
        if not self._tracker.active:
            return None
        scope: Any = args[0] if args else kwargs.get("scope")
        if scope["type"] == "lifespan":
            self._moments.reached("starting")
            return None
        if scope["type"] not in ("http", "websocket") or self._tracker.requests.current() is not None:
            return None
        self._tracker.phases.become_ready()
        return self._tracker.requests.open(is_session=scope["type"] == "websocket")

    @guarded
    def enter(self, observation: Request) -> Token[Request | None] | None:
        return self._tracker.requests.enter(observation)

    @guarded
    def leave(self, observation: Request, token: Any) -> None:
        self._tracker.requests.leave(token)

    @guarded
    def end(self, observation: Request, result: object, error: BaseException | None) -> None:
        if error is not None:
            self._escapes.escaped(error, "request", span=observation.span)
        self._tracker.requests.finish(observation, None if error is None else type(error).__qualname__)

    @guarded
    def abandon(self, observation: Request) -> None:
        self._tracker.requests.finish(observation, None)


class RequestBlock:
    """``with request("name"):`` and ``async with request("name"):``, see ``autogen_vitals.request``."""

    def __init__(self, tracker: Tracker | None, escapes: Escapes | None, name: str) -> None:
        self._tracker = tracker
        self._escapes = escapes
        self._name = name
        # A stack: a block may be entered again within itself.
        self._tokens: list[RequestToken | None] = []

    @guarded
    def _begin(self) -> None:
        if self._tracker is not None:
            self._tokens.append(self._tracker.requests.begin(self._name) if self._tracker.active else None)

    @guarded
    def _end(self, error: BaseException | None) -> None:
        token = self._tokens.pop() if self._tokens else None
        if self._tracker is not None and token is not None:
            if error is not None and self._escapes is not None:
                self._escapes.escaped(error, "request", self._name, token[0].span)
            self._tracker.requests.end(token, error)

    def __enter__(self) -> RequestBlock:
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(error)

    async def __aenter__(self) -> RequestBlock:
        self._begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end(error)
