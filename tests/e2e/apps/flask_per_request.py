"""Wrong on purpose: a model client and an agent for each request, in a sync view."""

from __future__ import annotations

import asyncio
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from flask import Flask, request
from worker_facts import worker_facts

app = Flask(__name__)
built = 0


@app.get("/health")
def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/ask")
def ask() -> dict[str, Any]:
    reply = asyncio.run(answer(request.args["q"]))
    return {**worker_facts(), "built": built, "reply": reply}


async def answer(question: str) -> str:
    global built
    built += 1
    model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    agent = AssistantAgent("assistant", model_client=model_client)
    result = await agent.run(task=question)
    await model_client.close()
    return result.messages[-1].to_text()
