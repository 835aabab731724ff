"""Human in the loop: sync and async input functions, a handoff, a failing and a cancelled input."""

import asyncio

from autogen_agentchat.agents import AssistantAgent, UserProxyAgent
from autogen_agentchat.conditions import TextMentionTermination
from autogen_agentchat.messages import HandoffMessage, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_agentchat.ui import Console
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
ASKED: list[tuple] = []  # Sync input functions run in a thread: what they see is printed later, in order.


def typed(prompt: str) -> str:
    ASKED.append((prompt,))
    return f"APPROVE {CANARY}"


async def typed_async(prompt: str, cancellation_token: CancellationToken | None = None) -> str:
    request_id = UserProxyAgent.InputRequestContext.request_id()
    ASKED.append((prompt, type(cancellation_token).__name__, len(request_id)))
    return "Please shorten it."


def closed(prompt: str) -> str:
    raise EOFError("EOF when reading a line")


async def main() -> None:
    assistant = AssistantAgent("assistant", ReplayChatCompletionClient(["A long poem.", "A poem."]))
    team = RoundRobinGroupChat(
        [assistant, UserProxyAgent("editor", input_func=typed_async), UserProxyAgent("user_proxy", input_func=typed)],
        termination_condition=TextMentionTermination("APPROVE"),
    )
    result = await Console(team.run_stream(task=f"Write a 4-line poem about the ocean. {CANARY}"))
    print(result.stop_reason, [message.source for message in result.messages])
    print(ASKED)

    proxy = UserProxyAgent("user_proxy", input_func=typed)
    handoff = HandoffMessage(content="Over to you.", source="assistant", target="user_proxy")
    response = await proxy.on_messages([handoff], CancellationToken())
    print(type(response.chat_message).__name__, response.chat_message.target, response.chat_message.content)
    print(ASKED[-1])

    question = [TextMessage(content="What is your name?", source="user")]
    try:
        await UserProxyAgent("user_proxy", input_func=closed).on_messages(question, CancellationToken())
    except RuntimeError as error:
        print(type(error).__name__, error, "<-", type(error.__cause__).__name__, error.__cause__)

    async def forever(prompt: str, cancellation_token: CancellationToken | None = None) -> str:
        future = asyncio.get_running_loop().create_future()
        cancellation_token.link_future(future)
        asyncio.get_running_loop().call_soon(cancellation_token.cancel)
        return await future

    try:
        await UserProxyAgent("user_proxy", input_func=forever).on_messages(question, CancellationToken())
    except asyncio.CancelledError as error:
        print(type(error).__name__, error.args)


if __name__ == "__main__":
    asyncio.run(main())
