"""The service: an agent for each request, one client for each worker; what a healthy AutoGen service looks like.

A request is two calls of the model, for the agent has a tool called and says what has come of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI

from load.pulse import beat


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """A client, and the pulse, for as long as the worker serves."""
    app.state.model_client = OpenAIChatCompletionClient(model="gpt-4o-mini-2024-07-18")
    beating = asyncio.create_task(beat(Path(os.environ["LOAD_PULSE"])))
    yield
    beating.cancel()
    await app.state.model_client.close()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, int]:
    """Which worker this is."""
    return {"pid": os.getpid()}


@app.get("/ask")
async def ask(q: str) -> dict[str, str]:
    """What the agent says."""
    agent = AssistantAgent("assistant", app.state.model_client, tools=[opening_hours], reflect_on_tool_use=True)
    result = await agent.run(task=q)
    return {"reply": result.messages[-1].to_text()}


async def opening_hours(day: str) -> str:
    """Tell when the shop is open on a day of the week."""
    return f"On {day} the shop is open from 9 to 17."
