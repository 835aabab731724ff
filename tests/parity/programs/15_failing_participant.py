"""Errors of a team: a participant that fails or answers nothing, a model and a selector without a reply."""

import asyncio
import os
import re
import traceback

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat, SelectorGroupChat
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Broken(BaseChatAgent):
    def __init__(self, name: str, error: BaseException | None) -> None:
        super().__init__(name, "Fails.")
        self._error = error

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        if self._error is None:
            return None
        raise self._error from LookupError("the reason")

    async def on_reset(self, cancellation_token) -> None:
        pass


def frames(text: str) -> list[str]:
    """Each `File "…", line N, in name` of a traceback in a text, without directories."""
    return [
        f"{os.path.basename(name)}:{line} {function}"
        for name, line, function in re.findall(r'File "([^"]+)", line (\d+), in (\S+)', text)
    ]


async def show(title: str, awaitable) -> None:
    try:
        result = await awaitable
        print(title, "->", [(message.source, message.content) for message in result.messages], result.stop_reason)
    except Exception as error:
        lines = str(error).splitlines()
        print(title, "->", type(error).__name__, lines[0] if lines else "")
        print("  in the text:", frames(str(error)))
        print("  traceback:", frames("".join(traceback.format_tb(error.__traceback__))))
        print("  cause:", repr(error.__cause__), "context:", repr(error.__context__))


async def main() -> None:
    task = f"Fail, please. {CANARY}"
    good = AssistantAgent("good", ReplayChatCompletionClient([f"fine {CANARY}"] * 9))

    await show("agent", Broken("broken", ValueError("no luck")).run(task=task))
    await show("agent without a reply", AssistantAgent("mute", ReplayChatCompletionClient([])).run(task=task))
    await show("agent without an answer", Broken("broken", None).run(task=task))
    await show("empty task", good.run(task=[]))
    await show("wrong task", good.run(task=["not a message"]))

    await show("team", RoundRobinGroupChat([good, Broken("broken", ValueError("no luck"))]).run(task=task))
    await show("team without an answer", RoundRobinGroupChat([Broken("broken", None)]).run(task=task))
    await show("model", RoundRobinGroupChat([AssistantAgent("mute", ReplayChatCompletionClient([]))]).run(task=task))
    await show(
        "selector", SelectorGroupChat([good, Broken("b", OSError())], ReplayChatCompletionClient([])).run(task=task)
    )

    team = RoundRobinGroupChat([good, Broken("broken", ZeroDivisionError("by zero"))], max_turns=2)
    seen = []
    try:
        async for item in team.run_stream(task=task):
            seen.append(type(item).__name__)
    except Exception as error:
        print(seen, type(error).__name__, str(error).splitlines()[0])
    await team.reset()
    await show("after reset", team.run(task=task))


if __name__ == "__main__":
    asyncio.run(main())
