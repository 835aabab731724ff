"""Swarm: agents hand over to each other and to the user, who resumes the team with a handoff message."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import HandoffTermination, TextMentionTermination
from autogen_agentchat.messages import HandoffMessage
from autogen_agentchat.teams import Swarm
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


def call(call_id: str, name: str, arguments: str = "{}") -> CreateResult:
    return CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id=call_id, name=name, arguments=arguments)],
        usage=RequestUsage(prompt_tokens=5, completion_tokens=3),
        cached=False,
    )


async def refund_flight(flight_id: str) -> str:
    """Refund a flight"""
    return f"Flight {flight_id} refunded"


async def run(team: Swarm, task) -> None:
    result = await team.run(task=task)
    for message in result.messages:
        print(type(message).__name__, message.source, message.content, getattr(message, "target", None))
    print(result.stop_reason)


async def main() -> None:
    model_client = ReplayChatCompletionClient(
        [
            call("call_1", "transfer_to_flights_refunder"),
            call("call_2", "transfer_to_user"),
            call("call_3", "refund_flight", f'{{"flight_id": "{CANARY}"}}'),
            call("call_4", "transfer_to_travel_agent"),
            "Your refund is done. TERMINATE",
        ],
        model_info=MODEL_INFO,
    )
    travel_agent = AssistantAgent("travel_agent", model_client, handoffs=["flights_refunder", "user"])
    flights_refunder = AssistantAgent(
        "flights_refunder", model_client, handoffs=["travel_agent", "user"], tools=[refund_flight]
    )
    termination = HandoffTermination(target="user") | TextMentionTermination("TERMINATE")
    team = Swarm([travel_agent, flights_refunder], termination_condition=termination)

    await run(team, f"I need to refund my flight. {CANARY}")
    await run(team, HandoffMessage(source="user", target="flights_refunder", content=f"507811 {CANARY}"))

    try:
        lost = Swarm([AssistantAgent("lost", model_client, handoffs=["nowhere"])], max_turns=1)
        await lost.run(task=HandoffMessage(source="user", target="nowhere", content="Hello"))
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
