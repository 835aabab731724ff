"""Client and agent built when the module is imported: under gunicorn's --preload, in the master."""

from __future__ import annotations

import os
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI
from opentelemetry import metrics
from worker_facts import worker_facts

imported_in = os.getpid()
shared_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
shared_agent = AssistantAgent("shared", model_client=shared_client)

if "FLUSH_AT_IMPORT" in os.environ:
    # A metric reader may come by at any time, so also before the master has forked its first worker.
    metrics.get_meter_provider().force_flush()

app = FastAPI()
built = 0


@app.get("/health")
async def health() -> dict[str, Any]:
    return {**worker_facts(), "imported_in": imported_in}


@app.get("/ask")
async def ask(q: str) -> dict[str, Any]:
    result = await shared_agent.run(task=q)
    return {**worker_facts(), "built": built, "imported_in": imported_in, "reply": result.messages[-1].to_text()}


@app.get("/rebuild")
async def rebuild(q: str) -> dict[str, Any]:
    global built
    built += 1
    model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    agent = AssistantAgent("rebuilt", model_client=model_client)
    result = await agent.run(task=q)
    await model_client.close()
    return {**worker_facts(), "built": built, "imported_in": imported_in, "reply": result.messages[-1].to_text()}
