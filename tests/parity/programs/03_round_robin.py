"""Teams: the reflection pattern with a round robin, resumed, reset and run again."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination, TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


async def main() -> None:
    model_client = ReplayChatCompletionClient(
        [
            f"Autumn leaves fall {CANARY}",
            "Make it longer.",
            "Autumn leaves fall down and down",
            "APPROVE",
            "Winter",
            "Colder.",
            "Winter, and snow",
            "APPROVE",
        ]
    )
    primary = AssistantAgent("primary", model_client, system_message="You are a helpful AI assistant.")
    critic = AssistantAgent("critic", model_client, system_message="Provide constructive feedback.")
    termination = TextMentionTermination("APPROVE", sources=["critic"]) | MaxMessageTermination(6)
    team = RoundRobinGroupChat([primary, critic], termination_condition=termination)

    result = await team.run(task=f"Write a short poem about the fall season. {CANARY}")
    for message in result.messages:
        print(type(message).__name__, message.source, message.content, message.models_usage)
    print(result.stop_reason)

    await team.reset()
    async for item in team.run_stream(task="Write one about winter."):
        if isinstance(item, TaskResult):
            print(type(item).__name__, len(item.messages), item.stop_reason)
        else:
            print(type(item).__name__, item.source, item.content)

    # One turn at a time; without a task the team goes on where it stopped.
    model_client.reset()
    two_turns = RoundRobinGroupChat([primary, critic], max_turns=1)
    await Console(two_turns.run_stream(task="Once more."))
    await Console(two_turns.run_stream())
    try:
        RoundRobinGroupChat([primary, primary])
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
