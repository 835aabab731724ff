"""AutoGen behind Flask, whose views are synchronous; see README.md beside this file."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_core.models import ChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from flask import Flask, request

MODEL = "gpt-4o-mini"

app = Flask(__name__)


class Agents:
    """One event loop for each worker, in a thread of its own, and one model client on it.

    A client's connections belong to the loop that has opened them: with a loop for each request, which is what
    ``asyncio.run`` makes, a shared client fails with "Event loop is closed".
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="agents", daemon=True).start()
        self.model_client = OpenAIChatCompletionClient(model=MODEL)

    def run(self, work: Coroutine[Any, Any, str]) -> str:
        """Wait, in a view, for what runs on the loop. It stays part of the view's request and trace."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


def start() -> None:
    """Called by gunicorn.conf.py in each worker: after the fork, with --preload too, and before the first request."""
    app.extensions["agents"] = Agents()


async def ask(question: str, model_client: ChatCompletionClient) -> str:
    # An agent remembers its conversation: one for each request, which costs next to nothing.
    agent = AssistantAgent("assistant", model_client=model_client)
    return (await agent.run(task=question)).messages[-1].to_text()


@app.get("/shared-client")
def shared_client() -> dict[str, Any]:
    # Right.
    agents: Agents = app.extensions["agents"]
    return {"reply": agents.run(ask(request.args["q"], agents.model_client)), "pid": os.getpid()}


@app.get("/per-request")
def per_request() -> dict[str, Any]:
    # Wrong: some 50 ms of TLS context, and a new connection, for each request.
    async def work() -> str:
        model_client = OpenAIChatCompletionClient(model=MODEL)
        try:
            return await ask(request.args["q"], model_client)
        finally:
            await model_client.close()

    return {"reply": asyncio.run(work()), "pid": os.getpid()}


@app.get("/health")
def health() -> dict[str, int]:
    return {"pid": os.getpid()}
