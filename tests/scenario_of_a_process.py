"""What happens in the process of an app beside AutoGen: servers and their requests, tasks, threads, children, imports.

Each part answers what the app sees of it, which must not depend on whether it is observed.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import importlib
import multiprocessing.popen_fork
import os
import socket
import sys
import threading
import traceback
import types
import warnings
import wsgiref.util
from collections.abc import Iterator
from typing import Any

import celery
import flask
import pytest

import autogen_vitals

gunicorn_config = pytest.importorskip("gunicorn.config")
gunicorn_parser = importlib.import_module("gunicorn.http.parser")
gunicorn_sync = importlib.import_module("gunicorn.workers.sync")
starlette_applications = pytest.importorskip("starlette.applications")
responses = importlib.import_module("starlette.responses")
routing = importlib.import_module("starlette.routing")


def explode(x: int) -> int:
    """Explode."""
    raise LookupError(f"x is {x}")


def told(error: BaseException) -> tuple[str, str, list[str]]:
    # The frames too: an exception arrives with the traceback it would have had. CPython 3.10 cannot hide ours.
    frames = traceback.extract_tb(error.__traceback__)
    if sys.version_info < (3, 11):
        frames = [frame for frame in frames if "autogen_vitals" not in frame.filename]
    return type(error).__name__, str(error).split("\n")[0], [frame.name for frame in frames]


def imports() -> Iterator[Any]:
    """A module, one that needs others, and two that fail."""
    for name in ("colorsys", "wsgiref.simple_server", "no_such_module", "wsgiref.no_such_module"):
        for imported in [module for module in sys.modules if module.partition(".")[0] in ("colorsys", "wsgiref")]:
            del sys.modules[imported]
        try:
            yield importlib.import_module(name).__name__
        except ImportError as error:
            yield told(error)


async def serve(agent: Any) -> list[Any]:
    async def handler(request: Any) -> Any:
        result = await agent.run(task="x")
        return responses.PlainTextResponse(result.messages[-1].content)

    app = starlette_applications.Starlette(routes=[routing.Route("/", handler)])
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message.get("body", message.get("status")))

    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    await app({**scope, "root_path": "", "scheme": "http", "server": ("x", 80)}, receive, send)
    return sent


async def failing_server() -> list[Any]:
    """A lifespan that fails, one that does not, and a request that does."""

    async def handler(request: Any) -> Any:
        raise LookupError("in a request")

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> Any:
        if "key" not in environment:
            raise LookupError("no key")
        yield

    environment: dict[str, str] = {}
    app = starlette_applications.Starlette(routes=[routing.Route("/", handler)], lifespan=lifespan)
    seen: list[Any] = []
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    for asked in ({"type": "lifespan"}, {"type": "lifespan"}, {**scope, "root_path": "", "scheme": "http"}):
        told_to_app: asyncio.Queue[Any] = asyncio.Queue()
        for word in ("startup", "shutdown"):
            told_to_app.put_nowait({"type": f"lifespan.{word}"})

        async def send(message: Any) -> None:
            seen.append(message["type"])

        try:
            await app({**asked, "server": ("x", 80)}, told_to_app.get, send)
        except LookupError as error:
            seen.append(told(error))
        environment["key"] = "x"
    return seen


def serve_by_gunicorn(app: Any, environ: dict[str, Any]) -> list[Any]:
    """One request by a worker of gunicorn's, through a socket: its answer, and what it raises."""
    seen: list[Any] = []

    def note(*_: Any) -> None:
        seen.append(told(sys.exc_info()[1] or AssertionError()))

    config = gunicorn_config.Config()
    config.set("keepalive", 0)
    worker = object.__new__(gunicorn_sync.SyncWorker)
    log = types.SimpleNamespace(access=lambda *_: None, debug=lambda *_: None, exception=note)
    vars(worker).update(cfg=config, log=log, wsgi=app, nr=0, max_requests=9, alive=True)
    ours, theirs = socket.socketpair()
    address = ("127.0.0.1", 80)
    with ours, theirs:
        theirs.sendall(f"GET {environ['PATH_INFO']} HTTP/1.0\r\n\r\n".encode())
        theirs.shutdown(socket.SHUT_WR)  # else gunicorn waits 2 s for what else might come
        request = next(gunicorn_parser.RequestParser(config, ours, address))
        try:
            worker.handle_request(types.SimpleNamespace(getsockname=lambda: address), request, ours, address)
        except Exception as error:
            seen.append(told(error))
        ours.close()
        answer = b"".join(iter(functools.partial(theirs.recv, 65536), b""))
    return [*seen, [line for line in answer.splitlines() if not line.startswith(b"Date")]]


def serve_by_wsgi() -> list[Any]:
    """An app of Flask's, by a server that is known and by one that is not: a body that streams, one that fails, a page
    that fails; and one whose framework is not known."""
    app = flask.Flask("app")
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.logger.disabled = True

    def stream(fails: bool) -> Iterator[str]:
        yield "one"
        if fails:
            explode(1)
        yield "two"

    app.add_url_rule("/stream/<int:fails>", "stream", lambda fails: flask.Response(stream(bool(fails))))
    app.add_url_rule("/fail", "fail", lambda: explode(1))
    seen: list[Any] = []
    for path in ("/stream/0", "/stream/1", "/fail"):
        environ: dict[str, Any] = {"PATH_INFO": path}
        wsgiref.util.setup_testing_defaults(environ)
        seen.extend(serve_by_gunicorn(app, environ))
        body = app(environ, lambda status, headers, exc_info=None: seen.append(status))
        try:
            seen.append(list(body))
        except LookupError as error:
            seen.append(told(error))
        finally:
            body.close()
    return [*seen, *serve_by_gunicorn(lambda environ, start_response: explode(1), environ)]


def work_on_tasks() -> list[Any]:
    """Two of Celery's, run where they are called."""
    app = celery.Celery("app", set_as_current=False)

    def succeed() -> str:
        return "done"

    def fail() -> None:
        explode(1)

    done, failed = (app.task(name=work.__name__)(work).apply() for work in (succeed, fail))
    return [done.result, told(failed.result)]


def failing_work() -> list[Any]:
    """What ends a block of the user's, and the work of a process."""
    seen: list[Any] = []

    def block() -> None:
        with autogen_vitals.request("job"):
            explode(1)

    def work_of_a_process() -> None:
        raise LookupError("in a process")

    for work in (block, multiprocessing.Process(target=work_of_a_process).run):
        try:
            work()
        except LookupError as error:
            seen.append(told(error))
    return seen


async def failing_behind_the_scenes() -> list[Any]:
    """A thread, and a task that nobody awaits: whom the app has asked to be told is told."""
    heard: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: heard.append(told(context["exception"])))

    # Each fails at a place of its own: an exception that is gone leaves its address to the next one.
    async def fail() -> None:
        raise LookupError("in a task")

    def fail_in_thread() -> None:
        raise LookupError("in a thread")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    gc.collect()
    thread = threading.Thread(target=fail_in_thread)
    thread.start()
    thread.join()
    return [*heard, *THREADS]


THREADS: list[Any] = []
"""What the app's own threading.excepthook has heard."""


def note_thread(args: threading.ExceptHookArgs) -> None:
    THREADS[:] = [told(args.exc_value)] if args.exc_value is not None else []


def child() -> list[Any]:
    """One that is forked, asked whether it is there, and waited for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # 3.12 and later: this process has threads
        pid = os.fork()
    if pid == 0:
        os._exit(7)
    seen = [os.kill(pid, 0), os.waitpid(pid, 0) == (pid, 7 << 8)]
    try:
        os.waitpid(pid, 0)
    except ChildProcessError as error:
        seen.append(told(error))
    return seen
