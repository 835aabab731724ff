"""Quart, whose start-up reads what is not there."""

from __future__ import annotations

import autogen_agentchat.agents as agents
from quart import Quart

app = Quart(__name__)


@app.before_serving
async def start() -> None:
    raise KeyError("OPENAI_API_KEY", agents.AssistantAgent.__name__)
