"""The table of classic AutoGen: Microsoft's 0.2 or AG2, whichever is installed, with the real SDK and a local model."""

from __future__ import annotations

import asyncio
import contextvars
import copy
import dataclasses
import gc
import importlib
import pickle
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer
from observed import Vitals, assert_in_the_catalogue, parent_name
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

import autogen_vitals
from autogen_vitals.hooks.classic import CLASSIC

autogen: Any = pytest.importorskip("autogen")
groupchat: Any = importlib.import_module("autogen.agentchat.groupchat")
coding: Any = importlib.import_module("autogen.coding.base")
LocalExecutor: Any = importlib.import_module("autogen.coding").LocalCommandLineCodeExecutor

RUNS_IN_THREADS = hasattr(autogen.ConversableAgent, "run_iter")
HAS_PATTERNS = hasattr(importlib.import_module("autogen.agentchat"), "run_group_chat")
HAS_TRACING = importlib.util.find_spec("autogen.opentelemetry") is not None
TRIES = 3
"""How often the SDK asks before it gives up."""
QUIET = {"human_input_mode": "NEVER", "code_execution_config": False}


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    with ModelServer(wait_ms=1) as server:
        yield server


@pytest.fixture(autouse=True)
def _model_is_as_new(model: ModelServer) -> None:
    model.replies, model.failures, model.requests = [], 0, 0


@pytest.fixture
def config(model: ModelServer) -> dict[str, Any]:
    """An llm_config whose replies are not cached."""
    # Some versions allow no max_retries here.
    one = {"model": "stub", "api_key": "sk-CANARY-KEY", "base_url": model.url, "price": [0, 0]}
    return {"config_list": [one], "cache_seed": None}


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


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def fail(a: int) -> int:
    """Fail."""
    raise LookupError("CANARY-MESSAGE")


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


# --- chats ------------------------------------------------------------------------------------------------------------


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


# --- models -----------------------------------------------------------------------------------------------------------


def test_a_model_that_fails_is_an_error_all_the_way(vitals: Vitals, config: dict[str, Any], model: ModelServer) -> None:
    """Of the SDK's own class, on the model's call, the reply and the chat."""
    model.failures = TRIES
    writer = autogen.AssistantAgent("writer", llm_config=config)
    with pytest.raises(Exception, match="500"):
        chat(talker("user"), writer)
    errors = {span.name: span.attributes.get("error.type") for span in vitals.spans() if "init" not in span.name}
    assert errors == dict.fromkeys(
        ("chat stub", "invoke_agent writer", "invoke_workflow writer"), "InternalServerError"
    )
    (point,) = vitals.points("gen_ai.client.operation.duration")
    assert point.attributes["error.type"] == "InternalServerError"


def test_a_server_that_is_not_there_is_a_connection_crash(vitals: Vitals, config: dict[str, Any]) -> None:
    """And is told as one."""
    config["config_list"][0]["base_url"] = "http://127.0.0.1:9/v1"
    with pytest.raises(Exception, match=r"[Cc]onnection"):
        chat(talker("user"), autogen.AssistantAgent("writer", llm_config=config))
    (crash,) = vitals.events("autogen.crash")
    told = (crash.attributes["autogen.crash.category"], crash.attributes["autogen.operation"])
    assert told == ("connection", "invoke_workflow writer")


def test_a_second_try_is_counted(vitals: Vitals, config: dict[str, Any], model: ModelServer) -> None:
    """The SDK asks again by itself; nobody would know."""
    model.failures = 1
    chat(talker("user"), autogen.AssistantAgent("writer", llm_config=config))
    assert vitals.span("chat stub").attributes["autogen.retry.count"] == 1


def test_tokens_are_counted_also_where_the_reply_is_streamed(
    vitals: Vitals, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream is read to its end inside create()."""
    # Some versions count a prompt's tokens themselves, by a table that is fetched from the internet.
    monkeypatch.setattr("autogen.oai.client.count_token", lambda *_, **__: 2, raising=False)
    for stream in (False, True):
        config["config_list"][0]["stream"] = stream
        response = autogen.OpenAIWrapper(**config).create(messages=[{"role": "user", "content": "x"}])
        assert response.choices[0].message.content == ("ab" if stream else "a")
    assert len(vitals.spans("chat stub")) == 2
    used: dict[str, int] = {}
    for point in vitals.points("gen_ai.client.token.usage"):
        kind = point.attributes["gen_ai.token.type"]
        used[kind] = used.get(kind, 0) + point.count
        assert point.sum >= point.count
    assert used == {"input": 2, "output": 2}


@pytest.mark.parametrize("where", ["memory", "disk"])
def test_a_reply_from_the_cache_costs_no_tokens(
    where: str,
    vitals: Vitals,
    config: dict[str, Any],
    model: ModelServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Microsoft's caches on the disk unless told not to."""
    monkeypatch.chdir(tmp_path)
    given: dict[str, Any] = {}
    if where == "memory":
        given["cache"] = importlib.import_module("autogen.cache.in_memory_cache").InMemoryCache("seed")
    else:
        pytest.importorskip("diskcache")
        config["cache_seed"] = 7
    for _ in range(2):
        response = autogen.OpenAIWrapper(**config).create(messages=[{"role": "user", "content": "x"}], **given)
        assert response.choices[0].message.content == "a"
    assert model.requests == 1
    assert len(vitals.spans("chat stub")) == 2
    points = vitals.points("gen_ai.client.token.usage")
    assert {(point.attributes["gen_ai.token.type"], point.count, point.sum) for point in points} == {
        ("input", 1, 1),
        ("output", 1, 1),
    }


@pytest.mark.parametrize(
    ("entry", "provider"),
    [
        ({}, "openai"),
        ({"api_type": "openai"}, "openai"),
        ({"api_type": "azure", "api_version": "2024-02-01"}, "azure.ai.openai"),
    ],
)
def test_the_configuration_says_whose_model_it_is(
    entry: dict[str, str], provider: str, vitals: Vitals, config: dict[str, Any]
) -> None:
    """There is one client class for all of them."""
    client = autogen.OpenAIWrapper(config_list=[{**config["config_list"][0], **entry}], cache_seed=None)
    client.create(messages=[{"role": "user", "content": "x"}])
    assert vitals.span("chat stub").attributes["gen_ai.provider.name"] == provider


def test_the_model_may_be_named_at_the_call(vitals: Vitals, config: dict[str, Any]) -> None:
    """Where the configuration names none."""
    del config["config_list"][0]["model"]
    autogen.OpenAIWrapper(**config).create(model="other", messages=[{"role": "user", "content": "x"}])
    assert len(vitals.spans("chat other")) == 1


def test_model_spans_step_aside_for_another_instrumentation(
    vitals: Vitals, config: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody has wrapped the SDK's own method, the chat span and its metrics are theirs."""
    import wrapt
    from openai.resources.chat.completions import Completions

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return wrapped(*args, **kwargs)

    writer = autogen.AssistantAgent("writer", llm_config=config)
    monkeypatch.setattr(Completions, "create", wrapt.FunctionWrapper(Completions.create, theirs))
    chat(talker("user"), writer)
    assert vitals.spans("chat stub") == []
    monkeypatch.undo()
    chat(talker("user"), writer)
    assert len(vitals.spans("chat stub")) == 1


# --- tools and code ---------------------------------------------------------------------------------------------------


def equipped(config: dict[str, Any]) -> tuple[Any, Any]:
    """Who asks for tools, and who runs them."""
    writer, user = autogen.AssistantAgent("writer", llm_config=config), talker("user", "")
    for function in (add, fail):
        autogen.register_function(function, caller=writer, executor=user, description="A tool.")
    return writer, user


def test_a_tool_call_is_one_span_and_its_failure_is_an_error(
    vitals: Vitals, config: dict[str, Any], model: ModelServer
) -> None:
    """AutoGen tells the model what a tool raised; the tool's span says ERROR all the same, and no message."""
    writer, user = equipped(config)
    model.replies = [("add", '{"a": 1, "b": 2}'), ("fail", '{"a": 1}'), "done"]
    assert chat(user, writer, max_turns=3).summary == "done"
    good, bad = vitals.span("execute_tool add"), vitals.span("execute_tool fail")
    assert parent_name(good, vitals.spans()) == "invoke_agent user"
    assert good.status.status_code is StatusCode.UNSET
    assert good.attributes["gen_ai.tool.name"] == "add"
    assert good.attributes["autogen.component.kind"] == "tool"
    assert (bad.status.status_code, bad.attributes["error.type"]) == (StatusCode.ERROR, "ToolError")
    errors = {point.attributes.get("error.type") for point in vitals.points("gen_ai.execute_tool.duration")}
    assert errors == {None, "ToolError"}
    assert vitals.spans("chat stub")[0].attributes["gen_ai.response.finish_reasons"] == ("tool_calls",)
    assert "CANARY" not in "".join(span.to_json() for span in vitals.all_spans())
    assert_in_the_catalogue(vitals.spans())


async def test_an_asynchronous_tool_call_is_one_span(vitals: Vitals) -> None:
    """Of a function map, as of a registered function."""

    async def later(a: int) -> int:
        await asyncio.sleep(0)
        return a

    user = talker("user", function_map={"later": later, "fail": fail})
    assert (await user.a_execute_function({"name": "later", "arguments": '{"a": 5}'}))[0] is True
    assert (await user.a_execute_function({"name": "fail", "arguments": '{"a": 5}'}))[0] is False
    assert (await user.a_execute_function(func_call={"name": "unknown", "arguments": "{}"}))[0] is False
    told = [(span.name, span.attributes.get("error.type")) for span in vitals.spans() if "execute" in span.name]
    assert told == [
        ("execute_tool later", None),
        ("execute_tool fail", "ToolError"),
        ("execute_tool unknown", "ToolError"),
    ]


@pytest.mark.parametrize("way", ["legacy", "executor"])
def test_code_is_run_in_one_span(way: str, vitals: Vitals, tmp_path: Path) -> None:
    """By an executor of its own, or by the agent itself as its code_execution_config has it."""
    executor = LocalExecutor(work_dir=tmp_path)
    ways = {"legacy": {"work_dir": str(tmp_path), "use_docker": False}, "executor": {"executor": executor}}
    user = talker("user", code_execution_config=ways[way])
    coder = talker("coder", "```python\nprint(6 * 7)\n```")
    vitals.exporter.clear()
    result = chat(coder, user, message="```python\nprint(6 * 7)\n```")
    assert "42" in result.summary
    span = vitals.span("execute_code")
    assert parent_name(span, vitals.spans()) == "invoke_agent user"
    assert span.attributes["autogen.component.kind"] == "code_executor"
    assert span.attributes["autogen.code_execution.exit_code"] == 0


@pytest.mark.parametrize("way", ["legacy", "executor"])
def test_code_that_fails_is_a_finding(way: str, vitals: Vitals, tmp_path: Path) -> None:
    """Whether the agent answers a tuple, or its executor an object: with what it ended with; the run has no error."""
    ways = {
        "legacy": {"work_dir": str(tmp_path), "use_docker": False},
        "executor": {"executor": LocalExecutor(work_dir=tmp_path)},
    }
    user = talker("user", code_execution_config=ways[way])
    chat(talker("coder", "done"), user, message="```python\nraise SystemExit(3)\n```")
    span = vitals.span("execute_code")
    assert span.attributes["autogen.code_execution.exit_code"] == 3
    assert "error.type" not in span.attributes
    told = vitals.finding("AG403")
    assert told["autogen.finding.severity"] == "info"
    assert "exit code 3" in told["autogen.finding.evidence"]


# --- group chats ------------------------------------------------------------------------------------------------------


def group(*agents: Any, llm_config: Any = False, **given: Any) -> Any:
    given = {"speaker_selection_method": "round_robin", "max_round": 3, **given}
    return autogen.GroupChatManager(autogen.GroupChat(list(agents), [], **given), llm_config=llm_config)


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
