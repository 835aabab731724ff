"""Message filter agents in a looping graph: an agent that wraps an agent."""

import asyncio

from autogen_agentchat.agents import (
    AssistantAgent,
    MessageFilterAgent,
    MessageFilterConfig,
    PerSourceFilter,
)
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 5, 7)
CANARY = "CANARY-PROMPT-7f3a"


def filtered(agent: AssistantAgent, *sources: tuple[str, str, int]) -> MessageFilterAgent:
    per_source = [PerSourceFilter(source=source, position=position, count=count) for source, position, count in sources]
    return MessageFilterAgent(name=agent.name, wrapped_agent=agent, filter=MessageFilterConfig(per_source=per_source))


async def main() -> None:
    clients = {
        "A": ReplayChatCompletionClient([f"draft {CANARY}", "better draft"]),
        "B": ReplayChatCompletionClient(["loop", "exit"]),
        "C": ReplayChatCompletionClient(["published"]),
    }
    inner = {name: AssistantAgent(name, client) for name, client in clients.items()}
    a = filtered(inner["A"], ("user", "first", 1), ("B", "last", 1))
    b = filtered(inner["B"], ("user", "first", 1), ("A", "last", 1), ("B", "last", 10))
    c = filtered(inner["C"], ("user", "first", 1), ("B", "last", 1))

    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c)
    builder.add_edge(a, b).add_edge(b, c, condition="exit").add_edge(b, a, condition="loop").set_entry_point(a)
    team = GraphFlow([a, b, c], graph=builder.build(), termination_condition=MaxMessageTermination(10))
    async for item in team.run_stream(task=f"Write a poem. {CANARY}"):
        if isinstance(item, TaskResult):
            print(type(item).__name__, item.stop_reason)
        else:
            print(type(item).__name__, item.source, item.content)

    for name, client in clients.items():
        print(name, [[message.content for message in call["messages"][1:]] for call in client.create_calls])
    print(a.name, a.description, a.produced_message_types == inner["A"].produced_message_types)
    print(a.dump_component().config["filter"])


if __name__ == "__main__":
    asyncio.run(main())
