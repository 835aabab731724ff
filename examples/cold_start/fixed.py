"""The same service, put right: what is expensive is there before the first request; see README.md beside this file."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any, TypeVar

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_core import CancellationToken
from autogen_core.models import ChatCompletionClient
from autogen_core.tools import BaseTool, FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import Depends, FastAPI, Request
from pydantic import BaseModel
from store import Store

import autogen_vitals

MODEL = "gpt-4o-mini"
T = TypeVar("T")

did: Counter[str] = Counter()
"""What this process has built and run, by its own count."""


def built(component: T) -> T:
    did[type(component).__name__] += 1
    return component


class Product(BaseModel):
    name: str


class PriceList(BaseTool[Product, str]):
    def __init__(self) -> None:
        super().__init__(Product, str, "price", "Tell what a product costs.")
        time.sleep(0.05)

    async def run(self, args: Product, cancellation_token: CancellationToken) -> str:
        # Right: what cannot be awaited waits in a thread.
        await asyncio.to_thread(time.sleep, 0.6)
        return f"{args.name} costs 3"


class Support:
    """What is expensive and keeps nothing about a conversation, and agents that share it."""

    def __init__(self, client: ChatCompletionClient, search: FunctionTool, prices: PriceList) -> None:
        self._client = client
        self._search = search
        self._prices = prices

    # Right: an agent keeps the conversation, so each request has its own. It costs far less than a millisecond.
    def agent(self) -> AssistantAgent:
        return built(AssistantAgent("support", self._client, tools=[self._search]))

    def price_agent(self) -> AssistantAgent:
        return built(AssistantAgent("prices", self._client, tools=[self._prices]))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Right: once for each worker, after any fork, on the loop that will serve, and before the server says it is ready.
    store = await Store.connect()

    async def search(query: str) -> str:
        """Search what customers have asked before."""
        return await store.search(query)

    client = built(OpenAIChatCompletionClient(model=MODEL))
    tools = built(FunctionTool(search, description="Search what customers have asked before.")), built(PriceList())
    await autogen_vitals.warm_up(client, *tools)
    app.state.support = Support(client, *tools)
    yield
    await client.close()
    await store.close()


app = FastAPI(title="A cold start, fixed", lifespan=lifespan)


def of_this_worker(request: Request) -> Support:
    return request.app.state.support


Shared = Annotated[Support, Depends(of_this_worker)]


@app.get("/prices")
async def prices(q: str, support: Shared) -> dict[str, Any]:
    return answer(await support.price_agent().run(task=q))


@app.get("/ask")
async def ask(q: str, support: Shared) -> dict[str, Any]:
    return answer(await support.agent().run(task=q))


class Turn(BaseModel):
    q: str
    state: Mapping[str, Any] | None = None


@app.post("/chat")
async def chat(turn: Turn, support: Shared) -> dict[str, Any]:
    # Right: a conversation that goes on is an agent that is built again with its state. Whoever asks brings it along
    # here, so that any worker can go on with it; a database would do as well.
    agent = support.agent()
    if turn.state is not None:
        await agent.load_state(turn.state)
    result = await agent.run(task=turn.q)
    return {**answer(result), "state": await agent.save_state()}


@app.get("/health")
async def health() -> dict[str, Any]:
    return {"pid": os.getpid(), "did": dict(did)}


def answer(result: TaskResult) -> dict[str, Any]:
    did["runs"] += 1
    return {"reply": result.messages[-1].to_text(), "pid": os.getpid(), "did": dict(did)}
