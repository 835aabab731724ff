"""Model calls, tools and code of classic AutoGen, with the real SDK and a local model."""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import Any

import pytest
from classic_chats import TRIES, LocalExecutor, autogen, chat, equipped, talker
from model_server import ModelServer
from observed import Vitals, assert_in_the_catalogue, parent_name
from opentelemetry.trace import StatusCode
from tool_functions import fail

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
