"""The table of classic AutoGen, and what is an init of its components."""

from __future__ import annotations

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest
from classic_chats import QUIET, LocalExecutor, autogen, coding, groupchat, talker
from observed import Vitals, assert_in_the_catalogue, parent_name
from tool_functions import add

from autogen_vitals.hooks.classic import CLASSIC

# --- the table itself -------------------------------------------------------------------------------------------------


def test_every_target_of_this_version_resolves() -> None:
    """A row whose class moved is noticed: only AG2's own classes, and what needs extras, may be missing."""
    missing = []
    for component in CLASSIC.components:
        module, _, name = component.target.partition(":")
        try:
            cls = getattr(importlib.import_module(module), name)
        except ImportError:
            missing.append(name)
            continue
        assert all(hasattr(cls, run.method) for run in component.runs), name
        assert all(hasattr(cls, method) for method in component.builds), name
    assert set(missing) <= {"Tool", "DaytonaCodeExecutor", "EmbeddedIPythonCodeExecutor"}


def test_nothing_is_wrapped_that_autogen_keeps_as_a_value(vitals: Vitals) -> None:
    """What is in an agent's list of replies is what it would be without us."""
    manager = groupchat.GroupChatManager(autogen.GroupChat([talker("a")], []), llm_config=False)
    kept = [entry["reply_func"] for agent in (manager, talker("b")) for entry in agent._reply_func_list]
    assert {type(function) for function in kept} == {type(add)}


# --- inits ------------------------------------------------------------------------------------------------------------


def test_each_component_is_one_init_however_many_constructors_run(vitals: Vitals, config: dict[str, Any]) -> None:
    """Outermost wins; the model client an agent builds is an init inside the agent's."""
    writer = autogen.AssistantAgent("writer", llm_config=config)
    user = autogen.UserProxyAgent("user", **QUIET)
    group = autogen.GroupChat([writer, user], messages=[])
    autogen.GroupChatManager(group, llm_config=False)
    LocalExecutor()
    kinds = [(span.name, span.attributes["autogen.component.kind"]) for span in vitals.spans()]
    assert kinds == [
        ("init OpenAIWrapper", "model_client"),
        ("init AssistantAgent", "agent"),
        ("init UserProxyAgent", "agent"),
        ("init GroupChat", "team"),
        ("init GroupChatManager", "team"),
        ("init LocalCommandLineCodeExecutor", "code_executor"),
    ]
    assert parent_name(vitals.span("init OpenAIWrapper"), vitals.spans()) == "init AssistantAgent"
    assert vitals.span("init OpenAIWrapper").attributes["autogen.component.name"] == "stub"
    assert vitals.span("init AssistantAgent").attributes["autogen.component.name"] == "writer"
    assert_in_the_catalogue(vitals.spans())


def test_an_init_names_the_users_line(vitals: Vitals, config: dict[str, Any]) -> None:
    """That of the client too, which AutoGen builds."""
    autogen.AssistantAgent("writer", llm_config=config)
    for span in vitals.spans():
        assert span.attributes["code.file.path"] == __file__
        line = Path(__file__).read_text().splitlines()[span.attributes["code.line.number"] - 1]
        assert "autogen.AssistantAgent(" in line


def test_a_site_that_builds_again_is_a_reinit(vitals: Vitals, config: dict[str, Any]) -> None:
    """Agent and client of the same line are; those of another line are not."""
    for _ in range(3):
        autogen.AssistantAgent("writer", llm_config=config)
    autogen.AssistantAgent("writer", llm_config=config)
    clients = vitals.spans("init OpenAIWrapper")
    assert [span.attributes["autogen.reinit"] for span in clients] == [False, True, True, False]
    points = {point.attributes["autogen.component.type"]: point.value for point in vitals.points("autogen.reinits")}
    assert points == {"OpenAIWrapper": 2, "AssistantAgent": 2}


def test_a_constructor_that_raises_is_an_init_with_its_error(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception is the app's own, client and agent name its class, and the crash says what is missing."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Exception, match="api_key") as raised:
        autogen.AssistantAgent("writer", llm_config={"config_list": [{"model": "gpt-4o"}]})
    for name in ("init OpenAIWrapper", "init AssistantAgent"):
        assert vitals.span(name).attributes["error.type"] == type(raised.value).__name__
    assert [len(vitals.span(name).events) for name in ("init OpenAIWrapper", "init AssistantAgent")] == [1, 0]
    (crash,) = vitals.events("autogen.crash")
    assert crash.attributes["autogen.crash.category"] == "missing_credentials"


def test_a_group_chat_that_is_a_dataclass_of_the_users_is_an_init(vitals: Vitals) -> None:
    """Its constructor comes to the class after the class was made: what that calls tells of it, once."""

    @dataclasses.dataclass
    class Mine(autogen.GroupChat):
        topic: str = "x"

    class Plain(autogen.GroupChat):
        pass

    for cls in (Mine, Plain):
        cls(agents=[talker("a")], messages=[])
    names = [name for name in vitals.names() if "ConversableAgent" not in name]
    assert names == [f"init {cls.__qualname__}" for cls in (Mine, Plain)]


def test_an_executor_of_the_users_is_built_by_its_own_constructor(vitals: Vitals) -> None:
    """CodeExecutor is a protocol, whose constructor looks for another one by what it is itself."""

    class Counting:
        def __init__(self) -> None:
            self.counted = True

    class Mixed(coding.CodeExecutor, Counting):
        def execute_code_blocks(self, code_blocks: Any) -> Any:
            return coding.CodeResult(exit_code=0, output="CANARY")

    class Structural:
        code_extractor = restart = execute_code_blocks = print

    executor = Mixed()
    assert executor.counted
    executor.execute_code_blocks([])
    assert vitals.span("execute_code").attributes["autogen.component.type"] == Mixed.__qualname__
    assert isinstance(Structural(), coding.CodeExecutor)
    assert not isinstance(object(), coding.CodeExecutor)
