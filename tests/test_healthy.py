"""Programs that do right what others fail of: none is told to have crashed, or to have anything to change.

Each stands next to one of those in crashes/test_reproductions.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import gc
import importlib
import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import ExternalTermination, MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_core.models import ModelInfo, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer
from observed import Vitals

import autogen_vitals

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
MESSAGE = [UserMessage(content="x", source="user")]

Program = Callable[[ModelServer], Any]
PROGRAMS: list[Program] = []


def healthy(program: Program) -> Program:
    """What is decorated does nothing wrong."""
    PROGRAMS.append(program)
    return program


def client(model: ModelServer, **options: Any) -> OpenAIChatCompletionClient:
    """A real one."""
    given = {"model": "stub", "api_key": "sk-x", "base_url": model.url, "model_info": INFO, **options}
    return OpenAIChatCompletionClient(**given)


def agent(model_client: Any = None, name: str = "one", **options: Any) -> AssistantAgent:
    """One that knows a few answers by heart, unless it is given a model."""
    return AssistantAgent(name, model_client or ReplayChatCompletionClient(["a"] * 9, INFO), **options)


def team(model_client: Any = None) -> RoundRobinGroupChat:
    """A team of one."""
    return RoundRobinGroupChat([agent(model_client)], termination_condition=MaxMessageTermination(2))


async def said(run: Any) -> str:
    """The last word of a run."""
    result: TaskResult = await run
    return str(result.messages[-1].content)


# --- event loops ------------------------------------------------------------------------------------------------------


@healthy
def a_client_that_is_used_twice_on_one_loop(model: ModelServer) -> None:
    async def main() -> None:
        asked = client(model)
        await asked.create(MESSAGE)
        await asked.create(MESSAGE)
        await asked.close()

    asyncio.run(main())


@healthy
def a_client_for_each_loop(model: ModelServer) -> None:
    async def main() -> None:
        asked = client(model)
        await asked.create(MESSAGE)
        await asked.close()

    for _ in range(2):
        asyncio.run(main())


@healthy
def a_team_for_each_loop(model: ModelServer) -> None:
    for _ in range(2):
        asyncio.run(team().run(task="x"))


@healthy
def a_loop_in_each_thread(model: ModelServer) -> None:
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(lambda _: asyncio.run(said(agent().run(task="x"))), range(6))) == ["a"] * 6


@healthy
async def a_task_that_is_cancelled(model: ModelServer) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@healthy
async def a_task_whose_error_is_looked_at(model: ModelServer) -> None:
    async def fail() -> None:
        raise LookupError

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    assert isinstance(task.exception(), LookupError)


# --- agents and teams -------------------------------------------------------------------------------------------------


@healthy
async def an_agent_for_each_request_and_one_client(model: ModelServer) -> None:
    shared = client(model)

    async def answer(number: int) -> str:
        async with autogen_vitals.request("question"):
            return await said(agent(shared).run(task=str(number)))

    assert await asyncio.gather(*map(answer, range(4))) == ["a"] * 4
    await shared.close()


@healthy
async def a_team_for_each_request(model: ModelServer) -> None:
    assert await asyncio.gather(*(said(team().run(task="x")) for _ in range(3))) == ["a"] * 3


@healthy
async def a_team_that_runs_again_when_it_has_ended(model: ModelServer) -> None:
    group = team()
    await group.run(task="x")
    await group.reset()
    await group.run(task="x")


@healthy
async def a_team_that_is_stopped(model: ModelServer) -> None:
    stop = ExternalTermination()
    group = RoundRobinGroupChat([agent()], termination_condition=stop | MaxMessageTermination(5))
    async for _ in group.run_stream(task="x"):
        stop.set()


@healthy
async def a_stream_that_is_left_early(model: ModelServer) -> None:
    stream = agent(model_client_stream=True).run_stream(task="x")
    async for _ in stream:
        break
    await stream.aclose()


@healthy
async def a_run_that_its_caller_gives_up(model: ModelServer) -> None:
    thinks = asyncio.Event()

    async def think() -> str:
        thinks.set()
        await asyncio.Event().wait()
        return "never"

    calling = ReplayChatCompletionClient([_call("think")], INFO)
    run = asyncio.create_task(agent(calling, tools=[think]).run(task="x"))
    await asyncio.wait_for(thinks.wait(), 60)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


@healthy
async def a_run_that_takes_longer_than_its_caller_waits(model: ModelServer) -> None:
    async def think() -> str:
        await asyncio.Event().wait()
        return "never"

    calling = ReplayChatCompletionClient([_call("think")], INFO)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(agent(calling, tools=[think]).run(task="x"), 0.2)


@healthy
async def a_state_that_is_saved_and_loaded(model: ModelServer) -> None:
    first, second = agent(), agent()
    await first.run(task="x")
    await second.load_state(await first.save_state())
    await second.run(task="y")


# --- tools ------------------------------------------------------------------------------------------------------------


def _call(tool: str, arguments: str = "{}") -> Any:
    from autogen_core import FunctionCall
    from autogen_core.models import CreateResult, RequestUsage

    return CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="1", name=tool, arguments=arguments)],
        usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
        cached=False,
    )


@healthy
async def a_tool_whose_error_is_an_answer_to_the_model(model: ModelServer) -> None:
    """AutoGen tells the model, which goes on."""

    def look_up() -> str:
        return {"a": "b"}["API_KEY"]

    asked = ReplayChatCompletionClient([_call("look_up"), "sorry"], INFO)
    assert await said(agent(asked, tools=[look_up], reflect_on_tool_use=True).run(task="x")) == "sorry"


@healthy
async def a_tool_that_the_model_calls_wrongly(model: ModelServer) -> None:
    def add(a: int, b: int) -> int:
        return a + b

    asked = ReplayChatCompletionClient([_call("add", '{"a": "no number"}'), "sorry"], INFO)
    assert await said(agent(asked, tools=[add], reflect_on_tool_use=True).run(task="x")) == "sorry"


@healthy
async def a_tool_that_tries_again_itself(model: ModelServer) -> None:
    tries: list[int] = []

    def fetch() -> str:
        for number in range(3):
            try:
                tries.append(number)
                if number < 2:
                    raise ConnectionError("refused")
            except ConnectionError:
                continue
        return "there"

    assert await FunctionTool(fetch, "x").run_json({}, CancellationToken()) == "there"


# --- models -----------------------------------------------------------------------------------------------------------


@healthy
async def a_model_that_answers_at_the_second_try(model: ModelServer) -> None:
    model.failures = 1
    asked = client(model)
    assert (await asked.create(MESSAGE)).content == "a"
    await asked.close()


@healthy
async def a_key_that_is_read_where_the_client_is_built(model: ModelServer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-x")
        asked = OpenAIChatCompletionClient(model="gpt-4o-mini", base_url=model.url)
    await asked.create(MESSAGE)
    await asked.close()


@healthy
async def a_variable_that_may_be_missing(model: ModelServer) -> None:
    with contextlib.suppress(KeyError):
        os.environ["NO_SUCH_API_KEY"]
    await agent().run(task="x")


@healthy
async def an_optional_library_that_is_not_installed(model: ModelServer) -> None:
    with contextlib.suppress(ImportError):
        importlib.import_module("a_module_that_nobody_has")
    await agent().run(task="x")


# --- code -------------------------------------------------------------------------------------------------------------


async def _execute(language: str, code: str, **options: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        executor = LocalCommandLineCodeExecutor(work_dir=Path(folder), **options)
        return await executor.execute_code_blocks([CodeBlock(code, language)], CancellationToken())


@healthy
async def code_that_runs(model: ModelServer) -> None:
    assert (await _execute("sh", "echo hello")).exit_code == 0


@healthy
async def code_that_fails(model: ModelServer) -> None:
    """The model's code may."""
    assert (await _execute("python", "raise SystemExit(3)")).exit_code == 3


@healthy
async def code_that_takes_too_long(model: ModelServer) -> None:
    assert (await _execute("python", "import time; time.sleep(60)", timeout=1)).exit_code == 124


# --- copies and processes ---------------------------------------------------------------------------------------------


@healthy
async def an_agent_that_is_pickled_and_copied(model: ModelServer) -> None:
    await pickle.loads(pickle.dumps(agent())).run(task="x")
    await copy.deepcopy(agent()).run(task="x")


@healthy
async def a_team_that_travels_as_a_component(model: ModelServer) -> None:
    loaded = RoundRobinGroupChat.load_component(RoundRobinGroupChat.dump_component(team()))
    await loaded.run(task="x")


def _in_child(work: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0


@healthy
def a_client_that_is_built_in_the_child(model: ModelServer) -> None:
    _in_child(lambda: asyncio.run(client(model).create(MESSAGE)))


@healthy
def a_client_that_is_built_before_the_fork_and_used_after_it(model: ModelServer) -> None:
    asked = client(model)
    _in_child(lambda: asyncio.run(asked.create(MESSAGE)))


@healthy
def a_thread_that_leaves_by_itself(model: ModelServer) -> None:
    def work() -> None:
        asyncio.run(agent().run(task="x"))
        sys.exit()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


# --- people and files -------------------------------------------------------------------------------------------------


@healthy
async def a_person_who_is_asked_by_the_app(model: ModelServer) -> None:
    assert await said(UserProxyAgent("user", input_func=lambda _: "yes").run(task="x")) == "yes"


@healthy
async def a_log_that_is_closed_when_all_is_written(model: ModelServer) -> None:
    with tempfile.TemporaryFile("w") as log:
        log.write(await said(agent().run(task="x")))


# --- requests ---------------------------------------------------------------------------------------------------------


@healthy
async def a_block_that_deals_with_its_error(model: ModelServer) -> None:
    async with autogen_vitals.request("job"):
        try:
            raise LookupError
        except LookupError:
            await agent().run(task="x")


@healthy
async def a_request_for_what_is_not_there(model: ModelServer) -> None:
    """An HTTPException is an answer."""
    applications = pytest.importorskip("starlette.applications")
    routing, exceptions = importlib.import_module("starlette.routing"), importlib.import_module("starlette.exceptions")

    async def handler(request: Any) -> Any:
        await agent().run(task="x")
        raise exceptions.HTTPException(404)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    statuses: list[Any] = []

    async def send(message: Any) -> None:
        statuses.append(message.get("status"))

    app = applications.Starlette(routes=[routing.Route("/", handler)])
    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": []}
    await app({**scope, "root_path": "", "scheme": "http", "server": ("x", 80)}, receive, send)
    assert statuses[0] == 404


@healthy
def a_request_that_flask_answers_with_404(model: ModelServer) -> None:
    flask = pytest.importorskip("flask")
    app = flask.Flask("app")

    @app.get("/")
    def handler() -> Any:
        asyncio.run(agent().run(task="x"))
        flask.abort(404)

    assert app.test_client().get("/").status_code == 404


# --- what is told of them ---------------------------------------------------------------------------------------------


def run(program: Program, model: ModelServer) -> None:
    """Also what is only noticed when garbage is collected."""
    result = program(model)
    if asyncio.iscoroutine(result):
        asyncio.run(result)
    gc.collect()


def told(vitals: Vitals) -> list[Any]:
    """Of crashes and ends of processes."""
    events = [*vitals.events("autogen.crash"), *vitals.events("autogen.process.exit")]
    return [dict(event.attributes) for event in events]


@pytest.fixture
def model() -> Any:
    with ModelServer(wait_ms=1) as server:
        yield server


@pytest.fixture
def vitals(silent_vitals: Vitals, tmp_path: Path) -> Vitals:
    """Without what is known by the clock alone: a busy machine takes its time, whatever the program does."""
    # What other tests have left fails when it is collected.
    gc.collect()
    silent_vitals.enable(loop_blocked_threshold=0, thresholds={"AG106": 60_000}, state_dir=str(tmp_path))
    return silent_vitals


# Of a thread that leaves, pytest; of a fork while there are threads, 3.12; of what it advises against, AutoGen.
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_a_healthy_program_has_no_crash(program: Program, model: ModelServer, vitals: Vitals) -> None:
    """Neither as an event nor counted, however close it comes to one that has."""
    run(program, model)
    assert told(vitals) == []
    assert sum(point.value for point in vitals.points("autogen.crashes")) == 0
    assert vitals.scolded() == []


def test_they_are_many() -> None:
    """Twenty would do."""
    assert len({program.__name__ for program in PROGRAMS}) == len(PROGRAMS) >= 20


def test_one_that_is_not_healthy_has(model: ModelServer, vitals: Vitals) -> None:
    """A client on a second loop: what is asked of the others can be answered with yes."""

    def unhealthy(model: ModelServer) -> None:
        asked = client(model, max_retries=0)
        for _ in range(2):
            with contextlib.suppress(Exception):
                asyncio.run(asked.create(MESSAGE))

    run(unhealthy, model)
    (crash,) = told(vitals)
    assert crash["autogen.crash.category"] == "event_loop_closed"
