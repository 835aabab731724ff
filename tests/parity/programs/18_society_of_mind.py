"""Society of mind: a team inside an agent inside a team."""

import asyncio

from autogen_agentchat.agents import AssistantAgent, SocietyOfMindAgent
from autogen_agentchat.conditions import TextMentionTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def replies(*texts) -> ReplayChatCompletionClient:
    return ReplayChatCompletionClient(list(texts))


async def show(stream) -> None:
    async for item in stream:
        if hasattr(item, "stop_reason"):
            print(type(item).__name__, item.stop_reason, len(item.messages))
        else:
            print(type(item).__name__, item.source, item.content)


async def main() -> None:
    inner = RoundRobinGroupChat(
        [
            AssistantAgent("writer", replies(f"A story. {CANARY}", "Another story.")),
            AssistantAgent("editor", replies("APPROVE", "APPROVE")),
        ],
        termination_condition=TextMentionTermination("APPROVE"),
    )
    society = SocietyOfMindAgent("society_of_mind", team=inner, model_client=replies("The story.", "The other story."))
    team = RoundRobinGroupChat([society, AssistantAgent("translator", replies("La historia."))], max_turns=2)
    await show(team.run_stream(task=f"Write a short story with a surprising ending. {CANARY}"))
    print((await society.run(task="Another.")).messages[-1].content)

    state = await society.save_state()
    print(sorted(state), sorted(state["inner_team_state"]["agent_states"]))
    await society.load_state(state)
    try:
        await society.run(task="Once more.")
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main())
