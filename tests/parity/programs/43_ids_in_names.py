"""Names made for one session: ids in the names of agents, teams, tools and topics."""

import asyncio
import uuid
from dataclasses import dataclass

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import (
    AgentId,
    CancellationToken,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    message_handler,
)
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
SESSION = uuid.uuid5(uuid.NAMESPACE_DNS, "a.session")


@dataclass
class Message:
    content: str


class Echo(RoutedAgent):
    @message_handler
    async def on_message(self, message: Message, ctx: MessageContext) -> Message:
        return Message(f"{self.id.type[:5]} {message.content}")


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


async def main() -> None:
    hexadecimal = AssistantAgent(f"assistant_{SESSION.hex}", ReplayChatCompletionClient([f"one {CANARY}", "two"]))
    underscores = AssistantAgent(
        "assistant_" + str(SESSION).replace("-", "_"), ReplayChatCompletionClient([f"three {CANARY}"])
    )
    print((await hexadecimal.run(task=CANARY)).messages[-1].content)
    team = RoundRobinGroupChat([hexadecimal, underscores], max_turns=2)
    print([message.content for message in (await team.run(task=CANARY)).messages])

    for name in (f"add-{SESSION}", f"add_{SESSION.hex}"):
        tool = FunctionTool(add, name=name, description="Adds.")
        print(await tool.run_json({"a": 20, "b": 22}, CancellationToken()))

    runtime = SingleThreadedAgentRuntime()
    agent_type = f"echo_{SESSION.hex}"
    await Echo.register(runtime, agent_type, lambda: Echo("Echoes."))
    await runtime.add_subscription(TypeSubscription(f"topic-{SESSION}", agent_type))
    runtime.start()
    print(await runtime.send_message(Message(CANARY), AgentId(agent_type, str(SESSION))))
    await runtime.publish_message(Message(CANARY), TopicId(f"topic-{SESSION}", str(SESSION)))
    await runtime.stop_when_idle()


if __name__ == "__main__":
    asyncio.run(main())
