"""Termination conditions: alone, combined, called by hand, external and self-made."""

import asyncio
from collections.abc import Sequence

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TerminatedException, TerminationCondition
from autogen_agentchat.conditions import (
    ExternalTermination,
    MaxMessageTermination,
    SourceMatchTermination,
    StopMessageTermination,
    TextMentionTermination,
    TimeoutTermination,
    TokenUsageTermination,
)
from autogen_agentchat.messages import StopMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class SecondWord(TerminationCondition):
    """Stops when a message has at least two words."""

    def __init__(self) -> None:
        self._terminated = False

    @property
    def terminated(self) -> bool:
        return self._terminated

    async def __call__(self, messages: Sequence) -> StopMessage | None:
        if self._terminated:
            raise TerminatedException("Termination condition has already been reached")
        if any(" " in message.content for message in messages if message.source != "user"):
            self._terminated = True
            return StopMessage(content="Two words", source="SecondWord")
        return None

    async def reset(self) -> None:
        self._terminated = False


async def run(condition: TerminationCondition, *replies: str) -> None:
    client = ReplayChatCompletionClient(list(replies))
    writer, critic = AssistantAgent("writer", client), AssistantAgent("critic", client)
    team = RoundRobinGroupChat([writer, critic], termination_condition=condition)
    result = await team.run(task=f"Write. {CANARY}")
    print([message.content for message in result.messages], result.stop_reason, condition.terminated)


async def main() -> None:
    await run(MaxMessageTermination(3), "a", "b", "c")
    await run(TextMentionTermination("APPROVE") | MaxMessageTermination(10), "a", "APPROVE")
    await run(MaxMessageTermination(3) & TextMentionTermination("b"), "a", "c", "b")
    await run(TokenUsageTermination(max_total_token=20), *"abcdefghij")
    await run(SourceMatchTermination(["critic"]), "a", "b")
    await run(StopMessageTermination() | TimeoutTermination(60) | SecondWord(), "a", "b c")

    condition = MaxMessageTermination(2)
    messages = [TextMessage(content="1", source="user"), TextMessage(content="2", source="user")]
    print(await condition(messages) is not None, condition.terminated)
    try:
        await condition(messages)
    except TerminatedException as error:
        print(type(error).__name__, error)
    await condition.reset()
    print(condition.terminated, await condition(messages[:1]))

    external = ExternalTermination()
    client = ReplayChatCompletionClient([f"{number}" for number in range(50)])
    team = RoundRobinGroupChat(
        [AssistantAgent("a", client), AssistantAgent("b", client)], termination_condition=external
    )
    seen = 0
    async for item in team.run_stream(task="Count."):
        seen += 1
        if seen == 3:
            external.set()
        print(type(item).__name__, getattr(item, "content", None) or item.stop_reason)
    print(external.terminated)


if __name__ == "__main__":
    asyncio.run(main())
