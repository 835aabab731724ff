"""Quick start: one agent with a tool, streamed to the console, then run to a result."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.ui import Console
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


async def get_weather(city: str) -> str:
    """Get the weather for a given city."""
    return f"The weather in {city} is 73 degrees and Sunny."


def call(city: str) -> CreateResult:
    return CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="call_1", name="get_weather", arguments=f'{{"city": "{city}"}}')],
        usage=RequestUsage(prompt_tokens=11, completion_tokens=7),
        cached=False,
    )


async def main() -> None:
    model_client = ReplayChatCompletionClient(
        [call(f"New York {CANARY}"), "It is sunny in New York.", call("Paris"), "It is sunny in Paris too."],
        model_info=MODEL_INFO,
    )
    agent = AssistantAgent(
        name="weather_agent",
        model_client=model_client,
        tools=[get_weather],
        system_message="You are a helpful assistant.",
        reflect_on_tool_use=True,
    )

    result = await Console(agent.run_stream(task=f"What is the weather in New York? {CANARY}"))
    print(type(result).__name__, result.stop_reason, [type(message).__name__ for message in result.messages])

    result = await agent.run(task="And in Paris?")
    for message in result.messages:
        print(type(message).__name__, message.source, message.content, message.models_usage)
    print(model_client.total_usage(), model_client.remaining_tokens([]))

    try:
        await agent.run(task="And in Rome?")
    except ValueError as error:
        print(type(error).__name__, error)
    await model_client.close()


if __name__ == "__main__":
    asyncio.run(main())
