"""The AutoGen application that is measured: agents, a tool, a team, a stream, with a model that answers at once."""

from __future__ import annotations

import asyncio
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient

TURNS = 2
SHORT, LONG = 20, 220
"""Words, each an item of a stream."""

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)


def replay(*answers: str | CreateResult) -> Any:
    """A model client that gives the same answers again and again, see ``rewind``."""
    return ReplayChatCompletionClient(list(answers), model_info=INFO)


def call_of_a_tool() -> CreateResult:
    """What a model answers that wants ``double`` called."""
    usage = RequestUsage(prompt_tokens=1, completion_tokens=1)
    calls = [FunctionCall(id="1", name="double", arguments='{"number": 21}')]
    return CreateResult(finish_reason="function_calls", content=calls, usage=usage, cached=False)


async def double(number: int) -> int:
    """Twice the number."""
    return 2 * number


class Workload:
    """One of each kind, and an operation for each row."""

    def __init__(self) -> None:
        self.client = replay("hello world")
        self.agent = AssistantAgent("assistant", self.client)
        self.tool_client = replay(call_of_a_tool())
        self.tool_agent = AssistantAgent(
            "calculator", self.tool_client, tools=[FunctionTool(double, "Twice the number.")]
        )
        self.streams = {length: self._stream(length) for length in (SHORT, LONG)}
        self.team_clients = [replay("one", "three"), replay("two", "four")]
        self.members = [AssistantAgent(f"member_{number}", client) for number, client in enumerate(self.team_clients)]
        self.team = RoundRobinGroupChat(list(self.members), max_turns=TURNS)

    @staticmethod
    def _stream(length: int) -> tuple[AssistantAgent, Any]:
        client = replay(" ".join(f"w{number}" for number in range(length)))
        return AssistantAgent("speaker", client, model_client_stream=True), client

    async def run(self) -> None:
        """An agent that asks its model once."""
        await self.agent.run(task="hello")
        await rewind(self.client, self.agent)

    async def tool(self) -> None:
        """An agent that calls a tool, the result of which is its answer."""
        await self.tool_agent.run(task="hello")
        await rewind(self.tool_client, self.tool_agent)

    async def short_stream(self) -> None:
        """An agent whose words are streamed."""
        await self._run_stream(SHORT)

    async def long_stream(self) -> None:
        """And one that says more."""
        await self._run_stream(LONG)

    async def _run_stream(self, length: int) -> None:
        agent, client = self.streams[length]
        async for _ in agent.run_stream(task="hello"):
            pass
        await rewind(client, agent)

    async def team_run(self) -> None:
        """Two agents, one turn each."""
        await self.team.run(task="hello")
        for client, member in zip(self.team_clients, self.members, strict=True):
            await rewind(client, member)

    def construct(self) -> None:
        """An agent, which is cheap."""
        AssistantAgent("assistant", self.client)

    def construct_client(self) -> None:
        """A model client, which is expensive: it builds a TLS context."""
        OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="none")


async def rewind(client: Any, agent: Any) -> None:
    """As if they had never run, so that the thousandth run does what the first did. The event loop has its turn, as it
    has while a model is waited for."""
    client._current_index = 0
    client._create_calls.clear()
    agent._model_context._messages.clear()
    await asyncio.sleep(0)
