"""Classic AutoGen beside us: the user's own classes, what is stored, other instrumentations, the event loop."""

from __future__ import annotations

import asyncio
import copy
import gc
import importlib
import importlib.util
import pickle
import time
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from classic_chats import TRIES, LocalExecutor, autogen, chat, coding, equipped, group, talker, tree
from model_server import ModelServer
from observed import Vitals

import autogen_vitals

HAS_TRACING = importlib.util.find_spec("autogen.opentelemetry") is not None


# --- the user's own classes, and what is stored -----------------------------------------------------------------------


class Before(autogen.AssistantAgent):
    """Defined before we are enabled."""

    def generate_reply(self, *args: Any, **kwargs: Any) -> Any:
        return super().generate_reply(*args, **kwargs)

    def initiate_chat(self, *args: Any, **kwargs: Any) -> Any:
        return super().initiate_chat(*args, **kwargs)

    async def a_generate_reply(self, *args: Any, **kwargs: Any) -> Any:
        return await super().a_generate_reply(*args, **kwargs)


async def test_user_classes_are_covered_whenever_they_were_defined(vitals: Vitals) -> None:
    """One init and one run each, however often they call super()."""

    class After(Before):
        def __init__(self, name: str, **kwargs: Any) -> None:
            super().__init__(name, **kwargs)

        def execute_function(self, func_call: Any, *args: Any, **kwargs: Any) -> Any:
            return super().execute_function(func_call, *args, **kwargs)

    messages = [{"role": "user", "content": "x"}]
    for cls in (Before, After):
        agent, other = talker("mine", cls=cls), talker("other")
        vitals.exporter.clear()
        agent.generate_reply(messages)
        await agent.a_generate_reply(messages)
        chat(agent, other)
        agent.execute_function({"name": "unknown"})
        assert vitals.names() == [
            "invoke_agent mine",
            "invoke_agent mine",
            "invoke_agent other",
            "invoke_workflow other",
            "execute_tool unknown",
        ]


def tried(attempt: Callable[[], Any]) -> tuple[str, str]:
    try:
        result = attempt()
        # A bound method of a wrapped one is wrapped too.
        return "done", "callable" if callable(result) else type(result).__name__
    except Exception as error:
        return type(error).__name__, str(error)


def test_copies_and_pickles_are_what_they_were(vitals: Vitals, config: dict[str, Any]) -> None:
    """What could be copied can, what could not fails as before, and a copy's reply is its own."""

    def attempts() -> list[tuple[str, str]]:
        plain, manager = talker("plain"), group(talker("a"), talker("b"))
        asking = autogen.AssistantAgent("asking", llm_config=config)
        things = [plain, manager, manager.groupchat, asking, plain.generate_reply, manager.run_chat, LocalExecutor()]
        return [
            tried(lambda way=way, thing=thing: way(thing))
            for thing in things
            for way in (copy.copy, copy.deepcopy, pickle.dumps)
        ]

    enabled = attempts()
    autogen_vitals.disable()
    assert enabled == attempts()


def test_a_copied_agent_replies_by_itself(vitals: Vitals) -> None:
    """Its run is told as any other."""
    copied = copy.deepcopy(talker("plain", "mine"))
    vitals.exporter.clear()
    assert copied.generate_reply([{"role": "user", "content": "x"}]) == "mine"
    assert vitals.names() == ["invoke_agent plain"]


async def test_what_the_app_drops_is_gone(vitals: Vitals, config: dict[str, Any], model: ModelServer) -> None:
    """Agents and clients of chats that went well, failed, or went on in threads are kept alive by nothing of ours."""
    dropped: list[weakref.ref[Any]] = []

    async def use() -> None:
        user, writer = talker("user"), autogen.AssistantAgent("writer", llm_config=config)
        dropped.extend(map(weakref.ref, (user, writer, writer.client)))
        chat(user, writer)
        await user.a_initiate_chat(writer, message="x", max_turns=1, silent=True)
        model.failures = TRIES
        with pytest.raises(Exception, match="500"):
            await user.a_initiate_chat(writer, message="x", max_turns=1, silent=True)

    await use()
    # A thread of the loop's holds its last call until the next.
    await asyncio.get_running_loop().shutdown_default_executor()
    gc.collect()
    assert [reference() for reference in dropped] == [None] * 3


def test_replies_can_be_replaced_and_excluded(vitals: Vitals) -> None:
    """By the function they are, which AutoGen compares."""
    agent = talker("plain", "default")
    asks, checks = (
        getattr(autogen.ConversableAgent, name) for name in ("generate_oai_reply", "check_termination_and_human_reply")
    )
    agent.replace_reply_func(asks, lambda recipient, messages=None, sender=None, config=None: (True, "mine"))
    messages = [{"role": "user", "content": "x"}]
    assert agent.generate_reply(messages) == "mine"
    assert agent.generate_reply(messages, exclude=[checks]) == "mine"


def test_disabled_it_is_as_if_it_had_never_been(silent_vitals: Vitals) -> None:
    """Every attribute of AutoGen's is put back, and agents that were built meanwhile go on."""
    watched = (
        autogen.ConversableAgent,
        autogen.GroupChat,
        autogen.GroupChatManager,
        autogen.OpenAIWrapper,
        LocalExecutor,
        coding.CodeExecutor,
        Before,
        importlib.import_module("autogen.agentchat.conversable_agent"),
    )
    before = [dict(vars(owner)) for owner in watched]
    silent_vitals.enable()
    agent, other = talker("agent"), talker("other")
    autogen_vitals.disable()
    assert [dict(vars(owner)) for owner in watched] == before
    assert chat(agent, other).summary == "CANARY-REPLY"
    assert "invoke_workflow other" not in silent_vitals.names()


# --- others, and the loop ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not HAS_TRACING, reason="this version makes no spans of its own")
@pytest.mark.parametrize("mode", ["replace", "keep"])
def test_the_spans_that_ag2_was_asked_for_are_not_made_twice(
    mode: str, silent_vitals: Vitals, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ours replace them, or stand beside them, as native_spans says; the chat is the same."""
    wrapper = importlib.import_module("autogen.oai.client").OpenAIWrapper
    create = wrapper.create
    silent_vitals.enable(native_spans=mode)
    tracing = importlib.import_module("autogen.opentelemetry")
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user")
    try:
        tracing.instrument_llm_wrapper(tracer_provider=silent_vitals.tracer_provider)
        for agent in (writer, user):
            tracing.instrument_agent(agent, tracer_provider=silent_vitals.tracer_provider)
        silent_vitals.exporter.clear()
        assert chat(user, writer).summary == "a"
    finally:
        autogen_vitals.disable()
        wrapper.create = create
    theirs = [span.name for span in silent_vitals.all_spans() if "ag2" in span.instrumentation_scope.name]
    assert silent_vitals.names() == ["chat stub", "invoke_agent writer", "invoke_workflow writer"]
    assert theirs == ([] if mode == "replace" else ["chat stub", "invoke_agent writer", "conversation user"])


async def test_both_lines_live_in_one_process(vitals: Vitals, config: dict[str, Any]) -> None:
    """A chat of the classic line and a run of the new one: each as ever, in one request."""
    agents = pytest.importorskip("autogen_agentchat.agents")
    replay = importlib.import_module("autogen_ext.models.replay").ReplayChatCompletionClient
    with autogen_vitals.request("ask"):
        await agents.AssistantAgent("new", replay(["a"])).run(task="CANARY")
        chat(talker("user"), autogen.AssistantAgent("old", llm_config=config))
    assert {("invoke_agent new", None), ("invoke_workflow old", None)} <= tree(vitals)
    assert ("chat stub", "invoke_agent old") in tree(vitals)
    types = [span.attributes["autogen.start.type"] for span in vitals.spans() if "invoke" in span.name]
    assert set(types) == {"cold"}


async def test_a_synchronous_chat_on_the_loop_is_told_to_block_it(vitals: Vitals) -> None:
    """The mistake of a handler that calls initiate_chat: on the span of what slept, with its line."""

    def slow(recipient: Any, messages: Any, sender: Any, config: Any) -> tuple[bool, str]:
        time.sleep(0.5)
        return True, "slept"

    asked = talker("asked")
    asked.register_reply([autogen.Agent, None], slow, position=0)
    await asyncio.sleep(0.05)
    chat(talker("user"), asked)
    await asyncio.sleep(0.05)
    told = [event for span in vitals.spans() for event in span.events if "loop" in event.name]
    assert [event.attributes["code.function.name"].rpartition(".")[2] for event in told] == ["slow"]


def test_nothing_that_was_said_leaves(vitals: Vitals, config: dict[str, Any], model: ModelServer) -> None:
    """Prompts, replies, arguments and keys are in no span, event or metric."""
    writer, user = equipped(config)
    model.replies = [("add", '{"a": "CANARY-ARGUMENT", "b": 2}'), "CANARY-ANSWER"]
    chat(user, writer, max_turns=2)
    metrics = vitals.reader.get_metrics_data()
    exported = "".join(span.to_json() for span in vitals.all_spans())
    exported += str([record.attributes for record in vitals.events()]) + (metrics.to_json() if metrics else "")
    assert "invoke_workflow writer" in exported
    assert "CANARY" not in exported
