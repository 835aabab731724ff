"""Streaming tokens: chunk events reach the consumer one by one, before the final message."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.ui import Console
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


async def main() -> None:
    model_client = ReplayChatCompletionClient(
        ["Two cities are Toronto and Mexico City.", f"Lima and {CANARY}.", "Cairo, Lagos.", "Rome, Oslo, Bern."]
    )
    agent = AssistantAgent("assistant", model_client, model_client_stream=True)

    stream = agent.run_stream(task=f"Name two cities in North America. {CANARY}")
    async for item in stream:
        print(type(item).__name__, getattr(item, "source", None), getattr(item, "content", None))

    result = await Console(agent.run_stream(task="And in South America?"))
    print(result.messages[-1].content, result.messages[-1].models_usage)

    async for item in agent.on_messages_stream([TextMessage(content="Africa?", source="user")], CancellationToken()):
        print(type(item).__name__, getattr(item, "content", None))

    chunks = [chunk async for chunk in model_client.create_stream([UserMessage(content="Europe?", source="user")])]
    print(chunks[:-1], chunks[-1].content, chunks[-1].usage)

    try:
        async for chunk in model_client.create_stream([UserMessage(content="Asia?", source="user")]):
            print(chunk)
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
