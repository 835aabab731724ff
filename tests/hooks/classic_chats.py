"""Agents and chats of classic AutoGen, Microsoft's 0.2 or AG2, whichever is installed; and the tree of their spans."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from observed import Vitals, parent_name
from tool_functions import add, fail

autogen: Any = pytest.importorskip("autogen")
groupchat: Any = importlib.import_module("autogen.agentchat.groupchat")
coding: Any = importlib.import_module("autogen.coding.base")
LocalExecutor: Any = importlib.import_module("autogen.coding").LocalCommandLineCodeExecutor

TRIES = 3
"""How often the SDK asks before it gives up."""
QUIET = {"human_input_mode": "NEVER", "code_execution_config": False}


def talker(name: str, reply: str = "CANARY-REPLY", cls: Any = autogen.ConversableAgent, **given: Any) -> Any:
    """An agent without a model."""
    return cls(name, llm_config=False, default_auto_reply=reply, **{**QUIET, **given})


def chat(sender: Any, recipient: Any, **given: Any) -> Any:
    return sender.initiate_chat(recipient, **{"message": "CANARY-PROMPT", "silent": True, "max_turns": 1, **given})


def tree(vitals: Vitals) -> set[tuple[str, str | None]]:
    """Each span's name, with its parent's."""
    spans = vitals.spans()
    return {(span.name, parent_name(span, spans)) for span in spans}


def traces(vitals: Vitals) -> int:
    return len({span.context.trace_id for span in vitals.spans()})


def group(*agents: Any, llm_config: Any = False, **given: Any) -> Any:
    given = {"speaker_selection_method": "round_robin", "max_round": 3, **given}
    return autogen.GroupChatManager(autogen.GroupChat(list(agents), [], **given), llm_config=llm_config)


def equipped(config: dict[str, Any]) -> tuple[Any, Any]:
    """Who asks for tools, and who runs them."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user", "")
    for function in (add, fail):
        autogen.register_function(function, caller=writer, executor=user, description="A tool.")
    return writer, user
