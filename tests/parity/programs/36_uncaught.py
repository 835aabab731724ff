"""An exception nobody catches: the same traceback on stderr, the same exit code."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def divide(a: int, b: int) -> float:
    """Divides."""
    return a / b


async def main() -> None:
    agent = AssistantAgent("assistant", ReplayChatCompletionClient(["one"]))
    print((await agent.run(task=f"Count. {CANARY}")).messages[-1].content)
    try:
        await FunctionTool(divide, description="Divides.").run_json({"a": 1, "b": 0}, CancellationToken())
    except ZeroDivisionError:
        async for item in agent.run_stream(task=f"Count. {CANARY}"):
            print(type(item).__name__)


if __name__ == "__main__":
    asyncio.run(main())
