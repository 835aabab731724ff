"""Workbench: tools behind one object, results as content, streams of a tool, and a workbench of the user's own."""

import asyncio
import json

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import (
    BaseStreamTool,
    FunctionTool,
    StaticStreamWorkbench,
    StaticWorkbench,
    TextResultContent,
    ToolResult,
    Workbench,
)
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

MINIMUM = (0, 6, 4)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


class Steps(BaseModel):
    count: int


class Step(BaseModel):
    number: int


class Done(BaseModel):
    text: str


class Walk(BaseStreamTool[Steps, Step, Done]):
    def __init__(self) -> None:
        super().__init__(Steps, Done, "walk", "Walks.")

    async def run(self, args: Steps, cancellation_token: CancellationToken) -> Done:
        return Done(text=f"walked {args.count}")

    async def run_stream(self, args: Steps, cancellation_token: CancellationToken):
        for number in range(args.count):
            if number == 7:
                raise OverflowError("too far")
            yield Step(number=number)
        yield Done(text=f"walked {args.count}")


class Own(Workbench):
    """Two tools, no base class of AutoGen's but the interface."""

    component_type = "workbench"

    def __init__(self) -> None:
        self.events: list[str] = []

    async def list_tools(self):
        return [{"name": "echo", "description": "Echoes.", "parameters": {"type": "object", "properties": {}}}]

    async def call_tool(self, name, arguments=None, cancellation_token=None, call_id=None) -> ToolResult:
        self.events.append(name)
        return ToolResult(name=name, result=[TextResultContent(content=json.dumps(arguments))], is_error=name != "echo")

    async def start(self) -> None:
        self.events.append("start")

    async def stop(self) -> None:
        self.events.append("stop")

    async def reset(self) -> None:
        self.events.append("reset")

    async def save_state(self):
        return {"events": self.events}

    async def load_state(self, state) -> None:
        self.events = list(state["events"])


def double(number: int) -> int:
    """Doubles."""
    return number * 2


def fails(text: str) -> str:
    """Fails."""
    raise RuntimeError("no luck")


async def main() -> None:
    tools = [FunctionTool(double, description="Doubles."), FunctionTool(fails, description="Fails.")]
    async with StaticWorkbench(tools) as workbench:
        print([tool["name"] for tool in await workbench.list_tools()])
        for name, arguments in (("double", {"number": 21}), ("fails", {"text": CANARY}), ("nothing", {})):
            result = await workbench.call_tool(name, arguments, CancellationToken(), call_id="call_1")
            print(type(result).__name__, result.name, result.is_error, result.to_text())
        print(await workbench.save_state())

    stream_workbench = StaticStreamWorkbench([Walk(), *tools])
    for name, arguments in (("walk", {"count": 2}), ("walk", {"count": 9}), ("double", {"number": 4}), ("nothing", {})):
        items = [item async for item in stream_workbench.call_tool_stream(name, arguments, CancellationToken())]
        print([getattr(item, "to_text", item.__str__)() for item in items], type(items[-1]).__name__)
    async for item in stream_workbench.call_tool_stream("walk", {"count": 3}, CancellationToken()):
        print("left after", item)
        break

    own = Own()
    call = CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="call_1", name="echo", arguments=json.dumps({"text": CANARY}))],
        usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
        cached=False,
    )
    agent = AssistantAgent("assistant", ReplayChatCompletionClient([call, call], MODEL_INFO), workbench=own)
    async with own:
        result = await agent.run(task=f"Echo. {CANARY}")
        print([(type(message).__name__, message.content) for message in result.messages])
    print(own.events, await own.save_state())

    iterating = AssistantAgent(
        "assistant",
        ReplayChatCompletionClient([call, call, "done"], MODEL_INFO),
        workbench=[own],
        max_tool_iterations=5,
        reflect_on_tool_use=True,
    )
    result = await iterating.run(task="Echo twice.")
    print([type(message).__name__ for message in result.messages], result.messages[-1].content)
    try:
        AssistantAgent("both", ReplayChatCompletionClient([], MODEL_INFO), workbench=own, tools=[double])
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
