"""Selector group chat: the model, then a function, selects the next of several arithmetic agents."""

import asyncio
from collections.abc import Callable, Sequence

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import SelectorGroupChat
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class ArithmeticAgent(BaseChatAgent):
    def __init__(self, name: str, description: str, operator_func: Callable[[int], int]) -> None:
        super().__init__(name, description=description)
        self._operator_func = operator_func
        self._message_history: list = []

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages: Sequence, cancellation_token: CancellationToken) -> Response:
        self._message_history.extend(messages)
        number = int(self._message_history[-1].content)
        message = TextMessage(content=str(self._operator_func(number)), source=self.name)
        self._message_history.append(message)
        return Response(chat_message=message)

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        self._message_history.clear()


def agents() -> list[ArithmeticAgent]:
    return [
        ArithmeticAgent("add_agent", "Adds 1 to the number.", lambda x: x + 1),
        ArithmeticAgent("multiply_agent", "Multiplies the number by 2.", lambda x: x * 2),
        ArithmeticAgent("identity_agent", "Returns the number as is.", lambda x: x),
    ]


async def show(team: SelectorGroupChat) -> None:
    task = [
        TextMessage(content=f"Turn the given number into 25. {CANARY}", source="user"),
        TextMessage(content="10", source="user"),
    ]
    result = await team.run(task=task)
    print([(message.source, message.content) for message in result.messages], result.stop_reason)


async def main() -> None:
    model_client = ReplayChatCompletionClient(["multiply_agent", "nobody at all", "add_agent", "add_agent"])
    await show(
        SelectorGroupChat(
            agents(),
            model_client=model_client,
            termination_condition=MaxMessageTermination(5),
            allow_repeated_speaker=True,
            selector_prompt="Roles: {roles}. Jobs: {participants}. History: {history}. Return only the role name.",
        )
    )
    print(model_client.total_usage())

    def selector_func(messages: Sequence) -> str:
        return "add_agent" if messages[-1].source == "multiply_agent" else "multiply_agent"

    await show(
        SelectorGroupChat(
            agents(),
            model_client=ReplayChatCompletionClient([]),
            termination_condition=MaxMessageTermination(6),
            selector_func=selector_func,
        )
    )

    try:
        SelectorGroupChat(agents()[:1], model_client=model_client)
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
