"""Span names, attributes and errors, against semconv/."""

from __future__ import annotations

import logging
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals, assert_in_the_catalogue
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.telemetry.spans import span_name
from autogen_vitals.vocabulary import CHAT, INVOKE_AGENT


def explode(x: int) -> int:
    """Explode."""
    raise ValueError("sk-CANARY-KEY")


async def exercise() -> None:
    """A run, a stream, a failing tool."""
    client = ReplayChatCompletionClient(["a", "b"])
    client.set_cached_bool_value(False)
    await AssistantAgent("writer", client).run(task="x")
    async for _ in AssistantAgent("reader", client, model_client_stream=True).run_stream(task="x"):
        pass
    with pytest.raises(ValueError, match="CANARY"):
        await FunctionTool(explode, "x").run_json({"x": 1}, CancellationToken())


async def test_every_span_is_one_of_the_catalogue_with_its_attributes(vitals: Vitals) -> None:
    """What is emitted is what semconv/ says: names, kinds, required attributes, value types, nothing else."""
    await exercise()
    assert {"autogen.startup", "chat", "execute_tool explode", "invoke_agent writer"} <= {
        span.name for span in vitals.own_spans()
    }
    assert_in_the_catalogue(vitals.own_spans())


def test_a_component_may_have_no_name_yet(vitals: Vitals) -> None:
    """A constructor that failed has set none; a property may raise."""

    class Nameless(AssistantAgent):
        def __init__(self) -> None:
            raise LookupError

        @property
        def name(self) -> str:
            raise RuntimeError

    with pytest.raises(LookupError):
        Nameless()
    attributes = vitals.span(f"init {Nameless.__qualname__}").attributes
    assert attributes["error.type"] == "LookupError"
    assert semconv.COMPONENT_NAME not in attributes


async def test_every_metric_is_one_of_the_catalogue_with_its_attributes(vitals: Vitals) -> None:
    """The same for metrics: names, attributes, buckets; no name of a component, an agent or a tool on any of them."""
    await exercise()
    for metric in semconv.METRICS:
        for point in vitals.points(metric.name):
            assert set(point.attributes) <= set(metric.attributes), metric.name
            assert not {semconv.COMPONENT_NAME, semconv.GEN_AI_AGENT_NAME, semconv.GEN_AI_TOOL_NAME} & set(
                point.attributes
            )
            if metric.buckets:
                assert tuple(point.explicit_bounds) == metric.buckets
    assert vitals.metric_names() <= {metric.name for metric in semconv.METRICS}


async def test_an_exception_is_recorded_without_its_message(vitals: Vitals) -> None:
    """The event names class and frames: no message, no line of source, either of which may be a secret."""
    await exercise()
    span = vitals.span("execute_tool explode")
    (event,) = span.events
    assert event.attributes["exception.type"] == "ValueError"
    assert "test_spans.py" in event.attributes["exception.stacktrace"]
    assert "CANARY" not in span.to_json()
    assert "raise ValueError" not in span.to_json()


async def test_a_request_block_is_told_on_its_outermost_runs(vitals: Vitals) -> None:
    """Its name, what it has paid so far and its start type; a client built within makes the second a rebuild."""
    for _ in range(2):
        with autogen_vitals.request("nightly-report"):
            await AssistantAgent("writer", ReplayChatCompletionClient(["a"])).run(task="x")
    runs = vitals.spans("invoke_agent writer")
    assert [run.attributes["autogen.request.name"] for run in runs] == ["nightly-report"] * 2
    assert [run.attributes["autogen.start.type"] for run in runs] == ["cold", "rebuild"]
    assert [run.attributes["autogen.request.init.count"] for run in runs] == [2, 2]
    assert sorted(point.count for point in vitals.points("autogen.request.duration")) == [1, 1]


def test_a_span_name_never_holds_an_id() -> None:
    """An agent named by a uuid is shown by its class; a model without a name by the operation alone."""
    assert span_name(INVOKE_AGENT, "planner", "AssistantAgent") == "invoke_agent planner"
    for name in ("agent_3f2a4c1e9b0d4e5f8a7b6c5d4e3f2a1b", "3f2a4c1e-9b0d-4e5f-8a7b-6c5d4e3f2a1b"):
        assert span_name(INVOKE_AGENT, name, "AssistantAgent") == "invoke_agent AssistantAgent"
    assert span_name(CHAT, None, "Client") == "chat"


async def test_suppressed_instrumentation_is_silent(vitals: Vitals) -> None:
    """Inside suppress_instrumentation() nothing is emitted at all."""
    with suppress_instrumentation():
        await AssistantAgent("writer", ReplayChatCompletionClient(["a"])).run(task="x")
    assert vitals.spans() == []
    assert vitals.points("autogen.init.duration") == []


async def test_runs_that_are_not_sampled_still_count(vitals: Vitals) -> None:
    """A sampler that drops every span drops no measurement."""
    autogen_vitals.disable()
    autogen_vitals.enable(tracer_provider=TracerProvider(sampler=ALWAYS_OFF), meter_provider=vitals.meter_provider)
    await AssistantAgent("writer", ReplayChatCompletionClient(["a"])).run(task="x")
    assert [point.count for point in vitals.points("gen_ai.invoke_agent.duration")] == [1]


async def test_without_an_sdk_runs_are_as_they_were(caplog: pytest.LogCaptureFixture) -> None:
    """No provider, no exporter: the agent answers and nothing is logged."""
    from opentelemetry.metrics import NoOpMeterProvider
    from opentelemetry.trace import NoOpTracerProvider

    caplog.set_level(logging.WARNING)
    autogen_vitals.enable(tracer_provider=NoOpTracerProvider(), meter_provider=NoOpMeterProvider())
    try:
        result = await AssistantAgent("writer", ReplayChatCompletionClient(["a"])).run(task="x")
        assert result.messages[-1].content == "a"
        assert caplog.records == []
    finally:
        autogen_vitals.disable()


async def test_a_name_that_raises_hurts_nobody(vitals: Vitals) -> None:
    """A component whose name or repr raises runs; its spans go by its class."""

    class Nameless(AssistantAgent):
        broken = False

        @property
        def name(self) -> str:
            if self.broken:
                raise RuntimeError("no name")
            return super().name

        def __repr__(self) -> str:
            raise RuntimeError("no repr")

    agent = Nameless("writer", ReplayChatCompletionClient(["a", "b"]))
    Nameless.broken = True
    with pytest.raises(RuntimeError, match="no name"):
        await agent.run(task="x")  # AutoGen itself asks for the name
    assert any(name.startswith("invoke_agent") and name.endswith("Nameless") for name in vitals.names())


@pytest.mark.parametrize("value", [{"nested": 1}, object(), None, b"x"])
def test_facts_are_plain(value: Any) -> None:
    """What is no string or number never becomes an attribute."""
    from autogen_vitals.lifecycle.reading import plain

    assert plain(value) is None
