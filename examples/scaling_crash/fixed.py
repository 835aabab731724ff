"""The same service, put right: a client for each worker, agents and a folder for each run; see README.md."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from typing import Any, TypeVar

from autogen import AssistantAgent, GroupChat, GroupChatManager, OpenAIWrapper, UserProxyAgent
from flask import Flask, request

T = TypeVar("T")

did: Counter[str] = Counter()
"""What this process has built and run, by its own count."""


def built(component: T) -> T:
    did[type(component).__name__] += 1
    return component


class Agents:
    """The model client of one worker, and agents that share it."""

    def __init__(self) -> None:
        # Right: the key is read when the worker starts, and only names and plain values are in the configuration.
        model = {
            "model": "gpt-4o-mini",
            "api_key": os.environ["OPENAI_API_KEY"],
            "base_url": os.environ.get("OPENAI_BASE_URL"),
            "price": [0, 0],
        }
        self._client = built(OpenAIWrapper(config_list=[model], cache_seed=None, timeout=10))

    # Right: each run has agents of its own. An agent that is given an llm_config builds a client of its own, which is
    # what takes long; these are given this worker's.
    def assistant(self, name: str) -> AssistantAgent:
        agent = built(AssistantAgent(name, llm_config=False))
        agent.client = self._client
        return agent

    def user(self, work_dir: str | None = None) -> UserProxyAgent:
        code = {"work_dir": work_dir, "use_docker": False} if work_dir else False
        return built(UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=code))

    def manager(self, user: UserProxyAgent) -> GroupChatManager:
        participants = [user, self.assistant("writer")]
        group = built(GroupChat(participants, [], max_round=2, speaker_selection_method="round_robin"))
        return built(GroupChatManager(group, llm_config=False))


def chat(user: UserProxyAgent, recipient: Any, question: str) -> str:
    did["chats"] += 1
    return user.initiate_chat(recipient, message=question, max_turns=1, silent=True).summary


app = Flask(__name__)


def start() -> None:
    """In each worker: after the fork, with --preload too, and before the first request."""
    app.extensions["agents"] = agents = Agents()
    # Right: whether the key works shows here, and the first request finds the connection open.
    chat(agents.user(), agents.assistant("assistant"), "Are you there?")


# gunicorn.conf.py calls it.
app.extensions["start"] = start


def agents() -> Agents:
    return app.extensions["agents"]


@app.get("/chat")
def of_two() -> dict[str, Any]:
    return answer(chat(agents().user(), agents().assistant("assistant"), request.args["q"]))


@app.get("/group")
def of_a_group() -> dict[str, Any]:
    user = agents().user()
    return answer(chat(user, agents().manager(user), request.args["q"]))


@app.get("/code")
def code() -> dict[str, Any]:
    number = int(request.args["number"])
    program = f"# filename: job.py\nimport time; time.sleep(0.2); print({number})"
    did["code"] += 1
    # Right: a folder for each run, which is gone afterwards.
    with tempfile.TemporaryDirectory(prefix="coding-") as folder:
        _, output, *_ = agents().user(folder).execute_code_blocks([("python", program)])
    return answer(output.strip())


@app.get("/health")
def health() -> dict[str, Any]:
    return {"pid": os.getpid(), "did": dict(did)}


def answer(reply: object) -> dict[str, Any]:
    return {"reply": reply, "pid": os.getpid(), "did": dict(did)}
