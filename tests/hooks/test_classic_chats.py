"""Chats of classic AutoGen's agents as runs: of two, one after another, at once, nested."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from typing import Any

import pytest
from classic_chats import autogen, chat, talker, traces, tree
from observed import Vitals, assert_in_the_catalogue
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

import autogen_vitals


def test_a_chat_of_two_is_one_trace(vitals: Vitals, config: dict[str, Any]) -> None:
    """It is the run of whom it is begun with; each reply is an agent's run, with its model's call inside."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user")
    vitals.exporter.clear()
    result = chat(user, writer, max_turns=2)
    assert result.summary == "a"
    assert [span.name for span in vitals.spans()] == [
        "chat stub",
        "invoke_agent writer",
        "invoke_agent user",
        "chat stub",
        "invoke_agent writer",
        "invoke_workflow writer",
    ]
    assert tree(vitals) == {
        ("invoke_workflow writer", None),
        ("invoke_agent writer", "invoke_workflow writer"),
        ("invoke_agent user", "invoke_workflow writer"),
        ("chat stub", "invoke_agent writer"),
    }
    assert_in_the_catalogue(vitals.spans())


def test_a_chat_that_goes_on_by_itself_is_one_level_deep(vitals: Vitals) -> None:
    """Without max_turns the agents call one another, ever deeper; their runs are beside each other all the same."""
    one, two = talker("one", max_consecutive_auto_reply=2), talker("two", max_consecutive_auto_reply=2)
    vitals.exporter.clear()
    chat(one, two, max_turns=None)
    assert tree(vitals) == {
        ("invoke_workflow two", None),
        ("invoke_agent one", "invoke_workflow two"),
        ("invoke_agent two", "invoke_workflow two"),
    }
    assert len(vitals.spans("invoke_agent two")) == 3


def test_spans_follow_the_conventions(vitals: Vitals, config: dict[str, Any]) -> None:
    """Kinds, names and attributes of a chat, a reply and a model's call; the outermost has the request's totals."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user")
    vitals.exporter.clear()
    chat(user, writer)
    spans = vitals.spans()
    assert [span.kind for span in spans] == [SpanKind.CLIENT, SpanKind.INTERNAL, SpanKind.INTERNAL]
    others = ("process.", "autogen.startup.", "autogen.connect.", "autogen.warm_up.", "autogen.request.init.duration")
    told = [{name: value for name, value in span.attributes.items() if not name.startswith(others)} for span in spans]
    common = {"autogen.phase": "request", "autogen.start.type": "cold"}
    assert told == [
        {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "stub",
            "gen_ai.usage.input_tokens": 1,
            "gen_ai.usage.output_tokens": 1,
            "gen_ai.response.finish_reasons": ("stop",),
            "autogen.component.kind": "model_client",
            "autogen.component.type": "OpenAIWrapper",
            "autogen.first_use": True,
            **common,
        },
        {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "autogen",
            "gen_ai.agent.name": "writer",
            "autogen.component.kind": "agent",
            "autogen.component.type": "AssistantAgent",
            **common,
        },
        {
            "gen_ai.operation.name": "invoke_workflow",
            "gen_ai.provider.name": "autogen",
            "gen_ai.workflow.name": "writer",
            "autogen.component.kind": "team",
            "autogen.component.type": "AssistantAgent",
            "autogen.request.init.count": 0,
            "autogen.request.connect.count": 1,
            **common,
        },
    ]


def test_start_types_are_told(vitals: Vitals, config: dict[str, Any]) -> None:
    """The first chat is cold, one on what is there already is warm, one that builds its agent again rebuilds."""
    user = talker("user")
    kept = autogen.AssistantAgent("writer", llm_config=config)
    chat(user, kept)
    chat(user, kept)
    with autogen_vitals.request("ask"):
        chat(user, autogen.AssistantAgent("writer", llm_config=config))
    types = [span.attributes["autogen.start.type"] for span in vitals.spans("invoke_workflow writer")]
    assert types == ["cold", "warm", "rebuild"]
    inits = [span.attributes.get("autogen.request.init.count") for span in vitals.spans("invoke_workflow writer")]
    assert inits == [0, 0, 1]


async def test_an_asynchronous_chat_is_one_trace_too(vitals: Vitals, config: dict[str, Any]) -> None:
    """Though the model is asked in a thread of the loop's: the same spans, with the same parents."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user")
    vitals.exporter.clear()
    result = await user.a_initiate_chat(writer, message="CANARY-PROMPT", max_turns=2, silent=True)
    assert result.summary == "a"
    assert tree(vitals) == {
        ("invoke_workflow writer", None),
        ("invoke_agent writer", "invoke_workflow writer"),
        ("invoke_agent user", "invoke_workflow writer"),
        ("chat stub", "invoke_agent writer"),
    }
    assert len(vitals.spans("chat stub")) == 2
    assert traces(vitals) == 1


async def test_chats_at_once_keep_to_their_own_traces(vitals: Vitals, config: dict[str, Any]) -> None:
    """Ten at a time, of one agent even: each model's call is in the trace of the chat that asked."""
    writer = autogen.AssistantAgent("writer", llm_config=config)
    users = [talker(f"user{number}") for number in range(10)]
    vitals.exporter.clear()
    await asyncio.gather(*(user.a_initiate_chat(writer, message="x", max_turns=1, silent=True) for user in users))
    assert len(vitals.spans("chat stub")) == len(users)
    assert traces(vitals) == len(users)
    assert {name for name in tree(vitals) if name[0].startswith(("invoke", "chat"))} == {
        ("invoke_workflow writer", None),
        ("invoke_agent writer", "invoke_workflow writer"),
        ("chat stub", "invoke_agent writer"),
    }


async def test_the_apps_context_stays_where_the_app_has_set_it(vitals: Vitals) -> None:
    """What a thread of AutoGen's sees of the app's own context variables is what it would see without us."""
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="unset")

    class Looking(autogen.ConversableAgent):
        def generate_oai_reply(self, *args: Any, **kwargs: Any) -> Any:
            return True, f"{variable.get()} in {threading.current_thread() is not threading.main_thread()}"

    async def seen() -> Any:
        variable.set("set")
        return await talker("looking", cls=Looking).a_generate_reply([{"role": "user", "content": "x"}])

    enabled = await asyncio.create_task(seen())
    assert "in True" in enabled
    autogen_vitals.disable()
    assert enabled == await asyncio.create_task(seen())


def test_chats_one_after_another_are_one_workflow(vitals: Vitals) -> None:
    """That of the agent that holds them."""
    user, one, two = (talker(name) for name in ("user", "one", "two"))
    vitals.exporter.clear()
    queue = [{"recipient": agent, "message": "x", "max_turns": 1, "silent": True} for agent in (one, two)]
    assert len(user.initiate_chats(queue)) == 2
    assert tree(vitals) == {
        ("invoke_workflow user", None),
        ("invoke_workflow one", "invoke_workflow user"),
        ("invoke_agent one", "invoke_workflow one"),
        ("invoke_workflow two", "invoke_workflow user"),
        ("invoke_agent two", "invoke_workflow two"),
    }


async def test_asynchronous_chats_at_once_are_one_workflow(vitals: Vitals) -> None:
    """In tasks of their own."""
    user, one, two = (talker(name) for name in ("user", "one", "two"))
    vitals.exporter.clear()
    common = {"message": "x", "max_turns": 1, "silent": True}
    await user.a_initiate_chats([{"chat_id": i, "recipient": agent, **common} for i, agent in enumerate((one, two))])
    assert {parent for name, parent in tree(vitals) if name in ("invoke_workflow one", "invoke_workflow two")} == {
        "invoke_workflow user"
    }
    assert traces(vitals) == 1


def test_nested_chats_are_inside_the_reply_that_needs_them(vitals: Vitals) -> None:
    """register_nested_chats registers a reply."""
    user, outer, inner = (talker(name) for name in ("user", "outer", "inner"))
    nested = [{"recipient": inner, "message": "CANARY", "max_turns": 1, "summary_method": "last_msg", "silent": True}]
    outer.register_nested_chats(nested, trigger=user)
    vitals.exporter.clear()
    chat(user, outer)
    assert tree(vitals) == {
        ("invoke_workflow outer", None),
        ("invoke_agent outer", "invoke_workflow outer"),
        ("invoke_workflow inner", "invoke_agent outer"),
        ("invoke_agent inner", "invoke_workflow inner"),
    }


def test_a_registered_reply_runs_inside_its_agents_run(vitals: Vitals) -> None:
    """A function of the user's sees the agent's span, and what it replies is the reply."""
    user, asked = talker("user"), talker("asked")
    current: list[str] = []

    def reply(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, str]:
        current.append(trace.get_current_span().name)  # type: ignore[attr-defined]
        return True, "mine"

    asked.register_reply([autogen.Agent, None], reply, position=0)
    assert chat(user, asked).summary == "mine"
    assert asked.generate_reply([{"role": "user", "content": "x"}]) == "mine"
    assert current == ["invoke_agent asked", "invoke_agent asked"]


def test_a_failing_reply_fails_the_chat_and_is_told_once(vitals: Vitals) -> None:
    """The exception is the app's own; the innermost span has the event; one crash is told; no message is."""

    class Failing(autogen.ConversableAgent):
        def generate_reply(self, *args: Any, **kwargs: Any) -> Any:
            raise LookupError("CANARY-MESSAGE")

    with pytest.raises(LookupError, match="CANARY-MESSAGE"):
        chat(talker("user"), talker("failing", cls=Failing))
    reply, workflow = vitals.span("invoke_agent failing"), vitals.span("invoke_workflow failing")
    for span in (reply, workflow):
        assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "LookupError")
    assert [len(span.events) for span in (reply, workflow)] == [1, 0]
    assert len(vitals.events("autogen.crash")) == 1
    assert "CANARY" not in "".join(span.to_json() for span in vitals.all_spans())
    assert "CANARY" not in str([record.attributes for record in vitals.events()])
