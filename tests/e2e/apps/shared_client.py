"""Right: one client for each worker, built on its own event loop, and an agent for each request."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI
from worker_facts import worker_facts


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    yield
    await app.state.model_client.close()


app = FastAPI(lifespan=lifespan)


@app.get("/health")
async def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/ask")
async def ask(q: str) -> dict[str, Any]:
    agent = AssistantAgent("assistant", model_client=app.state.model_client)
    result = await agent.run(task=q)
    return {**worker_facts(), "built": 1, "reply": result.messages[-1].to_text()}


@app.get("/finder")
async def finder() -> dict[str, Any]:
    return {**worker_facts(), "installed": any(type(it).__name__ == "ImportFinder" for it in sys.meta_path)}
