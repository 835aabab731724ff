"""Memory and model context: a list memory is queried before inference, the context is bounded."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_core.memory import ListMemory, MemoryContent, MemoryMimeType
from autogen_core.model_context import BufferedChatCompletionContext, UnboundedChatCompletionContext
from autogen_core.models import UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Countdown(ListMemory):
    """A memory of the user's own, with state in it."""

    def __init__(self, name: str, left: int) -> None:
        super().__init__(name=name)
        self.left = left

    async def update_context(self, model_context):
        self.left -= 1
        if self.left < 0:
            raise LookupError("nothing left to remember")
        return await super().update_context(model_context)


async def main() -> None:
    memory = ListMemory(name="preferences")
    await memory.add(MemoryContent(content=f"User likes pizza. {CANARY}", mime_type=MemoryMimeType.TEXT))
    await memory.add(MemoryContent(content={"diet": "no cheese"}, mime_type=MemoryMimeType.JSON))
    print([(item.content, str(item.mime_type)) for item in (await memory.query("pizza")).results])

    context = UnboundedChatCompletionContext()
    await context.add_message(UserMessage(content="Dinner?", source="user"))
    updated = await memory.update_context(context)
    print(type(updated).__name__, len(updated.memories.results), len(await context.get_messages()))
    print((await context.get_messages())[-1].content)

    model_client = ReplayChatCompletionClient(["Pizza without cheese.", "Blue is great.", "You asked nothing."])
    agent = AssistantAgent(
        "assistant", model_client, memory=[memory], model_context=BufferedChatCompletionContext(buffer_size=2)
    )
    for task in (f"What is a good dinner idea? {CANARY}", "My favorite color is blue.", "Did I ask you any question?"):
        result = await agent.run(task=task)
        print([(type(message).__name__, message.source) for message in result.messages], result.messages[-1].content)
        print(len(model_client.create_calls[-1]["messages"]), model_client.actual_usage())

    config = memory.dump_component()
    restored = ListMemory.load_component(config)
    print(config.provider, restored.name, [item.content for item in restored.content])
    await memory.clear()
    print((await memory.query("pizza")).results)

    agent = AssistantAgent("assistant", ReplayChatCompletionClient(["One.", "Two."]), memory=[Countdown("short", 1)])
    print((await agent.run(task="First.")).messages[-1].content)
    try:
        await agent.run(task="Second.")
    except LookupError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
