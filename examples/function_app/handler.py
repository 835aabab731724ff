"""AutoGen in a function that a platform calls: AWS Lambda, Azure Functions, …; see README.md beside this file."""

from __future__ import annotations

import asyncio
from typing import Any

import autogen_vitals

# First: what is imported next is part of the cold start.
autogen_vitals.enable()

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

# The platform calls one invocation after the other in a process, and imports this module once: one loop and one client
# for all of them.
loop = asyncio.new_event_loop()
model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")


async def ask(question: str) -> str:
    # An agent remembers its conversation, and the next invocation is somebody else's.
    agent = AssistantAgent("assistant", model_client=model_client)
    return (await agent.run(task=question)).messages[-1].to_text()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        with autogen_vitals.request("ask"):
            return {"reply": loop.run_until_complete(ask(event["question"]))}
    finally:
        # From here to the next invocation, which may never come, the process is frozen: no thread of it exports.
        autogen_vitals.flush(timeout=2)
