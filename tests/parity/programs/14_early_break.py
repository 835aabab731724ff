"""Streams the consumer leaves early: break, aclose, athrow, garbage collection, another task, the end of the loop."""

import asyncio
import gc
import inspect

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def new_agent(name: str = "assistant") -> AssistantAgent:
    return AssistantAgent(name, ReplayChatCompletionClient([f"one two {CANARY}"] * 9), model_client_stream=True)


async def main() -> None:
    task = f"Count. {CANARY}"

    async for item in new_agent().run_stream(task=task):
        print("break:", type(item).__name__)
        break
    gc.collect()
    await asyncio.sleep(0)

    agent = new_agent()
    stream = agent.run_stream(task=task)
    print(type(await stream.__anext__()).__name__, type(await anext(stream)).__name__)
    await stream.aclose()
    await stream.aclose()
    try:
        await anext(stream)
    except StopAsyncIteration as error:
        print("closed:", type(error).__name__)
    result = await agent.run(task="Again.")
    print("agent goes on:", result.messages[-1].content)

    stream = new_agent().run_stream(task=task)
    await stream.asend(None)
    try:
        await stream.athrow(KeyError("from the consumer"))
    except KeyError as error:
        print("thrown:", type(error).__name__, error)

    stream = new_agent().run_stream(task=task)
    await anext(stream)
    await asyncio.create_task(stream.aclose())
    print("closed in another task", inspect.isasyncgen(stream))

    stream = new_agent().run_stream(task=task)
    first = await asyncio.create_task(anext(stream))
    rest = await asyncio.create_task(collect(stream))
    print("moved between tasks:", type(first).__name__, rest)

    stream = new_agent().on_messages_stream([TextMessage(content=task, source="user")], CancellationToken())
    print("inner stream:", type(await anext(stream)).__name__)
    del stream
    gc.collect()

    client = ReplayChatCompletionClient([f"one two three {CANARY}", "four"])
    async for chunk in client.create_stream([UserMessage(content=task, source="user")]):
        print("model stream:", chunk)
        break
    gc.collect()
    await asyncio.sleep(0)
    print("model goes on:", (await client.create([UserMessage(content=task, source="user")])).content)

    stream = new_agent().run_stream(task=task)
    try:
        stream.send(None)
    except AttributeError as error:
        print(type(error).__name__, error)
    print("never iterated:", inspect.isasyncgen(stream))
    del stream

    team = RoundRobinGroupChat([new_agent("a"), new_agent("b")], max_turns=3)
    stream = team.run_stream(task=task)
    for _ in range(2):
        print("team:", type(await anext(stream)).__name__)
    await stream.aclose()
    result = await team.run(task="Again.")
    print("team goes on:", [message.source for message in result.messages], result.stop_reason)

    # Left to the end of the event loop.
    left = new_agent().run_stream(task=task)
    print("left:", type(await anext(left)).__name__)
    globals()["kept"] = left


async def collect(stream) -> list[str]:
    return [type(item).__name__ async for item in stream]


if __name__ == "__main__":
    asyncio.run(main())
    print(globals()["kept"].ag_running, globals()["kept"].ag_frame is None)
