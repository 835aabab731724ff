"""Messages: structured output, a user's own message types, images, and the ways to give a task."""

import asyncio
import base64
from typing import Literal

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import BaseTextChatMessage, MultiModalMessage, StructuredMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console
from autogen_core import Image
from autogen_core.models import ModelInfo
from autogen_ext.models.replay import ReplayChatCompletionClient
from pydantic import BaseModel

MINIMUM = (0, 5, 7)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=True, function_calling=True, json_output=True, family="unknown", structured_output=True)
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class AgentResponse(BaseModel):
    thoughts: str
    response: Literal["happy", "sad", "neutral"]


class Note(BaseTextChatMessage):
    urgent: bool = False


class Notary(BaseChatAgent):
    def __init__(self) -> None:
        super().__init__("notary", "Writes notes.")

    @property
    def produced_message_types(self):
        return (Note,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        return Response(chat_message=Note(content=f"noted {len(messages)}", source=self.name, urgent=True))

    async def on_reset(self, cancellation_token) -> None:
        pass


async def main() -> None:
    answer = AgentResponse(thoughts=f"The user is happy. {CANARY}", response="happy").model_dump_json()
    client = ReplayChatCompletionClient([answer, "not the schema", "I see."], MODEL_INFO)
    agent = AssistantAgent("assistant", client, output_content_type=AgentResponse)
    result = await Console(agent.run_stream(task=f"I am happy. {CANARY}"))
    message = result.messages[-1]
    print(type(message).__name__, isinstance(message, StructuredMessage), message.content)
    try:
        await agent.run(task="And now?")
    except Exception as error:
        print(type(error).__name__, str(error).splitlines()[0])

    image = Image.from_base64(PIXEL)
    picture = MultiModalMessage(content=[f"What is it? {CANARY}", image], source="user")
    viewer = AssistantAgent("viewer", client)
    result = await viewer.run(task=picture)
    print([type(message).__name__ for message in result.messages], result.messages[-1].content)
    print(len(base64.b64decode(PIXEL)), image.image.size)

    result = await Notary().run(
        task=[TextMessage(content="one", source="user"), TextMessage(content="two", source="x")]
    )
    print([(type(message).__name__, message.content) for message in result.messages], result.messages[-1].urgent)
    result = await Notary().run()
    print([(type(message).__name__, message.content) for message in result.messages])

    team = RoundRobinGroupChat([Notary()], max_turns=1, custom_message_types=[Note])
    result = await team.run(task=Note(content=f"Start. {CANARY}", source="user"))
    print([(type(message).__name__, message.content, message.urgent) for message in result.messages])


if __name__ == "__main__":
    asyncio.run(main())
