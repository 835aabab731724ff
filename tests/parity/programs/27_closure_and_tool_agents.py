"""Core cookbook: results out of a runtime by a closure agent, a tool agent with its caller loop, a model agent."""

import asyncio
import json
import warnings
from dataclasses import dataclass

from autogen_core import (
    AgentId,
    ClosureAgent,
    ClosureContext,
    DefaultSubscription,
    DefaultTopicId,
    FunctionCall,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    message_handler,
)
from autogen_core.models import CreateResult, RequestUsage, SystemMessage, UserMessage
from autogen_core.tool_agent import ToolAgent, ToolException, tool_agent_caller_loop
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


@dataclass
class Message:
    content: str


@dataclass
class FinalResult:
    value: str


class ModelAgent(RoutedAgent):
    def __init__(self, client: ReplayChatCompletionClient) -> None:
        super().__init__("A model.")
        self._client = client

    @message_handler
    async def handle_user_message(self, message: Message, ctx: MessageContext) -> Message:
        response = await self._client.create(
            [SystemMessage(content="Be helpful."), UserMessage(content=message.content, source="user")],
            cancellation_token=ctx.cancellation_token,
        )
        await self.publish_message(FinalResult(response.content.upper()), DefaultTopicId())
        return Message(content=response.content)


class ToolUseAgent(RoutedAgent):
    def __init__(self, client: ReplayChatCompletionClient, tool: FunctionTool) -> None:
        super().__init__("Uses tools.")
        self._client, self._tool = client, tool

    @message_handler
    async def handle_user_message(self, message: Message, ctx: MessageContext) -> Message:
        messages = await tool_agent_caller_loop(
            self,
            tool_agent_id=AgentId("tools", self.id.key),
            model_client=self._client,
            input_messages=[UserMessage(content=message.content, source="user")],
            tool_schema=[self._tool.schema],
            cancellation_token=ctx.cancellation_token,
        )
        return Message(content=json.dumps([type(message).__name__ for message in messages]))


async def get_stock_price(ticker: str) -> float:
    """The price of a stock."""
    if ticker == "NONE":
        raise LookupError("no such stock")
    return 42.0


def call(ticker: str) -> CreateResult:
    return CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="call_1", name="get_stock_price", arguments=json.dumps({"ticker": ticker}))],
        usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
        cached=False,
    )


async def main() -> None:
    results: asyncio.Queue[FinalResult] = asyncio.Queue()

    async def output_result(_agent: ClosureContext, message: FinalResult, ctx: MessageContext) -> None:
        await results.put(message)

    async def failing(_agent: ClosureContext, message: Message, ctx: MessageContext) -> str:
        raise OSError("closure failed")

    runtime = SingleThreadedAgentRuntime()
    await ClosureAgent.register_closure(
        runtime, "output_result", output_result, subscriptions=lambda: [DefaultSubscription()]
    )
    await ClosureAgent.register_closure(runtime, "failing", failing, unknown_type_policy="error")
    tool = FunctionTool(get_stock_price, description="Prices.")
    client = ReplayChatCompletionClient([call(f"MSFT {CANARY}"), f"It is 42. {CANARY}", call("NONE"), "Sorry."])
    await ModelAgent.register(runtime, "model", lambda: ModelAgent(ReplayChatCompletionClient([f"hi {CANARY}"])))
    await ToolAgent.register(runtime, "tools", lambda: ToolAgent("Tools", [tool]))
    await ToolUseAgent.register(runtime, "user_of_tools", lambda: ToolUseAgent(client, tool))
    runtime.start()

    print(await runtime.send_message(Message(f"Hello. {CANARY}"), AgentId("model", "default")))
    print(await runtime.send_message(Message(f"The price? {CANARY}"), AgentId("user_of_tools", "default")))
    print(await runtime.send_message(Message("The price of none?"), AgentId("user_of_tools", "default")))
    for request in (
        FunctionCall(id="2", name="get_stock_price", arguments='{"ticker": "MSFT"}'),
        FunctionCall(id="3", name="get_stock_price", arguments='{"ticker": "NONE"}'),
        FunctionCall(id="4", name="get_stock_price", arguments="not json"),
        FunctionCall(id="5", name="nothing", arguments="{}"),
    ):
        try:
            print(await runtime.send_message(request, AgentId("tools", "default")))
        except ToolException as error:
            print(type(error).__name__, error.call_id, error.content, error.name)
    for message in (Message("x"), FinalResult("x")):
        try:
            await runtime.send_message(message, AgentId("failing", "default"))
        except Exception as error:
            print(type(error).__name__, str(error).split(". Set")[0])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        await runtime.send_message(Message("not expected"), AgentId("output_result", "default"))
    print([(warning.category.__name__, str(warning.message).split(" of ")[0]) for warning in caught])
    await runtime.stop_when_idle()
    print(results.qsize(), await results.get())

    try:
        ClosureAgent("outside", output_result)
    except RuntimeError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
