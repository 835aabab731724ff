"""Invariant 1, "never hurts the app", by fault injection: every function of ours is made to raise in turn."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
import gc
import importlib
import importlib.util
import inspect
import multiprocessing.popen_fork
import os
import pickle
import pkgutil
import socket
import sys
import threading
import traceback
import types
import warnings
import wsgiref.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery
import flask
import openai
import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import ModelInfo, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer
from observed import Vitals

import autogen_vitals

gunicorn_config = pytest.importorskip("gunicorn.config")
gunicorn_parser = importlib.import_module("gunicorn.http.parser")
gunicorn_sync = importlib.import_module("gunicorn.workers.sync")
starlette_applications = pytest.importorskip("starlette.applications")
responses = importlib.import_module("starlette.responses")
routing = importlib.import_module("starlette.routing")

ROOMS = ("hooks", "wrapping", "lifecycle", "crashes", "findings", "findings.rules", "telemetry")
TOP = (
    "",
    ".auto_instrumentation",
    ".clock",
    ".declarative",
    ".enabling",
    ".guard",
    ".instrumentation",
    ".instrumentor",
    ".plans",
    ".settings",
    ".warming",
)

SHELL = {
    # The guard itself, and the public calls, each of which is one call of a guarded function.
    "guard:guarded",
    "guard:guarded.safe",
    "guard:report",
    "guard:unseen",
    # When it fails, our frames show.
    "guard:hide_caller_frame",
    "__init__:enable",
    "__init__:disable",
    "__init__:flush",
    "__init__:request",
    "__init__:warm_up",
    "__init__:__getattr__",
    "enabling:request",
    "enabling:warm_up",
    # Guards what cannot be decorated: it is awaited.
    "enabling:_warm",
    "instrumentor:AutogenVitalsInstrumentor._instrument",
    "instrumentor:AutogenVitalsInstrumentor._uninstrument",
    "instrumentor:AutogenVitalsInstrumentor.installed",
    # The wrappers: the thin code between the app and the guard, which calls the original.
    "wrapping.calls:plain_call.wrapper",
    "wrapping.calls:deferred_call.wrapper",
    "wrapping.calls:_run",
    "wrapping.coverage:_subclass_hook.__init_subclass__",
    "wrapping.handover:StandIn.__getattr__",
    "wrapping.handover:StandIn.__dir__",
    "wrapping.handover:handed_over.wrapper",
    "wrapping.handover:_carrying.carrying",
    "wrapping.importing:ImportHooks.when_imported.hook",
    "wrapping.life:life_call.wrapper",
    "wrapping.life:noted_call.wrapper",
    "wrapping.life:lifespan_call.wrapper",
    "wrapping.life:_Sending.__init__",
    "wrapping.life:_Sending.__call__",
    "wrapping.life:_awaited",
    "wrapping.proxy:_BoundWrapper.__reduce_ex__",
    "wrapping.proxy:_BoundWrapper.__reduce__",
    "wrapping.proxy:_BoundWrapper.__copy__",
    "wrapping.proxy:_BoundWrapper.__repr__",
    "wrapping.proxy:_BoundWrapper.__deepcopy__",
    "wrapping.proxy:Wrapper.__reduce_ex__",
    "wrapping.proxy:Wrapper.__reduce__",
    "wrapping.proxy:Wrapper.__copy__",
    "wrapping.proxy:Wrapper.__repr__",
    "wrapping.proxy:Wrapper.__deepcopy__",
    "wrapping.proxy:_reduce",
    "wrapping.steps:TimedSteps.__init__",
    "wrapping.steps:TimedSteps.__await__",
    "wrapping.steps:TimedSteps.__iter__",
    "wrapping.steps:TimedSteps.__next__",
    "wrapping.steps:TimedSteps.send",
    "wrapping.steps:TimedSteps.throw",
    "wrapping.steps:TimedSteps.close",
    "wrapping.steps:_as_one",
    "wrapping.streams:ObservedIterator.__reduce_ex__",
    "wrapping.streams:ObservedIterator.__copy__",
    "wrapping.streams:ObservedIterator.__repr__",
    "wrapping.streams:ObservedIterator.__deepcopy__",
    "wrapping.streams:ObservedIterator.__aiter__",
    "wrapping.streams:ObservedIterator.__anext__",
    "wrapping.streams:ObservedStream.asend",
    "wrapping.streams:ObservedStream.athrow",
    "wrapping.streams:ObservedStream.aclose",
    "wrapping.streams:_Step.__init__",
    "wrapping.streams:_Step.__await__",
    "wrapping.streams:_Step.__iter__",
    "wrapping.streams:_Step.__next__",
    "wrapping.streams:_Step.send",
    "wrapping.streams:_Step.throw",
    "wrapping.streams:_Step.close",
    "wrapping.wsgi:wsgi_call.wrapper",
    "wrapping.wsgi:_Body.__iter__",
    "wrapping.wsgi:_Body.__next__",
    "wrapping.wsgi:_Body.close",
    "wrapping.wsgi:_Items.__init__",
    "wrapping.wsgi:_Items.__iter__",
    "wrapping.wsgi:_Items.__next__",
    "wrapping.wsgi:_step",
    # What the import system calls, in place of the finders and the loaders that it would have asked.
    "lifecycle.imports:ImportFinder.find_spec",
    "lifecycle.imports:_Timing.__call__",
    "lifecycle.boundaries:RequestBlock.__init__",
    "lifecycle.boundaries:RequestBlock.__enter__",
    "lifecycle.boundaries:RequestBlock.__exit__",
    "lifecycle.boundaries:RequestBlock.__aenter__",
    "lifecycle.boundaries:RequestBlock.__aexit__",
    "telemetry.native:QuietTrace.get_tracer",
    "telemetry.native:QuietTrace.__getattr__",
    "telemetry.native:_QuietTracer.start_as_current_span",
    "telemetry.native:QuietMessages.__call__",
    "telemetry.native:_Message.__enter__",
    "telemetry.native:_Message.__exit__",
}
"""What stands between the app and the guard. It is short, it is read by everybody, and it cannot be guarded."""


MODEL_INFO = ModelInfo(
    vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
)


class InjectedFault(Exception):
    pass


def modules() -> Iterator[types.ModuleType]:
    for name in TOP:
        yield importlib.import_module(f"autogen_vitals{name}")
    for room in ROOMS:
        package = importlib.import_module(f"autogen_vitals.{room}")
        for found in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"autogen_vitals.{room}.{found.name}")


@functools.cache
def functions() -> dict[str, tuple[types.FunctionType, tuple[int, ...]]]:
    """Every function of ours: its name → the function that holds its code, and the path through nested code."""
    found: dict[str, tuple[types.FunctionType, tuple[int, ...]]] = {}
    for module in modules():
        short = module.__name__.removeprefix("autogen_vitals").removeprefix(".") or "__init__"
        pending: list[Any] = [vars(module)]
        while pending:
            for value in list(pending.pop().values()):
                value = getattr(value, "__func__", value)
                value = value.fget if isinstance(value, property) else value
                value = getattr(value, "func", value) if type(value).__name__ == "cached_property" else value
                while hasattr(value, "__wrapped__") and isinstance(value, types.FunctionType):
                    value = value.__wrapped__
                if getattr(value, "__module__", None) != module.__name__:
                    continue
                if isinstance(value, type):
                    pending.append(vars(value))
                elif isinstance(value, types.FunctionType) and value.__code__.co_filename != "<string>":
                    # "<string>": what dataclasses generated.
                    note(found, short, value.__qualname__, value, value.__code__, ())
    return found


def note(
    found: dict[str, Any], module: str, name: str, holder: types.FunctionType, code: types.CodeType, path: Any
) -> None:
    found[f"{module}:{name}"] = (holder, path)
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType) and not constant.co_name.startswith("<"):
            note(found, module, f"{name}.{constant.co_name}", holder, constant, (*path, index))


def raising(code: types.CodeType) -> types.CodeType:
    """Code that raises, for a function with the same free variables: when it is awaited, if the function is async."""
    free = code.co_freevars
    word = "async def" if code.co_flags & inspect.CO_COROUTINE else "def"
    source = (
        f"def outer({', '.join(free)}):\n {word} boom(*args, **kwargs):\n"
        + "".join(f"  if 0: {name}\n" for name in free)
        + "  raise __import__('test_invariants').InjectedFault('injected')\n return boom"
    )
    scope: dict[str, Any] = {}
    exec(source, scope)
    inner = next(c for c in scope["outer"].__code__.co_consts if isinstance(c, types.CodeType))
    assert inner.co_freevars == free
    return inner


def with_fault(code: types.CodeType, path: tuple[int, ...]) -> types.CodeType:
    if not path:
        return raising(code)
    constants = list(code.co_consts)
    constants[path[0]] = with_fault(constants[path[0]], path[1:])
    return code.replace(co_consts=tuple(constants))


def explode(x: int) -> int:
    """Explode."""
    raise LookupError(f"x is {x}")


def told(error: BaseException) -> tuple[str, str, list[str]]:
    # The frames too: an exception arrives with the traceback it would have had. CPython 3.10 cannot hide ours.
    frames = traceback.extract_tb(error.__traceback__)
    if sys.version_info < (3, 11):
        frames = [frame for frame in frames if "autogen_vitals" not in frame.filename]
    return type(error).__name__, str(error).split("\n")[0], [frame.name for frame in frames]


async def scenario(model: ModelServer) -> list[Any]:
    """A bit of everything an app does with AutoGen, from its imports on; what it sees of it."""
    seen: list[Any] = [*imports(), *await first_uses(), await real_model(model), *await classic(model)]
    client = ReplayChatCompletionClient(
        [f"reply {number}" for number in range(20)],
        MODEL_INFO,
    )
    agent = AssistantAgent("writer", client, tools=[explode], model_client_stream=True)
    with autogen_vitals.request("job"):
        result = await agent.run(task="x")
    seen.append([message.content for message in result.messages])
    seen.append([type(item).__name__ async for item in agent.run_stream(task="x")])
    async for item in agent.run_stream(task="x"):
        seen.append(type(item).__name__)
        break
    team = RoundRobinGroupChat([AssistantAgent("one", client)], termination_condition=MaxMessageTermination(2))
    async with autogen_vitals.request("job"):
        seen.append((await team.run(task="x")).stop_reason)
    for failing in (
        lambda: FunctionTool(explode, "x").run_json({"x": 1}, CancellationToken()),
        lambda: AssistantAgent("not a name", client).run(),
        lambda: agent.run(nothing="such"),
        lambda: asyncio.wait_for(team.run(task=[]), 5),
    ):
        try:
            await failing()
        except Exception as error:
            seen.append(told(error))
    unpickled = pickle.loads(pickle.dumps(AssistantAgent("two", ReplayChatCompletionClient(["a"])).run))
    seen.append((await unpickled(task="x")).messages[-1].content)
    seen.append(await serve(agent))
    seen += [await failing_server(), failing_work(), await failing_behind_the_scenes(), child()]
    seen += [serve_by_wsgi(), work_on_tasks(), await publish()]

    class Later(AssistantAgent):
        pass

    seen.append((await Later("three", client).run(task="x")).messages[-1].content)
    seen.append((await client.create([UserMessage(content="x", source="user")])).content)
    return seen


def imports() -> Iterator[Any]:
    """A module, one that needs others, and two that fail."""
    for name in ("colorsys", "wsgiref.simple_server", "no_such_module", "wsgiref.no_such_module"):
        for imported in [module for module in sys.modules if module.partition(".")[0] in ("colorsys", "wsgiref")]:
            del sys.modules[imported]
        try:
            yield importlib.import_module(name).__name__
        except ImportError as error:
            yield told(error)


async def first_uses() -> list[Any]:
    """Clients of classes that have not been used before: what they say, and what they raise."""
    message = [UserMessage(content="x", source="user")]

    class Called(ReplayChatCompletionClient):
        async def create(self, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return await super().create(*args, **kwargs)

    class Streamed(Called):
        pass

    class Failing(Called):
        pass

    seen: list[Any] = [(await Called(["a"]).create(message)).content]
    seen += [type(item).__name__ async for item in Streamed(["a b"]).create_stream(message)]
    try:
        await Failing([]).create(message)
    except Exception as error:
        seen.append(told(error))
    return seen


async def real_model(model: ModelServer) -> list[Any]:
    """A client that is warmed up, connects, and tries a second time."""
    client = OpenAIChatCompletionClient(
        model="stub",
        api_key="sk-x",
        base_url=model.url,
        model_info=MODEL_INFO,
        http_client=openai.DefaultAsyncHttpxClient(verify=False),  # what to trust takes long to read
    )
    message = [UserMessage(content="x", source="user")]
    try:
        seen: list[Any] = [await autogen_vitals.warm_up(client, explode, "nothing to warm")]
        model.failures = 1
        for _ in range(2):
            seen.append((await client.create(message)).content)
        seen.append([type(item).__name__ async for item in client.create_stream(message)])
    finally:
        await client.close()
    return seen


async def classic(model: ModelServer) -> list[Any]:
    """The same with classic AutoGen, where it is installed: synchronous, asynchronous, in threads, from a cache."""
    if importlib.util.find_spec("autogen") is None:
        return []
    autogen = importlib.import_module("autogen")
    coding = importlib.import_module("autogen.coding.base")
    cache = importlib.import_module("autogen.cache.in_memory_cache").InMemoryCache("seed")

    class Executor(coding.CodeExecutor):
        def execute_code_blocks(self, code_blocks: Any) -> Any:
            return coding.CodeResult(exit_code=0, output=f"{len(code_blocks)} blocks")

    quiet = {"human_input_mode": "NEVER", "code_execution_config": False}
    config = {"model": "stub", "api_key": "x", "base_url": model.url, "max_retries": 0, "price": [0, 0]}
    writer = autogen.AssistantAgent("writer", llm_config={"config_list": [config]})
    user = autogen.UserProxyAgent("user", function_map={"explode": explode}, default_auto_reply="ok", **quiet)
    other, unused = (
        autogen.ConversableAgent(name, llm_config=False, default_auto_reply="yes", **quiet) for name in ("a", "b")
    )
    call = {"name": "explode", "arguments": '{"x": 1}'}
    ask = {"messages": [{"role": "user", "content": "x"}], "cache": cache}
    seen: list[Any] = [
        user.initiate_chat(writer, message="x", max_turns=1, silent=True).summary,
        (await user.a_initiate_chat(writer, message="x", max_turns=1, silent=True)).summary,
        [chat.summary for chat in user.initiate_chats([{"recipient": other, "message": "x", "max_turns": 1}])],
        [writer.client.create(**ask).choices[0].message.content for _ in range(2)],
        [user.execute_function(call), await user.a_execute_function(call)],
        Executor().execute_code_blocks([]).output,
        copy.deepcopy(unused).generate_reply([{"role": "user", "content": "x"}]),
    ]
    response = user.run(other, message="x", max_turns=1)
    response.process()
    seen.append(response.summary)
    team = autogen.GroupChat([user, other], [], max_round=2, speaker_selection_method="round_robin")
    manager = autogen.GroupChatManager(team, llm_config=False)
    seen.append(user.initiate_chat(manager, message="x", silent=True).summary)

    class Failing(autogen.ConversableAgent):
        def generate_reply(self, *args: Any, **kwargs: Any) -> Any:
            return super().generate_reply(*args, **kwargs) if args else explode(1)

    for failing in (
        lambda: Failing("failing", llm_config=False).generate_reply(),
        lambda: user.initiate_chat(None, message="x"),
        lambda: writer.client.create(messages=[], model=1, nothing="such"),
        lambda: autogen.AssistantAgent("none", llm_config={"config_list": [config], "given": threading.Lock()}),
    ):
        try:
            seen.append(failing())
        except Exception as error:
            seen.append(told(error))
    return seen


async def serve(agent: AssistantAgent) -> list[Any]:
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


async def publish() -> list[Any]:
    """A message for another process; what carries the trace context is telemetry, not the app's."""
    try:
        runtime = importlib.import_module("autogen_ext.runtimes.grpc._worker_runtime")
    except ImportError:
        return []
    connection = runtime.HostConnection(None, None)
    event = runtime.cloudevent_pb2.CloudEvent(id="1", type="topic")
    await connection.send(runtime.agent_worker_pb2.Message(cloudEvent=event))
    sent = connection._send_queue.get_nowait().cloudEvent
    return [sent.id, sent.type, sorted(set(sent.attributes) - {"traceparent", "tracestate"})]


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


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(wait_ms=1) as server:
        yield server


@pytest.fixture(autouse=True)
def _threads_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threading, "excepthook", note_thread)


@pytest.fixture(scope="module")
def expected(model: ModelServer) -> Iterator[list[Any]]:
    assert autogen_vitals.AutogenVitalsInstrumentor().installed is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading, "excepthook", note_thread)
        seen = asyncio.run(scenario(model))
    # Each of the tests collects garbage several times: not all that was there before.
    gc.collect()
    gc.freeze()
    yield seen
    gc.unfreeze()


def test_the_scenario_is_observed_when_nothing_is_wrong(
    silent_vitals: Vitals, model: ModelServer, expected: list[Any], tmp_path: Path
) -> None:
    """The yardstick itself: same results, spans, and events; a record, and none afterwards."""
    silent_vitals.enable(state_dir=str(tmp_path))
    assert len(list(tmp_path.glob("*.exit"))) == 1
    assert asyncio.run(scenario(model)) == expected
    silent_vitals.installed._moments.exiting()
    escaped = [event.attributes["autogen.crash.escaped"] for event in silent_vitals.events("autogen.crash")]
    assert set(escaped) == {"run", "init", "request", "lifespan", "process", "thread", "loop"}
    (exited,) = silent_vitals.events("autogen.process.exit")
    assert exited.attributes["autogen.exit.code"] == 7
    assert list(tmp_path.iterdir()) == []
    assert len(silent_vitals.spans()) > 20
    warm_up = silent_vitals.span("warm_up OpenAIChatCompletionClient")
    assert warm_up.attributes["autogen.connect.count"] == 1
    assert "autogen.retry.count" in silent_vitals.spans("chat stub")[0].attributes
    assert sum("autogen.warm_up.duration" in span.attributes for span in silent_vitals.spans()) > 3
    assert silent_vitals.spans("autogen.startup")


def test_the_shell_is_what_it_is_said_to_be() -> None:
    """Every name on the list of unguarded code exists, so that the list cannot rot."""
    assert set(functions()) >= SHELL


@pytest.mark.parametrize("name", sorted(set(functions()) - SHELL))
def test_a_fault_in_any_function_changes_nothing_for_the_app(
    silent_vitals: Vitals, model: ModelServer, expected: list[Any], tmp_path: Path, name: str
) -> None:
    """Results, exceptions and their tracebacks are the same, and nothing is warned of that was not before."""
    holder, path = functions()[name]
    original = holder.__code__
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # 3.13 says that a generator's code is being replaced
        holder.__code__ = with_fault(original, path)
        # Unraisable errors in __del__ and RuntimeWarnings of coroutines that nobody awaited fail the test too.
        warnings.simplefilter("error")
        try:
            silent_vitals.enable(state_dir=str(tmp_path))
            seen = asyncio.run(scenario(model))
            silent_vitals.points("autogen.init.duration")
            autogen_vitals.flush(1)
            if silent_vitals.installed is not None:
                silent_vitals.installed._moments.exiting()
            autogen_vitals.disable()
            gc.collect()
        finally:
            warnings.simplefilter("ignore")
            holder.__code__ = original
    assert seen == expected
