"""Wrong on purpose: a model client and an agent for each request."""

from __future__ import annotations

from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI
from worker_facts import worker_facts

app = FastAPI()
built = 0


@app.get("/health")
async def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/ask")
async def ask(q: str) -> dict[str, Any]:
    global built
    built += 1
    model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    agent = AssistantAgent("assistant", model_client=model_client)
    result = await agent.run(task=q)
    await model_client.close()
    return {**worker_facts(), "built": built, "reply": result.messages[-1].to_text()}
