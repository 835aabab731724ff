"""AutoGen in Celery tasks, which are synchronous; see README.md beside this file."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from celery import Celery
from celery.signals import worker_process_init, worker_process_shutdown

MODEL = "gpt-4o-mini"
REDIS = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

app = Celery("tasks", broker=REDIS, backend=REDIS)
app.conf.broker_connection_retry_on_startup = True


class Agents:
    """One event loop and one model client for each pool process, which works at one task at a time.

    A client's connections belong to the loop that has opened them: ``asyncio.run`` in each task would be another one.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self.model_client = OpenAIChatCompletionClient(model=MODEL)

    def ask(self, question: str) -> str:
        return self._loop.run_until_complete(ask(question, self.model_client))

    def close(self) -> None:
        self._loop.run_until_complete(self.model_client.close())
        self._loop.close()


async def ask(question: str, model_client: ChatCompletionClient) -> str:
    # An agent remembers its conversation: one for each task, which costs next to nothing.
    agent = AssistantAgent("assistant", model_client=model_client)
    return (await agent.run(task=question)).messages[-1].to_text()


agents: Agents


@worker_process_init.connect
def start(**_: Any) -> None:
    """In each pool process, after its fork: what the main process had opened would be everybody's."""
    global agents
    agents = Agents()


@worker_process_shutdown.connect
def stop(**_: Any) -> None:
    agents.close()


@app.task(name="shared-client")
def shared_client(question: str) -> dict[str, Any]:
    # Right.
    return {"reply": agents.ask(question), "pid": os.getpid()}


@app.task(name="per-task")
def per_task(question: str) -> dict[str, Any]:
    # Wrong: some 50 ms of TLS context, and a new connection, for each task.
    async def work() -> str:
        model_client = OpenAIChatCompletionClient(model=MODEL)
        try:
            return await ask(question, model_client)
        finally:
            await model_client.close()

    return {"reply": asyncio.run(work()), "pid": os.getpid()}
