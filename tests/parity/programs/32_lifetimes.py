"""Lifetimes: what nobody holds is freed when AutoGen alone would free it; nothing is added to a user's objects."""

import asyncio
import gc
import weakref

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, SingleThreadedAgentRuntime
from autogen_core.memory import ListMemory
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Plain(BaseChatAgent):
    def __init__(self, name: str = "plain") -> None:
        super().__init__(name, "Answers.")

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        if messages and "fail" in messages[-1].content:
            raise ValueError("failed")
        return Response(chat_message=TextMessage(content=CANARY, source=self.name))

    async def on_reset(self, cancellation_token) -> None:
        pass

    def __del__(self) -> None:
        print("  finalised")


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


async def nothing(value) -> None:
    pass


async def run(value) -> None:
    await value.run(task=CANARY)


async def fail(value) -> None:
    try:
        await value.run(task="fail")
    except ValueError:
        pass


async def stream(value) -> None:
    async for _ in value.run_stream(task=CANARY):
        pass


async def leave(value) -> None:
    generator = value.run_stream(task=CANARY)
    await anext(generator)
    await generator.aclose()


async def cancel(value) -> None:
    task = asyncio.create_task(value.run(task=CANARY))
    task.cancel()
    await asyncio.wait([task])


async def call(value) -> None:
    await value.run_json({"a": 1, "b": 2}, CancellationToken())


async def alive(title: str, build, use) -> None:
    value = build()
    reference = weakref.ref(value)
    await use(value)
    del value
    await asyncio.sleep(0)
    at_once = reference() is None
    for _ in range(3):
        gc.collect()
        await asyncio.sleep(0)
    print(title, use.__name__, "freed at once:", at_once, "freed:", reference() is None)


async def main() -> None:
    gc.disable()
    for use in (nothing, run, fail, stream, leave, cancel):
        await alive("plain agent", Plain, use)
    for use in (nothing, run, stream, leave):
        await alive("assistant", lambda: AssistantAgent("a", ReplayChatCompletionClient([CANARY])), use)
    for use in (nothing, run, stream):
        await alive("team", lambda: RoundRobinGroupChat([Plain()], max_turns=1), use)
    await alive("tool", lambda: FunctionTool(add, description="Adds."), nothing)
    await alive("tool", lambda: FunctionTool(add, description="Adds."), call)
    await alive("client", lambda: ReplayChatCompletionClient([CANARY]), nothing)
    await alive("runtime", SingleThreadedAgentRuntime, nothing)
    await alive("memory", ListMemory, nothing)
    await alive("class", lambda: type("Made", (Plain,), {}), nothing)

    agent = Plain()
    before = dict(vars(agent))
    await run(agent)
    print(sorted(vars(agent)), vars(agent) == before)


if __name__ == "__main__":
    asyncio.run(main())
