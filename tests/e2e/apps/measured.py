"""A service that does, on demand, everything that a dashboard shows, and counts and times it by itself."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

began_ns = time.time_ns()
import openai  # noqa: E402, F401 - by itself, so that it can be timed

import_seconds = (time.time_ns() - began_ns) / 1e9

import dying  # noqa: E402
from autogen_agentchat.agents import AssistantAgent  # noqa: E402
from autogen_agentchat.base import TaskResult  # noqa: E402
from autogen_agentchat.conditions import MaxMessageTermination  # noqa: E402
from autogen_agentchat.teams import RoundRobinGroupChat  # noqa: E402
from autogen_core import CancellationToken  # noqa: E402
from autogen_core.models import CreateResult, RequestUsage, UserMessage  # noqa: E402
from autogen_core.tools import FunctionTool  # noqa: E402
from autogen_ext.models.openai import OpenAIChatCompletionClient  # noqa: E402
from fastapi import FastAPI, Request  # noqa: E402
from fastapi.responses import JSONResponse  # noqa: E402
from opentelemetry import trace  # noqa: E402
from worker_facts import worker_facts  # noqa: E402

dying.boot()

MODEL = "gpt-4o-mini"
BLOCK_SECONDS = 0.6
FIRST_TOOL_SECONDS = 0.5
LATER_TOOL_SECONDS = 0.03
CLIENT_SECONDS = 0.02

startup: dict[str, Any] = {"seconds": {}}
"""What this process did before it served: seconds by what took them, each time."""
_told: ContextVar[dict[str, Any]] = ContextVar("told", default=startup)
"""The same of a request, with its tokens by model call."""
called: Counter[str] = Counter()
"""How often each tool was called in this process."""


def created_ns() -> int:
    """When the kernel created this process, to a hundredth of a second."""
    ticks = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    boot_ns = time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return boot_ns + ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """The answer says how long the block took."""
    began = time.perf_counter()
    try:
        yield
    finally:
        _told.get()["seconds"].setdefault(what, []).append(time.perf_counter() - began)


def calling(tool: str) -> AbstractContextManager[None]:
    """The answer says how long the call took, and whether it was the first."""
    called[tool] += 1
    return timed("first call" if called[tool] == 1 else "later call")


class ExpensiveClient(OpenAIChatCompletionClient):
    """Not cheap to build, on the fastest of machines."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(model=MODEL, **arguments)
        time.sleep(CLIENT_SECONDS)


# One line builds all of a kind.
def build_client(**arguments: Any) -> ExpensiveClient:
    with timed("client"):
        return ExpensiveClient(**arguments)


def build_agent(client: ExpensiveClient, *tools: FunctionTool) -> AssistantAgent:
    with timed("agent"):
        return AssistantAgent("assistant", model_client=client, tools=list(tools))


def build_team(client: ExpensiveClient) -> RoundRobinGroupChat:
    agent = build_agent(client)
    with timed("team"):
        return RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))


def build_tool(function: Callable[..., Any]) -> FunctionTool:
    with timed("tool"):
        return FunctionTool(function, function.__doc__ or "")


async def look_up(word: str) -> str:
    """Look a word up; the first time takes longer."""
    with calling("look_up"):
        await asyncio.sleep(FIRST_TOOL_SECONDS if called["look_up"] == 1 else LATER_TOOL_SECONDS)
    return word


async def block(word: str) -> str:
    """Keep the event loop from everything else."""
    with calling("block"), timed("block"):
        time.sleep(BLOCK_SECONDS)
    return word


async def leave(word: str) -> str:
    """End the process as nothing should."""
    os._exit(7)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # All that the process needs is built here: who is killed has nothing on its account that nobody was told of.
    app.state.client = build_client()
    app.state.slow_client = build_client(base_url=os.environ["SLOW_MODEL_URL"])
    app.state.team = build_team(app.state.client)
    app.state.tools = {function.__name__: build_tool(function) for function in (look_up, block, leave)}
    app.state.ready_ns = time.time_ns()
    yield
    await app.state.client.close()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/work")
async def work(way: str, mark: str) -> dict[str, Any]:
    """Do not survive: be in a model call until somebody kills the process, or in the tool that ends it."""
    dying.tell(mark)
    if way == "think":
        await app.state.slow_client.create([UserMessage(content="hello", source="user")])
    else:
        await app.state.tools["leave"].run_json({"word": "now"}, CancellationToken())
    return worker_facts()


@app.get("/do/{act}")
async def do(act: str) -> dict[str, Any]:
    _told.set({"began_ns": time.time_ns(), "seconds": {}, "tokens": []})
    await ACTS[act]()
    return facts()


@app.exception_handler(Exception)
async def failed(request: Request, error: Exception) -> JSONResponse:
    # The exception goes on to the server afterwards.
    return JSONResponse({**facts(), "error": type(error).__name__}, 500)


def facts() -> dict[str, Any]:
    """What the process knows of itself and of this request; the SDK's resource says by which name it exports."""
    resource = getattr(trace.get_tracer_provider(), "resource").attributes  # noqa: B009
    return {
        **worker_facts(),
        "instance": resource["service.instance.id"],
        "created_ns": created_ns(),
        "import_seconds": import_seconds,
        "startup_seconds": startup["seconds"],
        "ready_ns": app.state.ready_ns,
        **_told.get(),
        "ended_ns": time.time_ns(),
    }


async def shared() -> None:
    """Right: an agent for each request, and the worker's client."""
    _tell_of(await build_agent(app.state.client).run(task="hello"))


async def rebuild() -> None:
    """Wrong: a client for each request."""
    client = build_client()
    _tell_of(await build_agent(client).run(task="hello"))
    await client.close()


async def team() -> None:
    _tell_of(await build_team(app.state.client).run(task="hello"))


async def shared_team() -> None:
    """Wrong: who comes second, while the team runs, fails."""
    first, second = (app.state.team.run(task="hello") for _ in range(2))
    # The first is over before anybody is told of the second.
    result, failed = await asyncio.gather(first, second, return_exceptions=True)
    _tell_of(result)
    raise failed


async def no_key() -> None:
    """Wrong: the key is missed when the client is built."""
    key = os.environ.pop("OPENAI_API_KEY")
    try:
        with timed("failed client"):
            ExpensiveClient()
    finally:
        os.environ["OPENAI_API_KEY"] = key


async def tool() -> None:
    await _with_tool("look_up")


async def blocked() -> None:
    await _with_tool("block")


async def stream() -> None:
    began = time.perf_counter()
    question = [UserMessage(content="hello", source="user")]
    async for chunk in app.state.client.create_stream(question, include_usage=True):
        _told.get()["seconds"].setdefault("first chunk", [time.perf_counter() - began])
        if isinstance(chunk, CreateResult):
            _used(chunk.usage)


async def _with_tool(name: str) -> None:
    _tell_of(await build_agent(app.state.client, app.state.tools[name]).run(task="use the tool"))


def _tell_of(result: TaskResult) -> None:
    for message in result.messages:
        if message.models_usage:
            _used(message.models_usage)


def _used(usage: RequestUsage) -> None:
    _told.get()["tokens"].append([usage.prompt_tokens, usage.completion_tokens])


ACTS: dict[str, Callable[[], Any]] = {
    "shared": shared,
    "rebuild": rebuild,
    "team": team,
    "shared-team": shared_team,
    "no-key": no_key,
    "tool": tool,
    "blocked": blocked,
    "stream": stream,
}
