"""A Celery worker whose master builds a client as it imports the app, and whose tasks build their own."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from celery import Celery
from worker_facts import worker_facts

app = Celery("celery_app", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
app.conf.broker_connection_retry_on_startup = True
# Without it one child would fetch the tasks of all.
app.conf.worker_prefetch_multiplier = 1

masters_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
built = 0


@app.task(name="ask")
def ask(question: str) -> dict[str, Any]:
    reply = asyncio.run(answer(question))
    return {**worker_facts(), "built": built, "reply": reply}


@app.task(name="fail")
def fail(question: str) -> None:
    asyncio.run(answer(question))
    raise LookupError("the task's")


async def answer(question: str) -> str:
    global built
    built += 1
    model_client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    agent = AssistantAgent("assistant", model_client=model_client)
    result = await agent.run(task=question)
    await model_client.close()
    return result.messages[-1].to_text()
