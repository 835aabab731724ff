"""Classic AutoGen behind Flask: agents that the import builds, agents of each request, a group chat of each request."""

from __future__ import annotations

import os
from typing import Any

import classic_agents as agents
from flask import Flask, request

app = Flask(__name__)

if os.environ.get("AGENTS") == "global":
    assistant, user = agents.build_assistant(), agents.build_user()


@app.get("/health")
def health() -> dict[str, Any]:
    return agents.worker_facts()


@app.get("/global")
def of_all_requests() -> dict[str, Any]:
    return agents.answered(agents.chat(request.args["q"], user, assistant))


@app.get("/ask")
def of_this_request() -> dict[str, Any]:
    return agents.answered(agents.chat(request.args["q"], agents.build_user(), agents.build_assistant()))


@app.get("/group")
def group() -> dict[str, Any]:
    return agents.answered(agents.group_chat(request.args["q"]))
