"""Managing state: an agent and a team saved to JSON and loaded into new objects."""

import asyncio
import json
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


def without_ids(state: Any) -> Any:
    """The state without what AutoGen makes anew on each run."""
    if isinstance(state, dict):
        return {key: without_ids(value) for key, value in state.items() if key not in ("id", "created_at")}
    if isinstance(state, list):
        return [without_ids(value) for value in state]
    return state


def through_json(state: Any) -> Any:
    return json.loads(json.dumps(state, default=str))


def show(state: Any) -> None:
    print(json.dumps(without_ids(state), indent=1, sort_keys=True))


def new_agent(*replies: str) -> AssistantAgent:
    return AssistantAgent("assistant_agent", ReplayChatCompletionClient(list(replies)), system_message="Be helpful.")


def new_team(*replies: str) -> RoundRobinGroupChat:
    return RoundRobinGroupChat([new_agent(*replies)], termination_condition=MaxMessageTermination(max_messages=2))


async def main() -> None:
    agent = new_agent(f"In Tanganyika's depths, so wide. {CANARY}")
    poem = TextMessage(content=f"Write a 3 line poem on lake tangayika. {CANARY}", source="user")
    response = await agent.on_messages([poem], CancellationToken())
    print(response.chat_message.content)
    state = await agent.save_state()
    show(state)

    agent = new_agent("The last line was: so wide.")
    await agent.load_state(through_json(state))
    question = TextMessage(content="What was the last line of the previous poem?", source="user")
    response = await agent.on_messages([question], CancellationToken())
    print(response.chat_message.content, response.chat_message.models_usage)
    await agent.on_reset(CancellationToken())
    show(await agent.save_state())

    team = new_team("A poem about the lake.")
    await team.run(task=f"Write a beautiful poem 3-line about lake tangayika. {CANARY}")
    state = await team.save_state()
    show(state)

    team = new_team("It said: the lake.")
    await team.load_state(through_json(state))
    result = await team.run(task="What was the last line of the poem you wrote?")
    print([(message.source, message.content, message.models_usage) for message in result.messages], result.stop_reason)

    for broken in ({"agent_states": {}}, {"type": "Nonsense", "agent_states": 3}):
        try:
            await team.load_state(broken)
        except ValueError as error:
            print(type(error).__name__, str(error).splitlines()[0])


if __name__ == "__main__":
    asyncio.run(main())
