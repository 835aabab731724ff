"""Custom agents: counting down in a stream, a model client of its own, a user's `run`, agents inside agents."""

import asyncio
from collections.abc import AsyncGenerator, Sequence

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response, TaskResult
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class CountDownAgent(BaseChatAgent):
    def __init__(self, name: str, count: int = 3):
        super().__init__(name, "A simple agent that counts down.")
        self._count = count

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages: Sequence, cancellation_token: CancellationToken) -> Response:
        response: Response | None = None
        async for message in self.on_messages_stream(messages, cancellation_token):
            if isinstance(message, Response):
                response = message
        assert response is not None
        return response

    async def on_messages_stream(self, messages: Sequence, cancellation_token: CancellationToken) -> AsyncGenerator:
        inner_messages = []
        for i in range(self._count, 0, -1):
            msg = TextMessage(content=f"{i}...", source=self.name)
            inner_messages.append(msg)
            yield msg
        yield Response(chat_message=TextMessage(content="Done!", source=self.name), inner_messages=inner_messages)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        pass


class ModelAgent(BaseChatAgent):
    """Calls a model client itself, and only from `on_messages`."""

    def __init__(self, name: str, client: ReplayChatCompletionClient) -> None:
        super().__init__(name=name, description="Talks to a model.")
        self._client = client

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        prompt = [UserMessage(content=message.content, source=message.source) for message in messages]
        result = await self._client.create(prompt, cancellation_token=cancellation_token)
        return Response(
            chat_message=TextMessage(content=result.content, source=self.name, models_usage=result.usage),
            inner_messages=[TextMessage(content="thinking", source=self.name)],
        )

    async def on_reset(self, cancellation_token) -> None:
        print(self.name, "reset")

    async def on_pause(self, cancellation_token) -> None:
        print(self.name, "paused")


class Patient(ModelAgent):
    """Waits for the event before it answers."""

    def __init__(self, event: asyncio.Event) -> None:
        super().__init__("patient", ReplayChatCompletionClient(["at last"]))
        self._event = event

    async def on_messages(self, messages, cancellation_token) -> Response:
        await self._event.wait()
        return await super().on_messages(messages, cancellation_token)

    async def on_resume(self, cancellation_token) -> None:
        print(self.name, "resumed")


class Polite(AssistantAgent):
    """Overrides what AutoGen implements, and calls it."""

    async def run(self, *, task=None, cancellation_token=None, **kwargs) -> TaskResult:
        print("before run")
        result = await super().run(task=f"Please: {task}", cancellation_token=cancellation_token, **kwargs)
        print("after run")
        return result

    async def on_messages(self, messages, cancellation_token) -> Response:
        print("before on_messages", len(messages))
        return await super().on_messages(messages, cancellation_token)

    async def on_messages_stream(self, messages, cancellation_token):
        async for message in super().on_messages_stream(messages, cancellation_token):
            print("passing", type(message).__name__)
            yield message
        print("stream over")


class Silent(ModelAgent):
    """A stream that is not a generator function, and a `run` that never reaches AutoGen."""

    def on_messages_stream(self, messages, cancellation_token):
        return super().on_messages_stream(messages, cancellation_token)

    async def run(self, *, task=None, cancellation_token=None, **kwargs) -> str:
        return f"not a TaskResult, task was {task}"


async def main() -> None:
    task = f"Go. {CANARY}"
    countdown = CountDownAgent("countdown")
    async for message in countdown.on_messages_stream([], CancellationToken()):
        print(type(message).__name__, getattr(message, "content", None))
    result = await countdown.run(task=task)
    print([message.content for message in result.messages])

    client = ReplayChatCompletionClient([f"hello {CANARY}", "again", "third", "fourth"])
    agent = ModelAgent("model_agent", client)
    async for item in agent.run_stream(task=task):
        print(type(item).__name__, getattr(item, "content", None), getattr(item, "models_usage", None))

    team = RoundRobinGroupChat([agent, CountDownAgent("down", 1)], max_turns=2)
    print([(m.source, m.content) for m in (await team.run(task=task)).messages])
    await team.reset()

    event = asyncio.Event()
    team = RoundRobinGroupChat([Patient(event)], max_turns=1)
    async for item in team.run_stream(task=task):
        print(type(item).__name__, getattr(item, "content", None))
        if not event.is_set():
            await team.pause()
            await team.resume()
            event.set()

    polite = Polite("polite", ReplayChatCompletionClient(["You are welcome.", "Any time."]))
    print((await polite.run(task=task)).messages[-1].content)
    print([type(item).__name__ async for item in polite.run_stream(task=task)])

    silent = Silent("silent", client)
    print(await silent.run(task=task))
    print([type(item).__name__ async for item in silent.run_stream(task=task)])
    print(client.total_usage())


if __name__ == "__main__":
    asyncio.run(main())
