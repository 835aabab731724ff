"""Model clients: a user's own, a cache around one, structured output, warnings of the interface."""

import asyncio
import warnings
from collections.abc import AsyncGenerator

from autogen_agentchat.agents import AssistantAgent
from autogen_core import InMemoryStore
from autogen_core.models import (
    AssistantMessage,
    ChatCompletionClient,
    CreateResult,
    ModelInfo,
    RequestUsage,
    SystemMessage,
    UserMessage,
)
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


class Echo(ChatCompletionClient):
    """A client of the user's own that never calls `super().__init__`."""

    def __init__(self, prefix: str = "echo") -> None:
        self.prefix = prefix
        self.seen = RequestUsage(prompt_tokens=0, completion_tokens=0)
        self.closed = False

    async def create(
        self, messages, *, tools=(), json_output=None, extra_create_args=None, cancellation_token=None, **kw
    ):
        text = messages[-1].content
        if text == "fail":
            raise ConnectionError("the model is not there")
        self.seen = RequestUsage(
            prompt_tokens=self.seen.prompt_tokens + len(text), completion_tokens=self.seen.completion_tokens + 1
        )
        usage = RequestUsage(prompt_tokens=len(text), completion_tokens=1)
        return CreateResult(finish_reason="stop", content=f"{self.prefix} {text}", usage=usage, cached=False)

    async def create_stream(self, messages, **kwargs) -> AsyncGenerator:
        result = await self.create(messages, **kwargs)
        for word in result.content.split():
            yield word
        yield result

    async def close(self) -> None:
        self.closed = True

    def actual_usage(self) -> RequestUsage:
        return self.seen

    def total_usage(self) -> RequestUsage:
        return self.seen

    def count_tokens(self, messages, **kwargs) -> int:
        return len(messages)

    def remaining_tokens(self, messages, **kwargs) -> int:
        return 100 - len(messages)

    @property
    def capabilities(self):
        return MODEL_INFO

    @property
    def model_info(self) -> ModelInfo:
        return MODEL_INFO


class EchoStream(Echo):
    """`create_stream` as a plain function that returns a generator."""

    def create_stream(self, messages, **kwargs) -> AsyncGenerator:
        return super().create_stream(messages, **kwargs)


async def use(client: ChatCompletionClient) -> None:
    messages = [
        SystemMessage(content="Be brief."),
        AssistantMessage(content="Yes?", source="assistant"),
        UserMessage(content=f"Hello {CANARY}", source="user"),
    ]
    result = await client.create(messages)
    print(type(client).__name__, result.content, result.usage, result.cached, result.finish_reason)
    messages.append(UserMessage(content="And now?", source="user"))
    chunks = [chunk async for chunk in client.create_stream(messages)]
    print([chunk if isinstance(chunk, str) else (chunk.content, chunk.cached) for chunk in chunks])
    print(client.actual_usage(), client.total_usage(), client.count_tokens(messages), client.remaining_tokens(messages))
    for call in (client.create, lambda messages: anext(client.create_stream(messages))):
        try:
            await call([UserMessage(content="fail", source="user")])
        except ConnectionError as error:
            print(type(error).__name__, error)
    await client.close()


async def main() -> None:
    for client in (Echo(), EchoStream("stream")):
        await use(client)
        for stream in (False, True):
            agent = AssistantAgent("assistant", client, model_client_stream=stream)
            async for item in agent.run_stream(task=f"Say it. {CANARY}"):
                print(type(item).__name__, getattr(item, "content", None), getattr(item, "models_usage", None))
        print(client.closed)

    echo = Echo("cached")
    cache = ChatCompletionCache(echo)
    await use(cache)
    await use(cache)
    print(echo.seen, type(cache.store).__name__, isinstance(cache, ChatCompletionClient))

    store = InMemoryStore()
    replay = ChatCompletionCache(ReplayChatCompletionClient([f"one {CANARY}", "two"]), store)
    question = [UserMessage(content="Which?", source="user")]
    print([(await replay.create(question)).content for _ in range(3)])
    question = [UserMessage(content="And then?", source="user")]
    for _ in range(2):
        print([chunk if isinstance(chunk, str) else chunk.cached async for chunk in replay.create_stream(question)])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        print(ReplayChatCompletionClient(["x"]).capabilities["vision"])
    print([(warning.category.__name__, str(warning.message)) for warning in caught])
    try:
        ReplayChatCompletionClient(["x"], ModelInfo(vision=False))
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
