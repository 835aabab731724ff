"""A service of classic AutoGen that works with one worker and one user; see README.md beside this file.

Each line that is at fault ends with the rules that name it.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import Any, TypeVar

from autogen import AssistantAgent, GroupChat, GroupChatManager, UserProxyAgent
from flask import Flask, request
from openai import OpenAI

T = TypeVar("T")

# Wrong: read while the module is imported. Where it is not there yet no worker comes up.
API_KEY = os.environ["OPENAI_API_KEY"]  # AG301 AG302
MODEL = {"model": "gpt-4o-mini", "api_key": API_KEY, "base_url": os.environ.get("OPENAI_BASE_URL"), "price": [0, 0]}
# Of two workers that share a connection one may read both answers. The other waits: without a timeout, ten minutes.
LLM_CONFIG = {"config_list": [MODEL], "cache_seed": None, "timeout": 10}
# Wrong: one folder for all runs of all workers.
CODE = {"work_dir": "coding", "use_docker": False}

did: Counter[str] = Counter()
"""What this process has built and run, by its own count; under --preload the master's is in it, too."""


def built(component: T) -> T:
    did[type(component).__name__] += 1
    return component


# Wrong: everybody's. An assistant keeps the conversation, and so does a group chat.
user = built(UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=CODE))  # AG201 AG202 AG401
assistant = built(AssistantAgent("assistant", llm_config=LLM_CONFIG))  # AG201 AG202 AG206
writer = built(AssistantAgent("writer", llm_config=LLM_CONFIG))  # AG201 AG202
group = built(GroupChat([user, writer], [], max_round=2, speaker_selection_method="round_robin"))  # AG201
manager = built(GroupChatManager(group, llm_config=False))  # AG201 AG202 AG206


def chat(recipient: Any, question: str) -> str:
    did["chats"] += 1
    return user.initiate_chat(recipient, message=question, max_turns=1, silent=True).summary


# Wrong: to see early whether the key works is right, to do it here is not. Under --preload the connection that this
# opens is in every worker.
chat(assistant, "Are you there?")

app = Flask(__name__)


@app.get("/chat")
def of_two() -> dict[str, Any]:
    return answer(chat(assistant, request.args["q"]))


@app.get("/group")
def of_a_group() -> dict[str, Any]:
    return answer(chat(manager, request.args["q"]))


@app.get("/code")
def code() -> dict[str, Any]:
    # What a model has written would run in the same way, in the same folder.
    number = int(request.args["number"])
    program = f"# filename: job.py\nimport time; time.sleep(0.2); print({number})"
    did["code"] += 1
    _, output, *_ = user.execute_code_blocks([("python", program)])
    return answer(output.strip())


@app.get("/live-config")
def live_config() -> dict[str, Any]:
    # Wrong: a configuration is copied, and a client cannot be.
    config = {"config_list": [{**MODEL, "http_client": OpenAI(api_key=API_KEY)}], "cache_seed": None}
    did["refused"] += 1
    return answer(AssistantAgent("another", llm_config=config).name)  # AG304


@app.get("/health")
def health() -> dict[str, Any]:
    return {"pid": os.getpid(), "did": dict(did)}


def answer(reply: object) -> dict[str, Any]:
    return {"reply": reply, "pid": os.getpid(), "did": dict(did)}
