"""Agents and teams as tools: runs inside a tool inside a run."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.tools import AgentTool, TeamTool
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 6, 4)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


def call(name: str, task: str) -> CreateResult:
    return CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="call_1", name=name, arguments=f'{{"task": "{task}"}}')],
        usage=RequestUsage(prompt_tokens=3, completion_tokens=2),
        cached=False,
    )


def replies(*texts) -> ReplayChatCompletionClient:
    return ReplayChatCompletionClient(list(texts), MODEL_INFO)


async def show(stream) -> None:
    async for item in stream:
        if hasattr(item, "stop_reason"):
            print(type(item).__name__, item.stop_reason, len(item.messages))
        else:
            print(type(item).__name__, item.source, item.content)


async def main() -> None:
    writer = AssistantAgent("writer", replies(f"A poem about the sea. {CANARY}", "A poem."), description="Writes.")
    tool = AgentTool(agent=writer, return_value_as_last_message=True)
    assistant = AssistantAgent(
        "assistant", replies(call("writer", f"Write. {CANARY}"), "Here it is."), tools=[tool], reflect_on_tool_use=True
    )
    await show(assistant.run_stream(task=f"Write a poem about the sea. {CANARY}"))
    result = await tool.run_json({"task": "Write."}, CancellationToken())
    print(type(result).__name__, tool.return_value_as_string(result), tool.schema["name"], tool.schema["description"])

    pair = RoundRobinGroupChat(
        [AssistantAgent("one", replies("first")), AssistantAgent("two", replies("second"))], max_turns=2
    )
    team_tool = TeamTool(team=pair, name="pair", description="Two agents.")
    assistant = AssistantAgent("assistant", replies(call("pair", "Count.")), tools=[team_tool])
    await show(assistant.run_stream(task="Count."))

    try:
        await tool.run_json({"task": "Once more."}, CancellationToken())
    except ValueError as error:
        print(type(error).__name__, error)
    try:
        await tool.run_json({"no": "task"}, CancellationToken())
    except ValueError as error:
        print(type(error).__name__, str(error).splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main())
