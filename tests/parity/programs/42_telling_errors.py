"""Errors that quote the prompt: from a model, a tool, a validation, a participant of a team, a constructor."""

import asyncio

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


class Telling(BaseChatAgent):
    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        try:
            int(messages[-1].content)
        except ValueError as error:
            error.add_note(f"the prompt was {messages[-1].content}") if hasattr(error, "add_note") else None
            raise RuntimeError(f"cannot do {messages[-1].content}") from error

    async def on_reset(self, cancellation_token) -> None:
        pass


class TellingClient(ReplayChatCompletionClient):
    async def create(self, messages, **kwargs):
        raise ConnectionError(f"400 Bad Request: {messages[-1].content}")

    async def create_stream(self, messages, **kwargs):
        yield "one"
        raise ConnectionError(f"connection lost in: {messages[-1].content}")


class TellingConstructor(Telling):
    def __init__(self, prompt: str) -> None:
        super().__init__("telling", "Tells.")
        raise PermissionError(f"no right to {prompt}")


def book(city: str, nights: int) -> str:
    """Books."""
    raise LookupError(f"no hotel in {city}")


async def show(title: str, awaitable) -> None:
    try:
        result = await awaitable
        print(title, "->", result.messages[-1].content)
    except Exception as error:
        print(title, "->", type(error).__name__, str(error).splitlines()[0], getattr(error, "__notes__", []))


async def main() -> None:
    task = f"Fly to {CANARY}"
    await show("agent", Telling("telling", "Tells.").run(task=task))
    await show("team", RoundRobinGroupChat([Telling("telling", "Tells.")]).run(task=task))
    await show("model", AssistantAgent("a", TellingClient([])).run(task=task))
    await show("model stream", AssistantAgent("a", TellingClient([]), model_client_stream=True).run(task=task))
    try:
        await TellingClient([]).create([UserMessage(content=task, source="user")])
    except ConnectionError as error:
        print(type(error).__name__, error)
    try:
        TellingConstructor(CANARY)
    except PermissionError as error:
        print(type(error).__name__, error)

    tool = FunctionTool(book, description="Books.")
    for arguments in ({"city": CANARY, "nights": 2}, {"city": "Rome", "nights": CANARY}, {CANARY: 1}):
        try:
            await tool.run_json(arguments, CancellationToken())
        except Exception as error:
            print(type(error).__name__, str(error).splitlines())
    for arguments in (f'{{"city": "{CANARY}", "nights": 2}}', f'{{"nights": "{CANARY}"}}', f"not json: {CANARY}"):
        call = CreateResult(
            finish_reason="function_calls",
            content=[FunctionCall(id="call_1", name="book", arguments=arguments)],
            usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
            cached=False,
        )
        agent = AssistantAgent("a", ReplayChatCompletionClient([call], MODEL_INFO), tools=[tool])
        await show("tool", agent.run(task=task))


if __name__ == "__main__":
    asyncio.run(main())
