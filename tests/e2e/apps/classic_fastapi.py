"""Classic AutoGen behind FastAPI: asynchronous chats, and those that AG2 runs in a thread of its own."""

from __future__ import annotations

from typing import Any

import classic_agents as agents
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
async def health() -> dict[str, Any]:
    return agents.worker_facts()


@app.get("/ask")
async def ask(q: str) -> dict[str, Any]:
    user, assistant = agents.build_user(), agents.build_assistant()
    result = await user.a_initiate_chat(assistant, message=q, max_turns=1, silent=True)
    return agents.answered(result.summary)


@app.get("/thread")
def in_a_thread(q: str) -> dict[str, Any]:
    response = agents.build_user().run(agents.build_assistant(), message=q, max_turns=1)
    response.process()
    return agents.answered(response.summary)
