"""What the apps of every framework answer: two runs in each request, of which one may come while the body is sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient
from worker_facts import worker_facts

built = runs = 0


async def answer() -> None:
    """Build a client and an agent, and run it."""
    global built, runs
    built += 1
    agent = AssistantAgent("assistant", ReplayChatCompletionClient(["a reply"]))
    runs += 1
    await agent.run(task="hello")


def facts() -> dict[str, Any]:
    """What this process has done so far."""
    return {**worker_facts(), "built": built, "runs": runs}


async def ask() -> dict[str, Any]:
    await answer()
    await answer()
    return facts()


async def fail() -> None:
    await answer()
    await answer()
    raise LookupError("the app's")


async def stream() -> AsyncIterator[bytes]:
    """The second run comes when the body has begun."""
    yield b" "
    await answer()
    yield json.dumps(facts()).encode()


def ask_sync() -> dict[str, Any]:
    return asyncio.run(ask())


def fail_sync() -> None:
    asyncio.run(fail())


def stream_sync() -> Iterator[bytes]:
    yield b" "
    asyncio.run(answer())
    yield json.dumps(facts()).encode()
