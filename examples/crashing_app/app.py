"""An AutoGen service with two mistakes that take it down only once it is deployed; see README.md beside this file."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI, Request

MODEL = "gpt-4o-mini"

# Wrong: read while the module is imported. Where it is missing no worker comes up, and the server starts another one,
# and another one. Read it where the client is built.
API_KEY = os.environ["OPENAI_API_KEY"]


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.model_client = OpenAIChatCompletionClient(model=MODEL, api_key=API_KEY)
    # Wrong: one team for all requests of a worker. It can do one run at a time, and it remembers what was said to it
    # by somebody else. Build it in the request: that costs a millisecond or two.
    app.state.team = RoundRobinGroupChat(
        [AssistantAgent("writer", model_client=app.state.model_client)],
        termination_condition=MaxMessageTermination(2),
    )
    yield
    await app.state.model_client.close()


app = FastAPI(title="AutoGen that crashes", lifespan=lifespan)


@app.get("/shared-team")
async def shared_team(q: str, request: Request) -> dict[str, str | int]:
    # Wrong for the reason above: whoever comes while another request is answered gets a 500.
    return answer(await request.app.state.team.run(task=q))


@app.get("/agent")
async def agent(q: str, request: Request) -> dict[str, str | int]:
    # Right, and yet it never answers if its worker is killed meanwhile: for want of memory, say, or by an operator.
    assistant = AssistantAgent("assistant", model_client=request.app.state.model_client)
    return answer(await assistant.run(task=q))


@app.get("/health")
async def health() -> dict[str, int]:
    return {"pid": os.getpid()}


def answer(result: TaskResult) -> dict[str, str | int]:
    return {"reply": result.messages[-1].to_text(), "pid": os.getpid()}
