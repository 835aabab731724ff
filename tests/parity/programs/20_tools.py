"""Tools: functions sync and async, tools of a user's own, partials, state, and each way a tool can fail."""

import asyncio
import functools
import json
from typing import Annotated

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import BaseTool, BaseToolWithState, FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel, Field

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


class Query(BaseModel):
    text: str = Field(description="What to look for.")
    limit: int = 2


class Found(BaseModel):
    hits: list[str]


class Search(BaseTool[Query, Found]):
    """A tool of the user's own."""

    def __init__(self) -> None:
        super().__init__(Query, Found, "search", "Searches.")
        self.calls = 0

    async def run(self, args: Query, cancellation_token: CancellationToken) -> Found:
        self.calls += 1
        if args.limit > 9:
            raise PermissionError("too many")
        return Found(hits=[args.text] * args.limit)


class Loud(Search):
    """Overrides the public entry, with and without AutoGen's own."""

    async def run_json(self, args, cancellation_token, *rest, **kwargs):
        if args["text"] == "shortcut":
            return Found(hits=[])
        return await super().run_json({**args, "text": args["text"].upper()}, cancellation_token, *rest, **kwargs)

    def return_value_as_string(self, value) -> str:
        return f"{len(value.hits)} hits"


class Total(BaseModel):
    total: int = 0


class Counter(BaseToolWithState[Query, Total, Total]):
    def __init__(self) -> None:
        super().__init__(Query, Total, Total, "counter", "Counts.")
        self.total = 0

    async def run(self, args: Query, cancellation_token: CancellationToken) -> Total:
        self.total += args.limit
        return Total(total=self.total)

    def save_state(self) -> Total:
        return Total(total=self.total)

    def load_state(self, state: Total) -> None:
        self.total = state.total


def add(a: int, b: Annotated[int, "The second number"] = 2) -> int:
    """Add two numbers."""
    return a + b


async def price(ticker: str, cancellation_token: CancellationToken) -> float:
    """The price of a stock."""
    return float(len(ticker)) + cancellation_token.is_cancelled()


def fails(text: str) -> str:
    """Always fails."""
    raise RuntimeError("the tool is broken")


def call(call_id: str, name: str, arguments: str) -> FunctionCall:
    return FunctionCall(id=call_id, name=name, arguments=arguments)


async def show(tool, args: dict) -> None:
    try:
        result = await tool.run_json(args, CancellationToken())
        print(tool.name, type(result).__name__, tool.return_value_as_string(result))
    except Exception as error:
        print(tool.name, type(error).__name__, str(error).splitlines()[0])


async def main() -> None:
    loud, counter = Loud(), Counter()
    tools = [
        Search(),
        loud,
        counter,
        FunctionTool(add, description="Adds."),
        FunctionTool(functools.partial(add, b=40), description="Adds 40."),
        FunctionTool(price, description="Prices."),
        FunctionTool(fails, description="Fails."),
    ]
    for tool in tools:
        print(json.dumps(tool.schema, sort_keys=True))
    for tool, args in (
        (tools[0], {"text": CANARY}),
        (tools[0], {"text": "x", "limit": 10}),
        (tools[0], {"limit": "many"}),
        (loud, {"text": "quiet"}),
        (loud, {"text": "shortcut"}),
        (counter, {"text": "x", "limit": 3}),
        (tools[3], {"a": 1}),
        (tools[4], {"a": 1}),
        (tools[5], {"ticker": "MSFT"}),
        (tools[6], {"text": CANARY}),
        (tools[3], {"a": "one"}),
    ):
        await show(tool, args)
    print(loud.calls, counter.save_state())
    counter.load_state(Total(total=39))
    await show(counter, {"text": "x", "limit": 3})

    requests = [
        call("call_1", "search", json.dumps({"text": CANARY})),
        call("call_2", "fails", json.dumps({"text": CANARY})),
        call("call_3", "no_such_tool", "{}"),
        call("call_4", "search", "not json"),
        call("call_5", "add", '{"a": 20, "b": 22}'),
    ]
    result = CreateResult(
        finish_reason="function_calls",
        content=requests,
        usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
        cached=False,
    )
    for chosen in ([Search(), fails, add], None):
        client = ReplayChatCompletionClient([result], MODEL_INFO)
        agent = AssistantAgent("assistant", client, tools=chosen)
        try:
            for message in (await agent.run(task=f"Use the tools. {CANARY}")).messages:
                print(type(message).__name__, message.content)
        except Exception as error:
            print(type(error).__name__, str(error).splitlines()[0])

    try:
        AssistantAgent("assistant", ReplayChatCompletionClient([], MODEL_INFO), tools=[add, add])
    except ValueError as error:
        print(type(error).__name__, error)
    try:
        FunctionTool(lambda text: text, name="anything", description="Untyped.")
    except KeyError as error:
        print(type(error).__name__, error)
    try:
        Search.__base__()
    except TypeError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
