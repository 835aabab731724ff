"""Coroutines never awaited, tasks cancelled before their first step, streams never iterated: the same warnings."""

import asyncio
import gc
import os
import sys
import warnings

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def new_agent() -> AssistantAgent:
    return AssistantAgent("assistant", ReplayChatCompletionClient(["one", "two"]))


def make() -> dict:
    agent, team = new_agent(), RoundRobinGroupChat([new_agent()], max_turns=1)
    messages = [TextMessage(content=CANARY, source="user")]
    return {
        "agent.run": lambda: agent.run(task=CANARY),
        "agent.run_stream": lambda: agent.run_stream(task=CANARY),
        "agent.on_messages": lambda: agent.on_messages(messages, CancellationToken()),
        "agent.on_messages_stream": lambda: agent.on_messages_stream(messages, CancellationToken()),
        "team.run": lambda: team.run(task=CANARY),
        "team.run_stream": lambda: team.run_stream(task=CANARY),
        "client.create": lambda: ReplayChatCompletionClient(["x"]).create([]),
        "client.create_stream": lambda: ReplayChatCompletionClient(["x"]).create_stream([]),
        "tool.run_json": lambda: FunctionTool(add, description="Adds.").run_json({"a": 1, "b": 2}, CancellationToken()),
    }


def caught_while(action) -> list[tuple[str, str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
        gc.collect()
    return [(warning.category.__name__, str(warning.message), os.path.basename(warning.filename)) for warning in caught]


async def cancelled_before_the_first_step(call) -> None:
    task = asyncio.create_task(call())
    task.cancel()
    try:
        await task
    except asyncio.CancelledError as error:
        print("  cancelled", error.args, task.cancelled())


async def main() -> None:
    for name, call in make().items():
        print(name)
        print("  dropped:", caught_while(call))
        if name.endswith("_stream"):
            continue
        print("  closed:", caught_while(lambda call=call: call().close()))
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            await cancelled_before_the_first_step(call)
            gc.collect()
        print("  task:", [str(warning.message) for warning in caught])

    stream = new_agent().run_stream(task=CANARY)
    step = stream.__anext__()
    print("step:", caught_while(step.close) if hasattr(step, "close") else None)
    del step
    gc.collect()
    await stream.aclose()

    async def consume() -> None:
        async for item in new_agent().run_stream(task=CANARY):
            print(type(item).__name__)

    await cancelled_before_the_first_step(consume)

    # Left in a task that the end of the loop cancels.
    globals()["kept"] = asyncio.create_task(new_agent().run(task=CANARY))

    # To stderr, as a user would see it.
    new_agent().run(task=CANARY)
    RoundRobinGroupChat([new_agent()], max_turns=1).run(task=CANARY)
    gc.collect()


if __name__ == "__main__":
    sys.unraisablehook = lambda unraisable: print("unraisable", type(unraisable.exc_value).__name__)
    asyncio.run(main())
    print(globals()["kept"].cancelled())
