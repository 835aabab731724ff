"""Cancelled runs: by token, by task, by timeout, before the first step and inside a tool."""

import asyncio

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import CreateResult
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class SlowClient(ReplayChatCompletionClient):
    """Says when a call has begun, then waits for ever."""

    def __init__(self) -> None:
        super().__init__(["never said"])
        self.begun = asyncio.Event()

    async def create(self, messages, *, cancellation_token=None, **kwargs) -> CreateResult:
        waiting = asyncio.ensure_future(asyncio.Event().wait())
        if cancellation_token is not None:
            cancellation_token.link_future(waiting)
        self.begun.set()
        try:
            await waiting
        except asyncio.CancelledError:
            print("model call cancelled")
            raise
        raise AssertionError("unreachable")

    async def create_stream(self, messages, *, cancellation_token=None, **kwargs):
        yield "first "
        yield await self.create(messages, cancellation_token=cancellation_token)


async def outcome(title: str, awaitable) -> None:
    try:
        result = await awaitable
        print(title, "->", type(result).__name__)
    except BaseException as error:
        print(title, "->", type(error).__name__, error.args)


async def main() -> None:
    task = f"Wait for ever. {CANARY}"

    client, token = SlowClient(), CancellationToken()
    run = asyncio.create_task(AssistantAgent("a", client).run(task=task, cancellation_token=token))
    await client.begun.wait()
    token.cancel()
    await outcome("agent, token", run)
    print(run.cancelled(), token.is_cancelled())

    client = SlowClient()
    run = asyncio.create_task(AssistantAgent("a", client).run(task=task))
    await client.begun.wait()
    run.cancel("by the caller")
    await outcome("agent, task", run)
    print(run.cancelled())

    await outcome("agent, timeout", asyncio.wait_for(AssistantAgent("a", SlowClient()).run(task=task), 0.05))

    run = asyncio.create_task(AssistantAgent("a", SlowClient()).run(task=task))
    run.cancel()
    await outcome("agent, before the first step", run)

    token = CancellationToken()
    token.cancel()
    await outcome(
        "agent, token already used", AssistantAgent("a", SlowClient()).run(task=task, cancellation_token=token)
    )

    async def collect(stream) -> list[str]:
        names = []
        try:
            async for item in stream:
                names.append(type(item).__name__)
        finally:
            print("seen", names)
        return names

    client = SlowClient()
    agent = AssistantAgent("a", client, model_client_stream=True)
    run = asyncio.create_task(collect(agent.run_stream(task=task)))
    await client.begun.wait()
    run.cancel()
    await outcome("agent stream, task", run)

    client, token = SlowClient(), CancellationToken()
    team = RoundRobinGroupChat([AssistantAgent("a", client)], max_turns=1)
    run = asyncio.create_task(collect(team.run_stream(task=task, cancellation_token=token)))
    await client.begun.wait()
    token.cancel()
    await outcome("team stream, token", run)

    client = SlowClient()
    team = RoundRobinGroupChat([AssistantAgent("a", client)], max_turns=1)
    token = CancellationToken()
    run = asyncio.create_task(team.run(task=task, cancellation_token=token))
    await client.begun.wait()
    asyncio.get_running_loop().call_later(0.05, token.cancel)
    run.cancel()
    await outcome("team, task", run)

    begun = asyncio.Event()

    async def wait_for_ever(cancellation_token: CancellationToken) -> str:
        """Waits."""
        begun.set()
        future = asyncio.get_running_loop().create_future()
        cancellation_token.link_future(future)
        return await future

    token = CancellationToken()
    tool = FunctionTool(wait_for_ever, description="Waits.")
    run = asyncio.create_task(tool.run_json({}, token))
    await begun.wait()
    token.cancel()
    await outcome("tool, token", run)


if __name__ == "__main__":
    asyncio.run(main())
