"""One question, asked of AutoGen behind FastAPI in three ways; see README.md beside this file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core.models import ChatCompletionClient
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import Depends, FastAPI, Request

import autogen_vitals

MODEL = "gpt-4o-mini"


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Right: the client is expensive (its TLS context alone takes some 50 ms) and keeps nothing about a conversation.
    # One for each worker process, built on the worker's own event loop, after any fork. It reads OPENAI_API_KEY and
    # OPENAI_BASE_URL.
    app.state.model_client = OpenAIChatCompletionClient(model=MODEL)
    # Right: what else a first request would pay (lazy imports, the building of schemas, a connection) is paid here,
    # before the worker takes requests. The `if` is for the demo, which compares the two: yours does without.
    if os.environ.get("WARM_UP"):
        await autogen_vitals.warm_up(app.state.model_client, opening_hours)
    yield
    await app.state.model_client.close()


app = FastAPI(title="AutoGen behind FastAPI", lifespan=lifespan)


def shared_client(request: Request) -> ChatCompletionClient:
    return request.app.state.model_client


SharedClient = Annotated[ChatCompletionClient, Depends(shared_client)]


@app.get("/per-request")
async def per_request(q: str) -> dict[str, str | int]:
    # Wrong: a client for each request. Its constructor blocks the event loop, so every other request of this worker
    # waits too, and its connection pool is thrown away before it was ever reused.
    model_client = OpenAIChatCompletionClient(model=MODEL)
    agent = AssistantAgent("assistant", model_client=model_client)
    result = await agent.run(task=q)
    await model_client.close()
    return answer(result)


@app.get("/shared-client")
async def shared(q: str, model_client: SharedClient) -> dict[str, str | int]:
    # Right: an agent remembers its conversation, so each request gets its own. That costs far less than a millisecond.
    agent = AssistantAgent("assistant", model_client=model_client)
    return answer(await agent.run(task=q))


@app.get("/team")
async def team(q: str, model_client: SharedClient) -> dict[str, str | int]:
    # Right: a team holds the conversation of all its agents and can do one run at a time, so it is the request's own.
    # It shares the client like a single agent does.
    researcher = AssistantAgent("researcher", model_client=model_client, tools=[opening_hours])
    writer = AssistantAgent("writer", model_client=model_client, system_message="Write the answer in one sentence.")
    group = RoundRobinGroupChat([researcher, writer], termination_condition=MaxMessageTermination(3))
    return answer(await group.run(task=q))


@app.get("/health")
async def health() -> dict[str, int]:
    return {"pid": os.getpid()}


async def opening_hours(day: str) -> str:
    """Tell when the shop is open on a day of the week."""
    return f"On {day} the shop is open from 9 to 17."


def answer(result: TaskResult) -> dict[str, str | int]:
    return {"reply": result.messages[-1].to_text(), "pid": os.getpid()}
