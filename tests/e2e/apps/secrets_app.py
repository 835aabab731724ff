"""An app full of secrets: each endpoint sends one where telemetry might pick it up. Answers say what happened."""

from __future__ import annotations

import os
from typing import Any

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_ext.models.openai import OpenAIChatCompletionClient
from fastapi import Body, FastAPI
from worker_facts import worker_facts

app = FastAPI()


class BrokenClient(OpenAIChatCompletionClient):
    """Fails to be built, with a message that quotes what it was given."""

    def __init__(self, key: str) -> None:
        raise ValueError(f"the key {key} is not valid")


def failing_tool(question: str) -> str:
    """A tool whose error quotes what it was asked."""
    raise RuntimeError(f"cannot answer {question} {os.environ['TOOL_CANARY']}")


@app.get("/health")
async def health() -> dict[str, Any]:
    return worker_facts()


@app.get("/query")
async def query(q: str) -> dict[str, Any]:
    return await _told(q)


@app.post("/prompt")
async def prompt(question: str = Body(embed=True)) -> dict[str, Any]:
    return await _told(question)


@app.post("/tool")
async def tool(question: str = Body(embed=True)) -> dict[str, Any]:
    return await _told(f"{question}: use the tool", failing_tool)


@app.post("/team")
async def team(question: str = Body(embed=True)) -> dict[str, Any]:
    client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    group = RoundRobinGroupChat([AssistantAgent("assistant", model_client=client)], max_turns=1)
    try:
        result = await group.run(task=question)
    except Exception as error:
        return {**worker_facts(), "failed": str(error)}
    return {**worker_facts(), "reply": result.messages[-1].to_text()}


@app.post("/broken-client")
async def broken_client() -> dict[str, Any]:
    try:
        BrokenClient(os.environ["OPENAI_API_KEY"])
    except ValueError as error:
        return {**worker_facts(), "failed": str(error)}
    return worker_facts()


@app.post("/crash")
async def crash(question: str = Body(embed=True)) -> None:
    key, token, password = (os.environ[name] for name in ("OPENAI_API_KEY", "TOKEN_CANARY", "PASSWORD_CANARY"))
    raise RuntimeError(
        f"cannot answer {question}: api_key={key}, Authorization: Bearer {token}, postgres://app:{password}@db/agents"
    )


@app.post("/think")
async def think(question: str = Body(embed=True)) -> dict[str, Any]:
    return await _told(question, base_url=os.environ["SLOW_MODEL_URL"])


async def _told(question: str, *tools: Any, **options: Any) -> dict[str, Any]:
    client = OpenAIChatCompletionClient(model="gpt-4o-mini", **options)
    agent = AssistantAgent("assistant", model_client=client, tools=list(tools))
    try:
        result = await agent.run(task=question)
    except Exception as error:
        return {**worker_facts(), "failed": str(error)}
    finally:
        await client.close()
    return {**worker_facts(), "reply": result.messages[-1].to_text()}
