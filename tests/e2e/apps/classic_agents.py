"""Classic agents as services build them: for each request, and wrongly, once for all of them."""

from __future__ import annotations

import os
from typing import Any

from autogen import AssistantAgent, GroupChat, GroupChatManager, UserProxyAgent
from opentelemetry import trace
from worker_facts import worker_facts

built = {"AssistantAgent": 0, "UserProxyAgent": 0, "GroupChatManager": 0}
"""What this process has built, by class."""
run = {"chats": 0}


def model_config() -> dict[str, Any]:
    entry = {"model": "gpt-4o-mini", "api_key": os.environ["OPENAI_API_KEY"], "base_url": os.environ["OPENAI_BASE_URL"]}
    return {"config_list": [{**entry, "price": [0, 0]}], "cache_seed": None}


# One line builds all of a class.
def build_assistant() -> AssistantAgent:
    built["AssistantAgent"] += 1
    return AssistantAgent("assistant", llm_config=model_config())


def build_user() -> UserProxyAgent:
    built["UserProxyAgent"] += 1
    return UserProxyAgent("user", human_input_mode="NEVER", code_execution_config=False)


def build_manager(user: UserProxyAgent, assistant: AssistantAgent) -> GroupChatManager:
    built["GroupChatManager"] += 1
    group = GroupChat([user, assistant], [], max_round=2, speaker_selection_method="round_robin")
    return GroupChatManager(group, llm_config=False)


def answered(summary: Any) -> dict[str, Any]:
    """What a request answers: what this process has done so far, by its own count."""
    run["chats"] += 1
    trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
    facts = {**worker_facts(), "trace_id": trace_id}
    return {**facts, "built": built["AssistantAgent"], "counts": dict(built), **run, "reply": summary}


def chat(question: str, user: UserProxyAgent, assistant: AssistantAgent) -> Any:
    return user.initiate_chat(assistant, message=question, max_turns=1, silent=True).summary


def group_chat(question: str) -> Any:
    user = build_user()
    return user.initiate_chat(build_manager(user, build_assistant()), message=question, silent=True).summary
