"""Services as AutoGen's own documentation builds them: no rule has anything to say that is more than worth knowing.

Each is asked several times, one after another and at once, as different users do.
"""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import inspect
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent, CodeExecutorAgent, SocietyOfMindAgent, UserProxyAgent
from autogen_agentchat.base import Handoff
from autogen_agentchat.conditions import HandoffTermination, MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import MagenticOneGroupChat, RoundRobinGroupChat, SelectorGroupChat, Swarm
from autogen_core import (
    AgentId,
    CancellationToken,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    message_handler,
)
from autogen_core.code_executor import CodeBlock
from autogen_core.memory import ListMemory, MemoryContent
from autogen_core.model_context import BufferedChatCompletionContext
from autogen_core.models import UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer
from observed import Vitals

import autogen_vitals
from autogen_vitals.findings.rules import ag101

Handle = Callable[[str], Awaitable[Any]]
Service = Callable[[Any, AsyncExitStack], Awaitable[Handle]]
SERVICES: list[Service] = []

INFO: Any = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "family": "unknown",
    "structured_output": False,
    "multiple_system_messages": True,
}


def service(build: Service) -> Service:
    """What is decorated builds what lives as long as the process, and answers how it handles a request."""
    SERVICES.append(build)
    return build


def by_heart(*replies: str) -> ReplayChatCompletionClient:
    """A model that says this, for one request."""
    return ReplayChatCompletionClient([*replies] or ["a"] * 20, INFO)


@service
async def an_agent_for_each_request(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        return await AssistantAgent("writer", client).run(task=user)

    return handle


@service
async def an_agent_that_streams_tokens(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        agent = AssistantAgent("writer", client, model_client_stream=True)
        return [item async for item in agent.run_stream(task=user)]

    return handle


@service
async def an_agent_for_each_session(client: Any, stack: AsyncExitStack) -> Handle:
    """Its state is kept between two requests of one user."""
    states: dict[str, Any] = {}

    async def handle(user: str) -> Any:
        agent = AssistantAgent("writer", client)
        if user in states:
            await agent.load_state(states[user])
        await agent.run(task=user)
        states[user] = await agent.save_state()

    return handle


@service
async def a_team_for_each_request(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        agents: list[Any] = [AssistantAgent(name, client) for name in ("writer", "critic")]
        team = RoundRobinGroupChat(agents, termination_condition=MaxMessageTermination(3))
        return await team.run(task=user)

    return handle


@service
async def a_team_whose_state_is_kept(client: Any, stack: AsyncExitStack) -> Handle:
    states: dict[str, Any] = {}

    async def handle(user: str) -> Any:
        team = RoundRobinGroupChat([AssistantAgent("writer", client)], termination_condition=MaxMessageTermination(2))
        if user in states:
            await team.load_state(states[user])
        await team.run(task=user)
        states[user] = await team.save_state()

    return handle


@service
async def a_tool_for_all(client: Any, stack: AsyncExitStack) -> Handle:
    def length(text: str) -> int:
        """Count."""
        return len(text)

    tool = FunctionTool(length, "Count")

    async def handle(user: str) -> Any:
        await tool.run_json({"text": user}, CancellationToken())
        return await AssistantAgent("writer", client, tools=[tool]).run(task=user)

    return handle


@service
async def tools_that_are_functions(client: Any, stack: AsyncExitStack) -> Handle:
    async def weather(city: str) -> str:
        """Look."""
        return "fine"

    async def handle(user: str) -> Any:
        return await AssistantAgent("writer", client, tools=[weather]).run(task=user)

    return handle


@service
async def a_memory_for_each_user(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        memory = ListMemory()
        await memory.add(MemoryContent(content=user, mime_type="text/plain"))
        context = BufferedChatCompletionContext(5)
        return await AssistantAgent("writer", client, memory=[memory], model_context=context).run(task=user)

    return handle


@service
async def a_selector(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        agents: list[Any] = [AssistantAgent(name, client) for name in ("writer", "critic")]
        team = SelectorGroupChat(
            agents,
            by_heart(*["writer"] * 5),
            termination_condition=MaxMessageTermination(2),
            selector_func=lambda messages: "writer",
        )
        return await team.run(task=user)

    return handle


@service
async def a_swarm_with_a_handoff(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        agent = AssistantAgent("writer", client, handoffs=[Handoff(target="user")])
        ending = HandoffTermination(target="user") | MaxMessageTermination(2)
        return await Swarm([agent], termination_condition=ending).run(task=user)

    return handle


@service
async def magentic_one(client: Any, stack: AsyncExitStack) -> Handle:
    ledger = (
        '{"is_request_satisfied": {"reason": "", "answer": true}, "is_in_loop": {"reason": "", "answer": false}, '
        '"is_progress_being_made": {"reason": "", "answer": true}, '
        '"next_speaker": {"reason": "", "answer": "writer"}, '
        '"instruction_or_question": {"reason": "", "answer": "go"}}'
    )

    async def handle(user: str) -> Any:
        model = by_heart("facts", "plan", ledger, "the answer")
        return await MagenticOneGroupChat([AssistantAgent("writer", client)], model).run(task=user)

    return handle


@service
async def a_society_of_mind(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        inner = RoundRobinGroupChat([AssistantAgent("writer", client)], termination_condition=MaxMessageTermination(2))
        return await SocietyOfMindAgent("society", inner, client).run(task=user)

    return handle


@service
async def a_human_who_is_asked(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        person = UserProxyAgent("person", input_func=lambda prompt: "APPROVE")
        ending = TextMentionTermination("APPROVE")
        team = RoundRobinGroupChat([AssistantAgent("writer", client), person], termination_condition=ending)
        return await team.run(task="x")

    return handle


@service
async def code_in_a_folder_for_each_run(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            executor = LocalCommandLineCodeExecutor(work_dir=Path(folder))
            await executor.execute_code_blocks([CodeBlock("print(1)", "python")], CancellationToken())
            return CodeExecutorAgent("runner", executor)

    return handle


@service
async def an_executor_with_a_folder_of_its_own(client: Any, stack: AsyncExitStack) -> Handle:
    """AutoGen's default."""
    if inspect.signature(LocalCommandLineCodeExecutor).parameters["work_dir"].default is not None:
        pytest.skip("it was the current folder before AutoGen 0.5")
    executor = LocalCommandLineCodeExecutor()
    await executor.start()
    stack.push_async_callback(executor.stop)

    async def handle(user: str) -> Any:
        return await executor.execute_code_blocks([CodeBlock("print(1)", "python")], CancellationToken())

    return handle


@dataclass
class Question:
    text: str


class Counter(RoutedAgent):
    """An agent of the core's, of which the runtime makes one for each user."""

    def __init__(self) -> None:
        super().__init__("counts")
        self.count = 0

    @message_handler
    async def count_it(self, message: Question, context: MessageContext) -> int:
        self.count += 1
        return self.count


@service
async def a_runtime_for_the_process(client: Any, stack: AsyncExitStack) -> Handle:
    runtime = SingleThreadedAgentRuntime()
    await Counter.register(runtime, "counter", Counter)
    runtime.start()
    stack.push_async_callback(runtime.close)

    async def handle(user: str) -> Any:
        return await runtime.send_message(Question(user), AgentId("counter", user))

    return handle


@service
async def a_model_and_no_agent(client: Any, stack: AsyncExitStack) -> Handle:
    async def handle(user: str) -> Any:
        return await client.create([UserMessage(content=user, source="user")])

    return handle


@service
async def a_graph(client: Any, stack: AsyncExitStack) -> Handle:
    if importlib.util.find_spec("autogen_agentchat.teams._group_chat._graph") is None:
        pytest.skip("GraphFlow came with AutoGen 0.5.4")
    from autogen_agentchat.teams import DiGraphBuilder, GraphFlow

    async def handle(user: str) -> Any:
        first, second = (AssistantAgent(name, client) for name in ("first", "second"))
        builder = DiGraphBuilder()
        builder.add_node(first).add_node(second).add_edge(first, second)
        return await GraphFlow([first, second], builder.build()).run(task=user)

    return handle


@service
async def an_agent_as_a_tool(client: Any, stack: AsyncExitStack) -> Handle:
    if importlib.util.find_spec("autogen_agentchat.tools") is None:
        pytest.skip("AgentTool came with AutoGen 0.5")
    from autogen_agentchat.tools import AgentTool

    async def handle(user: str) -> Any:
        expert = AgentTool(AssistantAgent("expert", client))
        await expert.run_json({"task": user}, CancellationToken())
        return await AssistantAgent("writer", client, tools=[expert]).run(task=user)

    return handle


MCP_SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("stub")


@server.tool()
def add(a: int, b: int) -> int:
    return a + b


server.run()
"""


@service
async def an_mcp_session_for_the_process(client: Any, stack: AsyncExitStack) -> Handle:
    if importlib.util.find_spec("mcp") is None:
        pytest.skip("mcp is not installed")
    from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

    parameters = StdioServerParams(command=sys.executable, args=["-c", MCP_SERVER])
    workbench = await stack.enter_async_context(McpWorkbench(parameters))

    async def handle(user: str) -> Any:
        return await workbench.call_tool("add", {"a": 1, "b": 2})

    return handle


@pytest.fixture
def vitals(silent_vitals: Vitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Vitals:
    """Without what is known by the clock alone: a busy machine takes its time, whatever the program does."""
    monkeypatch.setattr(ag101, "_LITTLE_NS", 100_000_000)
    # What an earlier test has left complains when it is collected.
    gc.collect()
    silent_vitals.enable(loop_blocked_threshold=0, thresholds={"AG106": 60_000}, state_dir=str(tmp_path))
    return silent_vitals


@pytest.mark.parametrize("build", SERVICES, ids=lambda build: build.__name__)
async def test_a_healthy_service_has_nothing_to_change(build: Service, vitals: Vitals) -> None:
    """Asked by six users in turn, and by three at once."""
    async with AsyncExitStack() as stack, opened() as client:
        handle = await build(client, stack)

        async def ask(user: str) -> None:
            with autogen_vitals.request("ask"):
                await handle(user)

        for number in range(6):
            await ask(f"user {number % 3}")
        await asyncio.gather(*(ask(f"user {number}") for number in range(3, 6)))
    assert [(said["autogen.finding.rule"], said["autogen.finding.evidence"]) for said in scolded(vitals)] == []


@asynccontextmanager
async def opened() -> AsyncIterator[OpenAIChatCompletionClient]:
    """A real client that has been warmed up, as a service does before it is ready."""
    with ModelServer(wait_ms=1) as server:
        client = OpenAIChatCompletionClient(model="stub", api_key="x", base_url=server.url, model_info=INFO)
        await autogen_vitals.warm_up(client)
        try:
            yield client
        finally:
            await client.close()


def scolded(vitals: Vitals) -> list[dict[str, Any]]:
    return [said for said in vitals.findings() if said["autogen.finding.severity"] != "info"]


def test_they_are_many() -> None:
    """And each is another one."""
    assert len({build.__name__ for build in SERVICES}) == len(SERVICES) >= 20


async def test_one_that_is_not_healthy_has(vitals: Vitals) -> None:
    """What is asked of the others can be answered with yes."""
    async with opened() as client:
        agent = AssistantAgent("writer", client)

        async def ask() -> None:
            with autogen_vitals.request("ask"):
                await agent.run(task="x")

        await asyncio.gather(ask(), ask())
    assert [said["autogen.finding.rule"] for said in scolded(vitals)] == ["AG205"]
