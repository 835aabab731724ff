"""Exceptions that are not errors: an exit code out of an agent, an interrupt out of a tool."""

import asyncio
import sys

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_core.tools import BaseTool
from pydantic import BaseModel

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Args(BaseModel):
    text: str


class Interrupted(BaseTool[Args, Args]):
    def __init__(self) -> None:
        super().__init__(Args, Args, "interrupted", "Is interrupted.")

    async def run(self, args: Args, cancellation_token: CancellationToken) -> Args:
        raise KeyboardInterrupt(args.text[:6])


class Leaving(BaseChatAgent):
    def __init__(self) -> None:
        super().__init__("leaving", "Exits.")

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        try:
            await asyncio.sleep(0)
            sys.exit(3)
        finally:
            print("leaving", len(messages))

    async def on_reset(self, cancellation_token) -> None:
        pass


async def interrupt() -> None:
    try:
        await Interrupted().run_json({"text": CANARY}, CancellationToken())
    finally:
        print("interrupted")


async def main() -> None:
    try:
        async for item in Leaving().run_stream(task=f"Leave. {CANARY}"):
            print(type(item).__name__)
    finally:
        print("left")


if __name__ == "__main__":
    try:
        asyncio.run(interrupt())
    except KeyboardInterrupt as error:
        print(type(error).__name__, error)
    asyncio.run(main())
