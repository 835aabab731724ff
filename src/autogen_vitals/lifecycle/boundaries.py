"""Where requests come in: an application, a server's method, a task, or a block of the user's."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any

from autogen_vitals.guard import guarded, guarded_by_position
from autogen_vitals.lifecycle.errors import identify
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.requests import Request, RequestToken
from autogen_vitals.lifecycle.silence import SilentWatch
from autogen_vitals.lifecycle.tracker import Tracker

_REQUESTS = ("http", "websocket")
_CHAIN_LIMIT = 8
_TASK_LIMIT = 10_000


class RequestFailures:
    """Told of the exceptions that have ended requests, by whoever sees them: once of each, though several may."""

    def __init__(self, tracker: Tracker, escapes: Escapes) -> None:
        self._tracker = tracker
        self._escapes = escapes

    @guarded
    def handled(self, error: BaseException | None = None) -> None:
        """A framework has made an answer of ``error``, of the one it is handling unless it is given."""
        error = sys.exc_info()[1] if error is None else error
        if error is not None:
            self.failed(error, self._tracker.requests.current())

    @guarded
    def given(self, *args: object, **kwargs: object) -> None:
        """A framework's method has been called with the exception, before or after whatever else it takes."""
        errors = (value for value in (*args, *kwargs.values()) if isinstance(value, BaseException))
        self.handled(next(errors, None))

    def failed(self, error: BaseException, request: Request | None) -> None:
        """``error`` has ended ``request``."""
        if request is None:
            self._escapes.escaped(error, "request")
            return
        identity = identify(error)
        if request.failure != identity:
            request.failure = identity
            request.error = type(error).__qualname__
            self._escapes.escaped(error, "request", span=request.span)


class CallWatch(SilentWatch):
    """Watches a call that is a request."""

    def __init__(self, tracker: Tracker, failures: RequestFailures) -> None:
        self._tracker = tracker
        self._failures = failures

    @guarded_by_position
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request | None:
        return self._opened(is_session=False)

    def _opened(self, *, is_session: bool, asked: tuple[str, str] = ("", "")) -> Request | None:
        requests = self._tracker.requests
        if not self._tracker.active:
            return None
        current = requests.current()
        if current is not None:
            # A server's own method knows less about it than the application that it calls.
            if not any(current.asked):
                current.asked = asked
            return None
        self._tracker.phases.become_ready()
        request = requests.open(is_session=is_session)
        request.asked = asked
        return request

    @guarded_by_position
    def enter(self, observation: Request) -> Token[Request | None] | None:
        return self._tracker.requests.enter(observation)

    @guarded_by_position
    def leave(self, observation: Request, token: Any) -> None:
        self._tracker.requests.leave(token)

    @guarded_by_position
    def end(self, observation: Request, result: object, error: BaseException | None) -> None:
        error = None if error is None else self._of_the_app(error)
        if error is not None:
            self._failures.failed(error, observation)
        self._tracker.requests.finish(observation, None if error is None else type(error).__qualname__)

    def _of_the_app(self, error: BaseException) -> BaseException | None:
        return error

    @guarded
    def abandon(self, observation: Request) -> None:
        self._tracker.requests.finish(observation, None)


class AsgiWatch(CallWatch):
    """Watches an ASGI application's ``__call__(scope, receive, send)``.

    HTTP and WebSocket scopes are requests. The lifespan scope begins the server's start-up, which the first request
    ends at the latest.
    """

    def __init__(self, tracker: Tracker, failures: RequestFailures, moments: Moments) -> None:
        super().__init__(tracker, failures)
        self._moments = moments

    @guarded_by_position
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request | None:
        if not self._tracker.active:
            return None
        scope: Any = args[0] if args else kwargs.get("scope")
        if scope["type"] == "lifespan":
            self._moments.reached("starting")
        if scope["type"] not in _REQUESTS:
            return None
        is_session = scope["type"] == "websocket"
        method = "WEBSOCKET" if is_session else scope.get("method", "")
        return self._opened(is_session=is_session, asked=(method, scope.get("path", "")))


class WsgiWatch(CallWatch):
    """Watches a WSGI application's ``__call__(environ, start_response)``."""

    @guarded_by_position
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Request | None:
        environ: Any = args[0] if args else kwargs.get("environ")
        return self._opened(is_session=False, asked=(environ.get("REQUEST_METHOD", ""), environ.get("PATH_INFO", "")))


class ServerWatch(CallWatch):
    """Watches a server's own method that serves one request.

    Args:
        package: the server's. What has come from there, or from a socket, is a client that hung up, or an exception of
            the server's own that stands for the application's.
    """

    def __init__(self, tracker: Tracker, failures: RequestFailures, package: str) -> None:
        super().__init__(tracker, failures)
        self._server = frozenset({package, "autogen_vitals", "ssl", "socket", "socketserver"})

    def _of_the_app(self, error: BaseException) -> BaseException | None:
        link: BaseException | None = error
        for _ in range(_CHAIN_LIMIT):
            if link is None or self._passed_the_app(link.__traceback__):
                return link
            link = link.__context__
        return None

    def _passed_the_app(self, traceback: TracebackType | None) -> bool:
        while traceback is not None:
            name: object = traceback.tb_frame.f_globals.get("__name__")
            if isinstance(name, str) and name.partition(".")[0] not in self._server:
                return True
            traceback = traceback.tb_next
        return False


class TaskRequests:
    """Requests that are tasks: a server of tasks tells of their beginnings and ends, by their ids.

    State of the process: those that are open, anew in a forked child. Bounded by how many run at once, and by a limit.
    """

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._renew()
        renew_after_fork(self, TaskRequests._renew)

    def _renew(self) -> None:
        self._open: dict[str, RequestToken] = {}

    @guarded
    def begins(self, task_id: str, task: Any = None) -> None:
        """In the context that the task runs in."""
        if self._tracker.active and len(self._open) < _TASK_LIMIT and task_id not in self._open:
            begun = self._tracker.requests.begin(task=str(getattr(task, "name", "")))
            if begun is not None:
                self._open[task_id] = begun

    @guarded
    def answers(self, task_id: str, *_: object, **__: object) -> None:
        """What was to be done is done: a process that dies from here on has not interrupted it."""
        begun = self._open.get(task_id)
        if begun is not None:
            self._tracker.requests.answered(begun[0])

    @guarded
    def ends(self, task_id: str) -> None:
        """In the same one."""
        begun = self._open.pop(task_id, None)
        if begun is not None:
            self._tracker.requests.end(begun)


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
