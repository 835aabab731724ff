"""A support service that starts slowly, and stays slow, in most of the ways there are; see README.md beside this file.

Each line that is at fault ends with the rules that name it.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from typing import TypeVar

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import TaskResult
from autogen_core import CancellationToken
from autogen_core.tools import BaseTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import FastAPI
from pydantic import BaseModel
from store import Store

MODEL = "gpt-4o-mini"
T = TypeVar("T")

app = FastAPI(title="A cold start, broken")

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
        # Wrong: what a constructor fetches is fetched whenever somebody builds one.
        time.sleep(0.05)

    async def run(self, args: Product, cancellation_token: CancellationToken) -> str:
        # Wrong: a driver that does not await. Every other request of the worker stands still meanwhile.
        time.sleep(0.6)  # AG604
        return f"{args.name} costs 3"


store: Store | None = None


async def search(query: str) -> str:
    """Search what customers have asked before."""
    global store
    if store is None:
        # Wrong: whoever asks first waits for the connection and the log-in.
        store = await Store.connect()
    return await store.search(query)


# Wrong, though it is what one is often told to do about the route below: everything once, in the module, for all
# requests. The client may be shared, after the fork. The agent may not: it keeps the conversation, everybody's.
model_client = built(OpenAIChatCompletionClient(model=MODEL))  # AG201 AG202
support = built(AssistantAgent("support", model_client, tools=[search]))  # AG201 AG202 AG205 AG601


@app.get("/prices")
async def prices(q: str) -> dict[str, object]:
    # Wrong: only the agent belongs here. The client's TLS context and the tool's prices block the loop, each time.
    client = built(OpenAIChatCompletionClient(model=MODEL))  # AG101
    tool = built(PriceList())  # AG103
    agent = built(AssistantAgent("prices", client, tools=[tool]))  # AG102
    result = await agent.run(task=q)
    await client.close()
    return answer(result)


@app.get("/ask")
async def ask(q: str) -> dict[str, object]:
    # Wrong, for the first one: the SDK imports and builds at its first call what start-up could have.
    return answer(await support.run(task=q))  # AG106


@app.get("/ask-now")
async def ask_now(q: str) -> dict[str, object]:
    # Wrong: there is no such method, in no version of AutoGen, and on a running loop there cannot be.
    return answer(support.run_sync(task=q))  # AG605


@app.get("/health")
async def health() -> dict[str, object]:
    return {"pid": os.getpid(), "did": dict(did)}


def answer(result: TaskResult) -> dict[str, object]:
    did["runs"] += 1
    return {"reply": result.messages[-1].to_text(), "pid": os.getpid(), "did": dict(did)}
