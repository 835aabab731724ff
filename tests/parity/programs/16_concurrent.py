"""Concurrent runs: agents, teams and one shared client under gather, in the order AutoGen alone gives."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
STEPS: list[str] = []


class Yielding(ReplayChatCompletionClient):
    """Gives way to other tasks a fixed number of times before each answer."""

    def __init__(self, name: str, turns: int, replies: int = 9) -> None:
        super().__init__([f"{name} {number} {CANARY}" for number in range(replies)])
        self.name, self.turns = name, turns

    async def create(self, messages, **kwargs):
        for turn in range(self.turns):
            STEPS.append(f"{self.name}{turn}")
            await asyncio.sleep(0)
        return await super().create(messages, **kwargs)


async def main() -> None:
    agents = [AssistantAgent(name, Yielding(name, turns)) for name, turns in (("a", 5), ("b", 2), ("c", 3))]
    results = await asyncio.gather(*(agent.run(task=f"Go. {CANARY}") for agent in agents))
    print([result.messages[-1].content for result in results])
    print(STEPS)

    STEPS.clear()
    shared = Yielding("shared", 1)
    agents = [AssistantAgent(name, shared) for name in "abcd"]
    results = await asyncio.gather(*(agent.run(task="Go.") for agent in agents))
    print([result.messages[-1].content for result in results], shared.total_usage())

    STEPS.clear()
    teams = [
        RoundRobinGroupChat([AssistantAgent(f"{name}1", client), AssistantAgent(f"{name}2", client)], max_turns=3)
        for name, client in ((name, Yielding(name, turns)) for name, turns in (("x", 4), ("y", 1), ("z", 2)))
    ]
    order: list[str] = []

    async def consume(team: RoundRobinGroupChat) -> str:
        async for item in team.run_stream(task="Go."):
            order.append(f"{type(item).__name__}:{getattr(item, 'content', None)}")
        return item.stop_reason

    print(await asyncio.gather(*(consume(team) for team in teams)))
    print(STEPS)
    print(order)

    empty = [AssistantAgent(name, ReplayChatCompletionClient(["ok"] * (name != "b"))) for name in "abc"]
    results = await asyncio.gather(*(agent.run(task="Go.") for agent in empty), return_exceptions=True)
    print([type(result).__name__ for result in results])

    team = teams[0]
    results = await asyncio.gather(team.run(task="One."), team.run(task="Two."), return_exceptions=True)
    print([(type(result).__name__, str(result) if isinstance(result, Exception) else "") for result in results])


if __name__ == "__main__":
    asyncio.run(main())
