"""A service that loses the same time in each place where a cold start can lose it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import planted_library  # noqa: F401 - for what it costs
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI
from planting import plant, planted
from worker_facts import worker_facts


class SlowAgent(AssistantAgent):
    """An agent that is expensive to build."""

    def __init__(self, place: str, **arguments: Any) -> None:
        super().__init__("assistant", **arguments)
        plant(place)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    SlowAgent("init", model_client=app.state.model_client)
    plant("lifespan")
    yield
    await app.state.model_client.close()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/ask")
async def ask(q: str) -> dict[str, Any]:
    agent = SlowAgent("request_init", model_client=app.state.model_client, tools=[look_up])
    await agent.run(task=f"{q}: use the tool")
    return {**worker_facts(), "planted": planted}


async def look_up(word: str) -> str:
    """Look a word up; the first time takes longer."""
    plant("tool")
    return word
