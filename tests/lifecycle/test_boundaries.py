"""Where requests come in: a real Starlette application, called as a server calls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

from autogen_vitals.lifecycle.boundaries import AsgiWatch, CallWatch, RequestFailures, ServerWatch, TaskRequests
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.wrapping.calls import deferred_call
from autogen_vitals.wrapping.proxy import Wrapper


@pytest.fixture
def seen() -> list[Any]:
    """The requests that the endpoints saw, and phases."""
    return []


@pytest.fixture
def watch(tracker_: Tracker, moments: Moments, escapes: Escapes) -> AsgiWatch:
    """What watches an application."""
    return AsgiWatch(tracker_, RequestFailures(tracker_, escapes), moments)


@pytest.fixture
def app(tracker_: Tracker, watch: AsgiWatch, seen: list[Any]) -> Any:
    """A Starlette whose calls are watched, with a mounted application that is watched too."""
    observed = type("Observed", (Starlette,), {"__call__": Wrapper(Starlette.__call__, deferred_call(watch))})

    def look() -> None:
        request = tracker_.requests.current()
        seen.append(request)
        if request is not None:
            tracker_.requests.use(request)

    async def page(request: Any) -> PlainTextResponse:
        look()
        return PlainTextResponse("page")

    def threaded(request: Any) -> PlainTextResponse:
        look()
        return PlainTextResponse("threaded")

    async def stream(request: Any) -> StreamingResponse:
        async def body() -> Any:
            for text in ("one", "two"):
                look()
                yield text

        return StreamingResponse(body())

    async def fail(request: Any) -> None:
        look()
        raise LookupError("the app's")

    async def socket(websocket: Any) -> None:
        await websocket.accept()
        look()
        await websocket.close()

    @asynccontextmanager
    async def lifespan(_: Any) -> Any:
        seen.append(tracker_.phases.phase(in_request=False, importing=False))
        yield
        seen.append("stopping")

    routes = [
        Route("/page", page),
        Route("/threaded", threaded),
        Route("/stream", stream),
        Route("/fail", fail),
        WebSocketRoute("/socket", socket),
    ]
    return observed(routes=[*routes, Mount("/inner", observed(routes=routes))], lifespan=lifespan)


async def get(app: Any, path: str, **scope: Any) -> bytes:
    """One HTTP request, as an ASGI server makes it."""
    messages = asyncio.Queue[dict[str, Any]]()
    await messages.put({"type": "http.request", "body": b"", "more_body": False})
    body: list[bytes] = []

    async def send(message: dict[str, Any]) -> None:
        body.append(message.get("body", b""))

    http = {"type": "http", "method": "GET", "path": path, "root_path": "", "query_string": b"", "headers": []}
    await app({**http, "http_version": "1.1", "server": ("test", 80), **scope}, messages.get, send)
    return b"".join(body)


@pytest.mark.parametrize(
    ("path", "body", "looks"),
    [("/page", b"page", 1), ("/threaded", b"threaded", 1), ("/stream", b"onetwo", 2), ("/inner/page", b"page", 1)],
)
async def test_an_http_request_is_a_request(
    path: str, body: bytes, looks: int, app: Any, seen: list[Any], tracker_: Tracker, sink: Any
) -> None:
    """To the end of its body, in threads and mounted applications too; one request, outermost."""
    assert await get(app, path) == body
    assert len(seen) == looks
    assert len(set(seen)) == 1
    assert sink.all("request_ended") == [seen[0]]
    assert (seen[0].start_type, seen[0].error) == ("cold", None)
    assert tracker_.requests.current() is None


async def test_the_first_request_makes_it_ready(app: Any, tracker_: Tracker) -> None:
    """Also where no server says so."""
    tracker_.phases.begin_starting()
    await get(app, "/page")
    assert (tracker_.phases.starting, tracker_.phases.ready) == (False, True)


async def test_requests_at_once_are_apart(app: Any, seen: list[Any], sink: Any) -> None:
    """Each has its own, and one is cold."""
    await asyncio.gather(*(get(app, "/stream") for _ in range(5)))
    assert len(set(seen)) == 5
    assert sorted(request.start_type for request in set(seen)) == ["cold"] + ["warm"] * 4
    assert set(sink.all("request_ended")) == set(seen)


async def test_an_endpoint_s_exception_passes(app: Any, seen: list[Any], sink: Any) -> None:
    """To the server, as it does without us; the request's error is its class."""
    with pytest.raises(LookupError, match="the app's"):
        await get(app, "/fail")
    assert [(request.error, request.ended) for request in sink.all("request_ended")] == [("LookupError", True)]


async def test_a_websocket_is_a_request(app: Any, seen: list[Any], sink: Any) -> None:
    """From its connect to its close."""
    sent: list[str] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])

    scope = {"type": "websocket", "path": "/socket", "root_path": "", "query_string": b"", "headers": []}
    await app(scope, receive, send)
    assert sent == ["websocket.accept", "websocket.close"]
    assert sink.all("request_ended") == seen
    assert len(seen) == 1


async def test_a_request_inside_another_opens_nothing(app: Any, seen: list[Any], tracker_: Tracker, sink: Any) -> None:
    """The span of a server's instrumentation, say, has opened one already."""
    begun = tracker_.requests.begin("outer")
    assert begun is not None
    await get(app, "/page")
    assert seen == [begun[0]]
    assert sink.all("request_ended") == []
    tracker_.requests.end(begun)
    assert sink.all("request_ended") == [begun[0]]


async def test_the_lifespan_is_the_server_s_life(app: Any, seen: list[Any], tracker_: Tracker, sink: Any) -> None:
    """No request: it begins the start-up, and it changes nothing of what the server itself says."""
    tracker_.phases.become_ready()
    messages = asyncio.Queue[dict[str, Any]]()
    sent: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message["type"])
        if message["type"] == "lifespan.startup.complete":
            assert tracker_.phases.starting is True
            await messages.put({"type": "lifespan.shutdown"})

    await messages.put({"type": "lifespan.startup"})
    await app({"type": "lifespan"}, messages.get, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert seen == ["startup", "stopping"]
    assert sink.told == []


async def test_nothing_is_watched_when_switched_off(app: Any, seen: list[Any], tracker_: Tracker) -> None:
    """After disable() an application is an application."""
    tracker_.active = False
    assert await get(app, "/page") == b"page"
    assert seen == [None]


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (({"type": "http"},), {}),
        ((), {"scope": {"type": "http"}}),
        (({"type": "websocket"}, None, None), {}),
    ],
)
def test_the_scope_is_found(args: Any, kwargs: Any, watch: AsgiWatch, tracker_: Tracker, sink: Any) -> None:
    """By position or by name."""
    assert watch.begin(object(), args, kwargs) is not None


@pytest.mark.parametrize("args", [(), (None,), ({},), ({"type": "other"},), (17,)])
def test_a_scope_that_is_none_opens_nothing(args: Any, watch: AsgiWatch, tracker_: Tracker, sink: Any) -> None:
    """Whatever it is called with."""
    assert watch.begin(object(), args, {}) is None
    assert tracker_.phases.ready is False


def test_an_abandoned_call_ends_its_request(watch: AsgiWatch, tracker_: Tracker, sink: Any) -> None:
    """As its end would have."""
    request: Any = watch.begin(object(), ({"type": "http"},), {})
    tracker_.requests.use(request)
    assert watch.first_item(request) is None
    watch.abandon(request)
    assert sink.all("request_ended") == [request]


def test_a_forked_child_ends_no_request_of_its_parent_s(
    watch: AsgiWatch, tracker_: Tracker, sink: Any, in_fork: Callable[..., Any]
) -> None:
    """That is the parent's to tell."""
    request: Any = watch.begin(object(), ({"type": "http"},), {})
    tracker_.requests.use(request)
    assert in_fork(lambda: [watch.end(request, None, None), len(sink.told)]) == [None, 0]
    watch.end(request, None, None)
    assert sink.all("request_ended") == [request]


# --- other boundaries -------------------------------------------------------------------------------------------------


@pytest.fixture
def failures(tracker_: Tracker, escapes: Escapes) -> RequestFailures:
    """Told of failed requests; in a process of interest."""
    tracker_.recorder.open()
    return RequestFailures(tracker_, escapes)


def test_the_outermost_call_is_the_request(failures: RequestFailures, tracker_: Tracker, sink: Any) -> None:
    """Several layers see one request: server, middleware, framework."""
    outer, inner = CallWatch(tracker_, failures), CallWatch(tracker_, failures)
    request: Any = outer.begin(object(), (), {})
    token = outer.enter(request)
    assert inner.begin(object(), (), {}) is None
    tracker_.requests.use(request)
    outer.leave(request, token)
    outer.end(request, None, None)
    assert sink.all("request_ended") == [request]
    assert tracker_.phases.ready


def app_error(message: str = "the app's") -> BaseException:
    try:
        raise LookupError(message)
    except LookupError as error:
        return error


def test_a_failure_is_told_once(failures: RequestFailures, tracker_: Tracker, sink: Any) -> None:
    """A framework tells of it and lets it pass, to the boundary around: one crash, of that request."""
    watch = CallWatch(tracker_, failures)
    request: Any = watch.begin(object(), (), {})
    token = watch.enter(request)
    error = app_error()
    failures.handled(error)
    failures.handled(error)
    watch.leave(request, token)
    watch.end(request, None, error)
    assert [crash.escaped for crash in sink.all("crashed")] == ["request"]
    assert request.error == "LookupError"


def test_what_a_framework_makes_an_answer_of_has_failed(
    failures: RequestFailures, tracker_: Tracker, sink: Any
) -> None:
    """Also where it only says that it is handling something."""
    watch = CallWatch(tracker_, failures)
    request: Any = watch.begin(object(), (), {})
    token = watch.enter(request)
    try:
        raise LookupError("the app's")
    except LookupError:
        failures.handled()
    watch.leave(request, token)
    watch.end(request, None, None)
    assert (request.error, len(sink.all("crashed"))) == ("LookupError", 1)


def test_nothing_is_handled_when_nothing_failed(failures: RequestFailures, sink: Any) -> None:
    """A signal may be sent by anyone."""
    failures.handled()
    assert sink.all("crashed") == []


def test_a_failure_outside_of_a_request_is_one_all_the_same(failures: RequestFailures, sink: Any) -> None:
    """Its boundary may not be known."""
    failures.handled(app_error())
    assert [crash.escaped for crash in sink.all("crashed")] == ["request"]


def of_the_server(body: str, **names: Any) -> BaseException:
    """What code of a module that is called 'gunicorn.workers' raises."""
    scope = {"__name__": "gunicorn.workers", **names}
    try:
        exec(body, scope)
    except BaseException as error:
        error.__traceback__ = None if error.__traceback__ is None else error.__traceback__.tb_next
        return error
    raise AssertionError


def test_a_client_that_hangs_up_is_no_crash(failures: RequestFailures, tracker_: Tracker, sink: Any) -> None:
    """The server's own exceptions are not the application's."""
    watch = ServerWatch(tracker_, failures, "gunicorn")
    request: Any = watch.begin(object(), (), {})
    watch.end(request, None, of_the_server("raise BrokenPipeError"))
    assert (request.ended, request.error, sink.all("crashed")) == (True, None, [])


def test_what_passed_the_application_is_its(failures: RequestFailures, tracker_: Tracker, sink: Any) -> None:
    """Through whatever of the server's."""
    watch = ServerWatch(tracker_, failures, "gunicorn")
    request: Any = watch.begin(object(), (), {})
    watch.end(request, None, of_the_server("call()", call=_raise))
    assert request.error == "LookupError"
    assert [crash.error_type for crash in sink.all("crashed")] == ["LookupError"]


def test_a_framework_s_method_may_take_more_than_the_exception(failures: RequestFailures, sink: Any) -> None:
    """Quart's is given a context first, from 0.23 on."""
    failures.given(app_error("alone"))
    failures.given(object(), app_error("after a context"))
    failures.given(object(), error=app_error("named"))
    assert [crash.error_type for crash in sink.all("crashed")] == ["LookupError"] * 3


def test_what_a_server_raises_for_it_is_the_application_s(
    failures: RequestFailures, tracker_: Tracker, sink: Any
) -> None:
    """Gunicorn ends a request whose headers are sent with an exception of its own."""
    watch = ServerWatch(tracker_, failures, "gunicorn")
    request: Any = watch.begin(object(), (), {})
    watch.end(request, None, of_the_server("try:\n call()\nexcept Exception:\n raise StopIteration()", call=_raise))
    assert [crash.error_type for crash in sink.all("crashed")] == ["LookupError"]


def _raise() -> None:
    raise LookupError("the app's")


def test_a_task_is_a_request(tracker_: Tracker, sink: Any) -> None:
    """One inside another is part of it."""
    tasks = TaskRequests(tracker_)
    tasks.begins("outer")
    request: Any = tracker_.requests.current()
    tasks.begins("inner")
    assert tracker_.requests.current() is request
    tracker_.requests.use(request)
    tasks.ends("inner")
    assert not request.ended
    tasks.ends("outer")
    assert sink.all("request_ended") == [request]
    assert tracker_.requests.current() is None


def test_an_answered_task_goes_on(tracker_: Tracker, sink: Any) -> None:
    """What its server's handlers do with the outcome is still part of it."""
    tasks = TaskRequests(tracker_)
    tasks.answers("never begun")
    tasks.begins("task")
    request: Any = tracker_.requests.current()
    tracker_.requests.use(request)
    tasks.answers("task", "the outcome", request=None)
    assert tracker_.requests.current() is request
    assert sink.all("request_ended") == []
    tasks.ends("task")
    assert sink.all("request_ended") == [request]


def test_a_task_nobody_has_seen_begin_ends(tracker_: Tracker, sink: Any) -> None:
    """Without a word; so does one that ends twice."""
    tasks = TaskRequests(tracker_)
    for word in ("never", "begun", "begun"):
        if word == "begun":
            tasks.begins(word)
        tasks.ends(word)
    assert sink.all("request_ended") == []


def test_a_forked_child_has_none_of_its_parent_s_tasks(
    tracker_: Tracker, sink: Any, in_fork: Callable[..., Any]
) -> None:
    """It neither ends them nor is kept from tasks of its own."""
    tasks = TaskRequests(tracker_)
    tasks.begins("parent's")
    assert in_fork(lambda: [tasks._open, tracker_.requests.current()]) == [{}, None]
    tasks.ends("parent's")


def test_no_task_is_a_request_when_switched_off(tracker_: Tracker) -> None:
    """After disable()."""
    tasks = TaskRequests(tracker_)
    tracker_.active = False
    tasks.begins("task")
    assert tracker_.requests.current() is None
