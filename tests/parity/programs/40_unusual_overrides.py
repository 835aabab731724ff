"""Unusual ways to override: sync functions, tasks, decorators, static methods, properties, partial methods."""

import asyncio
import functools

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_core.tools import BaseTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Base(BaseChatAgent):
    def __init__(self) -> None:
        super().__init__("base", "Answers.")

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        return self.answer(messages)

    def answer(self, messages, suffix: str = "") -> Response:
        return Response(chat_message=TextMessage(content=f"{type(self).__name__} {len(messages)}{suffix}", source="x"))

    async def on_reset(self, cancellation_token) -> None:
        pass


class Sync(Base):
    """Returns a coroutine without being one."""

    def on_messages(self, messages, cancellation_token):
        print("  called")
        return super().on_messages(messages, cancellation_token)


class Task(Base):
    def on_messages(self, messages, cancellation_token):
        return asyncio.ensure_future(super().on_messages(messages, cancellation_token))

    def run(self, **kwargs):
        return asyncio.ensure_future(super().run(**kwargs))


class Future(Base):
    def on_messages(self, messages, cancellation_token):
        future = asyncio.get_running_loop().create_future()
        future.set_result(self.answer(messages))
        return future


class SyncError(Base):
    def on_messages(self, messages, cancellation_token):
        raise NotImplementedError("before any await")


def logged(function):
    @functools.wraps(function)
    async def wrapper(*args, **kwargs):
        print("  before", function.__name__)
        try:
            return await function(*args, **kwargs)
        finally:
            print("  after", function.__name__)

    return wrapper


class Retry:
    """A decorator that is a class, with a descriptor of its own."""

    def __init__(self, function) -> None:
        self.function = function
        functools.update_wrapper(self, function)

    def __get__(self, instance, owner=None):
        return self if instance is None else functools.partial(self, instance)

    async def __call__(self, *args, **kwargs):
        for _ in range(2):
            try:
                return await self.function(*args, **kwargs)
            except ConnectionError as error:
                print("  again after", error)
        return Response(chat_message=TextMessage(content="gave up", source="x"))


class Decorated(Base):
    on_messages = logged(Base.on_messages)
    run = logged(BaseChatAgent.run)


class Retried(Base):
    @Retry
    async def on_messages(self, messages, cancellation_token) -> Response:
        raise ConnectionError("no line")


class Static(Base):
    @staticmethod
    async def run(task=None, **kwargs) -> str:
        return f"static {task}"

    @staticmethod
    async def on_messages(messages, cancellation_token) -> Response:
        return Response(chat_message=TextMessage(content="static", source="x"))


class OfTheClass(Base):
    @classmethod
    async def run(cls, task=None, **kwargs) -> str:
        return f"{cls.__name__} {task}"


class Attribute(Base):
    @property
    def run(self):
        async def run(task=None, **kwargs) -> str:
            return f"from a property of {self.name}"

        return run


class Partial(Base):
    async def on_messages(self, messages, cancellation_token, suffix="") -> Response:
        return self.answer(messages, suffix)

    on_messages = functools.partialmethod(on_messages, suffix="!")


class Lambda(Base):
    on_messages = lambda self, messages, cancellation_token: Base.on_messages(self, messages, cancellation_token)  # noqa: E731


class OnTheInstance(Base):
    def __init__(self) -> None:
        super().__init__()
        self.on_messages = functools.partial(self._answer, "!")

    async def _answer(self, suffix, messages, cancellation_token) -> Response:
        return self.answer(messages, suffix)


class Borrowed(Base):
    on_messages_stream = BaseChatAgent.on_messages_stream
    run_stream = BaseChatAgent.run_stream


class Positional(Base):
    """Takes the task by position, adds a parameter, renames another."""

    async def run(self, task, times=1, /, **kwargs):
        for _ in range(times):
            result = await super().run(task=task, **kwargs)
        return result


class Grandchild(Decorated):
    async def on_messages(self, messages, cancellation_token) -> Response:
        return await super().on_messages(messages, cancellation_token)


class SyncClient(ReplayChatCompletionClient):
    def create(self, messages, **kwargs):
        print("  create called")
        return asyncio.ensure_future(super().create(messages, **kwargs))


class RenamingClient(ReplayChatCompletionClient):
    async def create(self, prompt, /, *args, extra=None, **kwargs):
        return await super().create(prompt, *args, **kwargs)


class Args(BaseModel):
    text: str


class SyncTool(BaseTool[Args, Args]):
    def __init__(self) -> None:
        super().__init__(Args, Args, "sync", "Is not async.")

    def run(self, args, cancellation_token):
        future = asyncio.get_running_loop().create_future()
        future.set_result(args)
        return future


async def show(title: str, call) -> None:
    try:
        called = call()
        print(title, type(called).__name__ if isinstance(called, asyncio.Future) else "", end=" ")
        result = await called
        print(result if isinstance(result, str) else result.messages[-1].content)
    except Exception as error:
        print(type(error).__name__, error)


async def main() -> None:
    classes = (
        Base, Sync, Task, Future, SyncError, Decorated, Retried, Static, OfTheClass, Attribute, Partial, Lambda,
        OnTheInstance, Borrowed, Grandchild,
    )  # fmt: skip
    for cls in classes:
        agent = cls()
        await show(cls.__name__, lambda agent=agent: agent.run(task=CANARY))
        await show("  on_messages", lambda agent=agent: on_messages(agent))
        print("  stream", [type(item).__name__ async for item in stream(agent)])
    await show("positional", lambda: Positional().run(CANARY, 2))
    await show("missing", lambda: Positional().run())
    await show("too many", lambda: Base().run("a task by position"))
    await show("unknown keyword", lambda: Base().run(tasks="misspelt"))

    prompt = [UserMessage(content=CANARY, source="user")]
    for client in (SyncClient(["one", "two"]), RenamingClient(["one", "two"])):
        await show(type(client).__name__, lambda client=client: text_of(client.create(prompt)))
        await show("  agent", lambda client=client: AssistantAgent("a", client).run(task=CANARY))
    try:
        RenamingClient([]).create(messages=prompt)
    except TypeError as error:
        print(type(error).__name__, error)
    print((await SyncTool().run_json({"text": CANARY}, CancellationToken())).text)

    Base.run = logged(Base.run)
    Base.later = BaseChatAgent.run
    await show("patched later", lambda: Base().run(task="x"))
    await show("another name", lambda: Base().later(task="x"))
    del Base.run
    await show("patch removed", lambda: Base().run(task="x"))


async def text_of(created) -> str:
    return (await created).content


async def on_messages(agent) -> str:
    messages = [TextMessage(content=CANARY, source="user")]
    return (await agent.on_messages(messages, CancellationToken())).chat_message.content


async def stream(agent):
    try:
        async for item in agent.run_stream(task=CANARY):
            yield item
    except NotImplementedError as error:
        yield error


if __name__ == "__main__":
    asyncio.run(main())
