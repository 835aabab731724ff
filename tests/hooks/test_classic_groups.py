"""Group chats of classic AutoGen, and runs that go on in threads of their own."""

from __future__ import annotations

import importlib
import threading
from typing import Any

import pytest
from classic_chats import autogen, chat, group, talker, traces, tree
from model_server import ModelServer
from observed import Vitals, parent_name

import autogen_vitals

RUNS_IN_THREADS = hasattr(autogen.ConversableAgent, "run_iter")
HAS_PATTERNS = hasattr(importlib.import_module("autogen.agentchat"), "run_group_chat")


# --- group chats ------------------------------------------------------------------------------------------------------


def test_a_group_chat_is_one_workflow_of_the_manager(vitals: Vitals) -> None:
    """One operation, one span: the chat with the manager and the manager's reply are the same."""
    one, two = talker("one"), talker("two")
    manager = group(one, two)
    vitals.exporter.clear()
    chat(one, manager, max_turns=None)
    assert tree(vitals) == {
        ("invoke_workflow chat_manager", None),
        ("invoke_agent one", "invoke_workflow chat_manager"),
        ("invoke_agent two", "invoke_workflow chat_manager"),
    }
    span = vitals.span("invoke_workflow chat_manager")
    assert (span.attributes["autogen.component.kind"], span.attributes["autogen.component.type"]) == (
        "team",
        "GroupChatManager",
    )
    (point,) = vitals.points("gen_ai.invoke_workflow.duration")
    assert (point.count, point.attributes["autogen.component.type"]) == (1, "GroupChatManager")


async def test_an_asynchronous_group_chat_is_the_same(vitals: Vitals, config: dict[str, Any]) -> None:
    """With models, asked in threads."""
    one = talker("one")
    manager = group(one, autogen.AssistantAgent("two", llm_config=config))
    vitals.exporter.clear()
    await one.a_initiate_chat(manager, message="CANARY", silent=True)
    assert {
        ("invoke_workflow chat_manager", None),
        ("invoke_agent two", "invoke_workflow chat_manager"),
        ("chat stub", "invoke_agent two"),
    } <= tree(vitals)
    assert traces(vitals) == 1


def test_a_managers_reply_alone_is_a_workflow(vitals: Vitals) -> None:
    """A group chat inside another one, or asked directly."""
    one, two = talker("one"), talker("two")
    manager = group(one, two)
    vitals.exporter.clear()
    manager.generate_reply([{"role": "user", "content": "CANARY", "name": "one"}], sender=one)
    assert len(vitals.spans("invoke_workflow chat_manager")) == 1
    assert not vitals.spans("invoke_agent chat_manager")


def test_a_manager_of_the_users_is_a_team_however_it_replies(vitals: Vitals) -> None:
    """Whether it overrides the reply or inherits it."""

    class Overriding(autogen.GroupChatManager):
        def generate_reply(self, *args: Any, **kwargs: Any) -> Any:
            return super().generate_reply(*args, **kwargs)

    class Inheriting(autogen.GroupChatManager):
        pass

    one = talker("one")
    for cls in (Overriding, Inheriting):
        team = autogen.GroupChat([one, talker("two")], [], max_round=2, speaker_selection_method="round_robin")
        manager = cls(team, name=cls.__name__, llm_config=False)
        vitals.exporter.clear()
        chat(one, manager, max_turns=None)
        names = vitals.names()
        assert names.count(f"invoke_workflow {cls.__name__}") == 1
        assert f"invoke_agent {cls.__name__}" not in names


def test_choosing_a_speaker_is_told_with_what_it_builds(
    vitals: Vitals, config: dict[str, Any], model: ModelServer
) -> None:
    """AutoGen builds two agents and a client for each choice: they are inits, again and again of the same line."""
    one, two = talker("one"), talker("two")
    manager = group(one, two, llm_config=config, speaker_selection_method="auto")
    model.replies = ["two", "one"]
    vitals.exporter.clear()
    result = chat(one, manager, max_turns=None)
    assert [message["name"] for message in result.chat_history] == ["one", "two", "one"]
    (choice, _) = vitals.spans("invoke_workflow speaker_selection_agent")
    assert parent_name(choice, vitals.spans()) == "invoke_workflow chat_manager"
    assert traces(vitals) == 1
    assert len(vitals.spans("chat stub")) == 2
    clients = [span for span in vitals.spans("init OpenAIWrapper") if span.attributes["autogen.phase"] == "request"]
    assert [span.attributes["autogen.reinit"] for span in clients] == [False, True]


@pytest.mark.skipif(not HAS_PATTERNS, reason="this version has no patterns of group chats")
def test_a_pattern_of_ag2s_is_a_group_chat(vitals: Vitals) -> None:
    """Begun at once or in a thread of its own: one workflow of the manager, in the trace of who asked."""
    agentchat = importlib.import_module("autogen.agentchat")
    patterns = importlib.import_module("autogen.agentchat.group.patterns")
    one, two = talker("one"), talker("two")
    pattern = patterns.RoundRobinPattern(initial_agent=one, agents=[one, two])
    with vitals.tracer_provider.get_tracer("app").start_as_current_span("GET /"):
        agentchat.initiate_group_chat(pattern=pattern, messages="CANARY", max_rounds=3)
        agentchat.run_group_chat(pattern=pattern, messages="CANARY", max_rounds=3).process()
    spans = vitals.all_spans()
    workflows = vitals.spans("invoke_workflow chat_manager")
    assert [parent_name(span, spans) for span in workflows] == ["GET /", "GET /"]
    assert parent_name(vitals.spans("invoke_agent two")[1], spans) == "invoke_workflow chat_manager"


# --- runs in threads --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not RUNS_IN_THREADS, reason="this version has no run()")
@pytest.mark.parametrize("alone", [False, True])
def test_a_run_in_a_thread_is_in_the_trace_of_who_asked(alone: bool, vitals: Vitals, config: dict[str, Any]) -> None:
    """run() returns at once, and the chat goes on in a thread of its own: in the same request."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user")
    tracer = vitals.tracer_provider.get_tracer("app")
    vitals.exporter.clear()
    with tracer.start_as_current_span("GET /"), autogen_vitals.request("ask"):
        asked = writer if alone else user
        response = asked.run(None if alone else writer, message="CANARY", max_turns=1)
        response.process()
    assert response.summary is None or "CANARY" not in response.summary
    spans = vitals.all_spans()
    workflow = vitals.span("invoke_workflow writer")
    assert parent_name(workflow, spans) == "GET /"
    assert vitals.span("chat stub").context.trace_id == workflow.context.trace_id
    assert len(vitals.points("autogen.request.duration")) == 1


@pytest.mark.skipif(not RUNS_IN_THREADS, reason="this version has no a_run()")
async def test_an_asynchronous_run_is_in_the_trace_of_who_asked(vitals: Vitals, config: dict[str, Any]) -> None:
    """In a task of its own."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user")
    vitals.exporter.clear()
    with vitals.tracer_provider.get_tracer("app").start_as_current_span("GET /"):
        response = await user.a_run(writer, message="CANARY", max_turns=1)
        await response.process()
    workflow = vitals.span("invoke_workflow writer")
    assert parent_name(workflow, vitals.all_spans()) == "GET /"
    assert vitals.span("chat stub").context.trace_id == workflow.context.trace_id


@pytest.mark.skipif(not RUNS_IN_THREADS, reason="this version has no run()")
def test_a_thread_of_autogens_is_what_it_was(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its class, its name, and what everybody else sees of the threading module."""
    started: list[threading.Thread] = []
    original = threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda self: started.append(self) or original(self))
    with autogen_vitals.request("ask"):
        talker("user").run(talker("other"), message="x", max_turns=1).process()
    (thread,) = [one for one in started if "initiate_chat" in one.name]
    assert type(thread) is threading.Thread
    conversable = importlib.import_module("autogen.agentchat.conversable_agent")
    assert conversable.threading.Lock is threading.Lock
    assert isinstance(thread, conversable.threading.Thread)
    autogen_vitals.disable()
    assert conversable.threading is threading
