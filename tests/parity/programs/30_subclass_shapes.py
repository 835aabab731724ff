"""Shapes of subclasses: abstract, without `super().__init__()`, built twice, failing, generic, patched."""

import abc
import asyncio
import dataclasses
import functools
import gc
from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar
from unittest import mock

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import ChatAgent, Response
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import BaseGroupChat, RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.memory import Memory
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import BaseTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
T = TypeVar("T")


class Answering(BaseChatAgent):
    """The least a custom agent must have."""

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages: Sequence, cancellation_token: CancellationToken) -> Response:
        return Response(chat_message=TextMessage(content=f"{type(self).__name__} {len(messages)}", source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        pass


class Unfinished(BaseChatAgent):
    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        pass


class WithoutSuper(Answering):
    def __init__(self, name: str) -> None:
        self._name, self._description = name, "Never calls super."


class Nameless(Answering):
    def __init__(self) -> None:
        pass


class Twice(Answering):
    def __init__(self, name: str) -> None:
        super().__init__(name, "First.")
        super().__init__(name, "Second.")


class Late(Answering):
    def __init__(self, name: str) -> None:
        self.steps = ["before"]
        Answering.__init__(self, description="By keyword.", name=name)
        self.steps.append("after")


class Failing(Answering):
    def __init__(self, name: str, error: BaseException) -> None:
        super().__init__(name, "Fails.")
        raise error


class Single(Answering):
    _instance = None

    def __new__(cls, *args: Any, **kwargs: Any) -> "Single":
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance


class Registered(Answering):
    names: ClassVar[list[str]] = []

    def __init_subclass__(cls, *, label: str, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        Registered.names.append(f"{cls.__name__}={label}")


class Labelled(Registered, label="yes"):
    pass


@dataclasses.dataclass(eq=False)
class Data(Answering):
    label: str
    size: int = 3

    def __post_init__(self) -> None:
        super().__init__(self.label, "From a dataclass.")


class Typed(Answering, Generic[T]):
    def __init__(self, name: str, value: T) -> None:
        super().__init__(name, "Generic.")
        self.value = value


class Mixin:
    def __init__(self, *args: Any, mixed: str = "in", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.mixed = mixed


class Mixed(Mixin, Answering):
    pass


class Slots(Answering):
    __slots__ = ("_spare",)


class Meta(type(BaseChatAgent)):
    def __call__(cls, *args: Any, **kwargs: Any):
        instance = super().__call__(*args, **kwargs)
        instance.made_by = "Meta"
        return instance


class WithMeta(Answering, metaclass=Meta):
    pass


class Partial(AssistantAgent):
    __init__ = functools.partialmethod(AssistantAgent.__init__, description="partial")


class HalfClient(ChatCompletionClient):
    async def create(self, messages, **kwargs):
        return None


class HalfTool(BaseTool[BaseModel, BaseModel]):
    pass


class HalfMemory(Memory):
    async def add(self, content, cancellation_token=None) -> None:
        pass


async def show(title: str, build) -> None:
    try:
        agent = build()
    except BaseException as error:
        print(title, "->", type(error).__name__, error, repr(error.__cause__), repr(error.__context__))
        return
    try:
        result = await agent.run(task=f"Go. {CANARY}")
        print(title, "->", result.messages[-1].content, "|", agent.description, "|", sorted(vars(agent)))
    except BaseException as error:
        print(title, "->", type(error).__name__, error)


async def main() -> None:
    client = ReplayChatCompletionClient(["one", "two", "three", "four", "five", "six"])
    await show("abstract", lambda: BaseChatAgent("a", "b"))
    await show("unfinished", lambda: Unfinished("a", "b"))
    await show("abstract team", lambda: BaseGroupChat([], "a", "b", None))
    await show("half a client", HalfClient)
    await show("half a tool", lambda: HalfTool(BaseModel, BaseModel, "a", "b"))
    await show("half a memory", HalfMemory)
    await show("answering", lambda: Answering("answering", "Answers."))
    await show("no arguments", Answering)
    await show("too many arguments", lambda: Answering("a", "b", "c"))
    await show("wrong keyword", lambda: AssistantAgent("a", client, sytem_message="typo"))
    await show("wrong name", lambda: Answering("not a name", "b"))
    await show("without super", lambda: WithoutSuper("without"))
    await show("nameless", Nameless)
    await show("twice", lambda: Twice("twice"))
    await show("late", lambda: Late("late"))
    await show("failing", lambda: Failing("failing", ValueError("in the constructor")))
    await show("interrupted", lambda: Failing("failing", KeyboardInterrupt("in the constructor")))
    await show("single", lambda: Single("single", "One."))
    await show("single again", lambda: Single("single", "Another."))
    await show("labelled", lambda: Labelled("labelled", "Labelled."))
    print(Registered.names)
    await show("dataclass", lambda: Data("data"))
    print(Data("data", 4))
    await show("generic", lambda: Typed[int]("typed", 3))
    print(Typed[int]("typed", 3).__orig_class__.__args__[0].__name__)
    await show("mixin", lambda: Mixed("mixed", "Mixed.", mixed="up"))
    await show("slots", lambda: Slots("slots", "Slots."))
    await show("metaclass", lambda: WithMeta("meta", "Meta."))
    await show("partial", lambda: Partial("partial", client))
    await show("made at run time", lambda: type("Made", (Answering,), {"extra": 1})("made", "Made."))
    await show("without a constructor", lambda: BaseChatAgent.__new__(Answering))

    agent = Answering("again", "Before.")
    agent.__init__("again", "After.")
    await show("called again", lambda: agent)
    print(isinstance(agent, BaseChatAgent), isinstance(agent, abc.ABC), isinstance(WithoutSuper("x"), Answering))
    gc.collect()  # "Made" is in a cycle.
    print([cls.__name__ for cls in Answering.__subclasses__()], issubclass(Labelled, ChatAgent))

    agent = AssistantAgent("patched", client)
    with mock.patch.object(AssistantAgent, "run", autospec=True, return_value="patched") as patched:
        print(await agent.run(task="x"), patched.call_count)
    with mock.patch.object(agent, "on_messages", wraps=agent.on_messages) as spied:
        print((await agent.run(task="x")).messages[-1].content, spied.call_count)
    spec = mock.create_autospec(AssistantAgent, instance=True)
    print(type(spec.run).__name__, isinstance(spec, AssistantAgent))
    print((await agent.run(task=CANARY)).messages[-1].content, "run" in vars(AssistantAgent), "run" in vars(agent))

    original = BaseChatAgent.on_messages_stream

    async def loud(self, messages, cancellation_token):
        async for item in original(self, messages, cancellation_token):
            print("loud", type(item).__name__)
            yield item

    BaseChatAgent.on_messages_stream = loud
    try:
        print([type(item).__name__ async for item in Answering("a", "b").run_stream(task="x")])
    finally:
        BaseChatAgent.on_messages_stream = original

    async def instead(*, task=None, cancellation_token=None, **kwargs) -> str:
        return f"instance attribute, {task}"

    agent.run = instead
    print(await agent.run(task="x"), (await AssistantAgent.run(agent, task="y")).messages[-1].content)
    bound = functools.partial(AssistantAgent("bound", client).run, task="Bound.")
    print((await bound()).messages[-1].content)

    class Local(RoundRobinGroupChat):
        async def run(self, **kwargs):
            return (await super().run(**kwargs)).stop_reason

    print(await Local([Answering("a", "b")], max_turns=1).run(task="x"))


if __name__ == "__main__":
    asyncio.run(main())
