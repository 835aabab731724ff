"""Graph flow: a sequence, a fan-out with a join, branches, and a loop with an exit."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import DiGraphBuilder, GraphFlow
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 5, 7)
CANARY = "CANARY-PROMPT-7f3a"


def agent(name: str, *replies: str) -> AssistantAgent:
    return AssistantAgent(name, ReplayChatCompletionClient(list(replies)))


async def show(title: str, builder: DiGraphBuilder) -> None:
    print("==", title)
    graph = builder.build()
    team = GraphFlow(
        participants=builder.get_participants(), graph=graph, termination_condition=MaxMessageTermination(12)
    )
    async for item in team.run_stream(task=f"Write a short story about a cat. {CANARY}"):
        if isinstance(item, TaskResult):
            print(type(item).__name__, item.stop_reason)
        else:
            print(type(item).__name__, item.source, item.content)


async def main() -> None:
    a, b, c = agent("A", f"one {CANARY}"), agent("B", "two"), agent("C", "three")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c)
    await show("sequence", builder.add_edge(a, b).add_edge(b, c))

    a, b, c, d = agent("A", "one"), agent("B", "two"), agent("C", "three"), agent("D", "four")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c).add_node(d)
    await show("fan-out", builder.add_edge(a, b).add_edge(a, c).add_edge(b, d).add_edge(c, d))

    a, b, c = agent("A", "yes"), agent("B", "the answer was yes"), agent("C", "the answer was no")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c)
    await show("branch", builder.add_edge(a, b, condition="yes").add_edge(a, c, condition="no"))

    a, b, c = agent("A", "draft", "better draft"), agent("B", "REVISE", "APPROVE"), agent("C", "published")
    builder = DiGraphBuilder().add_node(a).add_node(b).add_node(c)
    builder.add_edge(a, b).add_edge(b, c, condition="APPROVE").add_edge(b, a, condition="REVISE")
    await show("loop", builder.set_entry_point(a))

    try:
        DiGraphBuilder().add_node(a).add_edge(a, b)
    except ValueError as error:
        print(type(error).__name__, error)
    try:
        DiGraphBuilder().add_node(a).add_node(b).add_edge(a, b).add_edge(b, a).build()
        GraphFlow([a, b], graph=DiGraphBuilder().add_node(a).add_node(b).add_edge(a, b).add_edge(b, a).build())
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
