"""Awkward objects: unhashable, always equal, falsy, without a name, refusing attributes, with odd results."""

import asyncio
import dataclasses
from typing import ClassVar

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_core.tools import BaseTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Answering(BaseChatAgent):
    def __init__(self, name: str = "answering", description: str = "Answers.") -> None:
        super().__init__(name, description)

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        return Response(chat_message=TextMessage(content=type(self).__name__, source="x"))

    async def on_reset(self, cancellation_token) -> None:
        pass


@dataclasses.dataclass(eq=True)
class Unhashable(Answering):
    label: str = "unhashable"

    def __post_init__(self) -> None:
        super().__init__(self.label)


class AlwaysEqual(Answering):
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 1


class Incomparable(Answering):
    def __eq__(self, other: object) -> bool:
        raise RuntimeError("do not compare me")

    def __hash__(self) -> int:
        raise RuntimeError("do not hash me")


class Falsy(Answering):
    def __bool__(self) -> bool:
        raise RuntimeError("do not ask me")

    def __len__(self) -> int:
        return 0


class Unprintable(Answering):
    def __repr__(self) -> str:
        raise RuntimeError("do not print me")

    __str__ = __repr__


class Refusing(Answering):
    """Takes no attribute it does not know."""

    def __setattr__(self, name: str, value: object) -> None:
        if name not in ("_name", "_description"):
            raise AttributeError(f"no {name} here")
        super().__setattr__(name, value)


class Curious(Answering):
    """Tells which attributes it does not have were looked for."""

    looked_for: ClassVar[list[str]] = []

    def __getattr__(self, name: str):
        Curious.looked_for.append(name)
        raise AttributeError(name)


class Masked(Answering):
    """Says it is something else."""

    @property
    def __class__(self):
        return dict


class OddName(Answering):
    """A name that is no string, known only later."""

    def __init__(self) -> None:
        self.label = 42

    @property
    def name(self):
        return self.label

    @property
    def description(self):
        return ["not", "a", "string"]


class OddResult(Answering):
    async def on_messages(self, messages, cancellation_token):
        return {"not": "a response"}


class Result:
    """A result of a model that is not AutoGen's."""

    content = "odd"
    thought = None
    finish_reason = "stop"

    @property
    def usage(self):
        raise RuntimeError("usage is unknown")


class OddClient(ReplayChatCompletionClient):
    def __init__(self, result) -> None:
        self.result = result
        super().__init__([])

    async def create(self, messages, **kwargs):
        return self.result

    async def create_stream(self, messages, **kwargs):
        yield self.result

    @property
    def model_info(self):
        raise KeyError("family")


class Args(BaseModel):
    text: str


class OddTool(BaseTool[Args, Args]):
    def __init__(self) -> None:
        super().__init__(Args, Args, "odd", "Odd.")
        self._name = 7

    async def run(self, args, cancellation_token):
        return object

    def return_value_as_string(self, value) -> str:
        return "an object"


class ReadOnlyError(Exception):
    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("read only")


class SpeechlessError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


class FailingClient(ReplayChatCompletionClient):
    def __init__(self, error: Exception) -> None:
        super().__init__([])
        self.error = error

    async def create(self, messages, **kwargs):
        raise self.error


async def show(title: str, awaitable) -> None:
    try:
        result = await awaitable
        print(title, "->", type(result).__name__, getattr(result, "content", None) or result.messages[-1].content)
    except Exception as error:
        print(title, "->", type(error).__name__, error)


async def main() -> None:
    for cls in (
        Unhashable,
        AlwaysEqual,
        Incomparable,
        Falsy,
        Unprintable,
        Refusing,
        Curious,
        Masked,
        OddName,
        OddResult,
    ):
        agent = cls()
        await show(cls.__name__, agent.run(task=CANARY))
        print("  stream:", end=" ")
        try:
            print([type(item).__name__ async for item in cls().run_stream(task=CANARY)])
        except Exception as error:
            print(type(error).__name__, error)
    print([name for name in Curious.looked_for if not name.startswith("__")])
    for cls in (Unhashable, AlwaysEqual, Falsy, Refusing):
        team = RoundRobinGroupChat([cls(), Answering("other")], max_turns=2)
        await show(f"{cls.__name__} in a team", team.run(task=CANARY))

    prompt = [UserMessage(content=CANARY, source="user")]
    for odd in (Result(), None, {"usage": 3}, "text"):
        client = OddClient(odd)
        print(await client.create(prompt) is odd, [chunk is odd async for chunk in client.create_stream(prompt)])
        await show(
            f"agent of {type(odd).__name__}", AssistantAgent("a", ReplayChatCompletionClient(["x"])).run(task="x")
        )
        try:
            await show("odd agent", AssistantAgent("odd", client).run(task=CANARY))
        except KeyError as error:
            print(type(error).__name__, error)

    tool = OddTool()
    print(await tool.run_json({"text": CANARY}, CancellationToken()) is object)

    for error in (ReadOnlyError("kept"), SpeechlessError("silent")):
        client = FailingClient(error)
        try:
            await client.create(prompt)
        except type(error) as caught:
            print(caught is error, caught.args, caught.__cause__, caught.__context__, caught.__traceback__ is not None)
    await show("read only", AssistantAgent("a", FailingClient(ReadOnlyError("kept"))).run(task=CANARY))


if __name__ == "__main__":
    asyncio.run(main())
