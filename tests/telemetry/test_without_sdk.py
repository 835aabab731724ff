"""A process without an OpenTelemetry SDK: no span is made, and yet a run has readers.

Findings go to the log, the exit record is read by other processes, and measurements wait for an SDK that is set later.
Hence a run is observed there like anywhere else, and what is left out is what makes spans.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = """
import asyncio, json, logging

import autogen_vitals
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

said, told = {}, []
logger = logging.getLogger("autogen_vitals")
logger.addHandler(handler := logging.Handler(logging.INFO))
handler.emit = lambda record: told.append(record.getMessage())

autogen_vitals.AutogenVitalsInstrumentor().instrument(skip_dep_check=True)
installed = autogen_vitals.AutogenVitalsInstrumentor().installed


class Client(ReplayChatCompletionClient):
    async def create(self, *args, **kwargs):
        words = installed._recorder._record.words()
        said.setdefault("flights", [(flight.operation, flight.trace_id) for flight in words.flights])
        said.setdefault("current", trace.get_current_span().get_span_context().is_valid)
        return await super().create(*args, **kwargs)


async def main():
    client = Client(["a"] * 20)
    agent = AssistantAgent("writer", client)
    for _ in range(2):
        with autogen_vitals.request("ask"):
            await agent.run(task="x")
    stream = agent.run_stream(task="x")
    async for item in stream:
        break
    await stream.aclose()
    said["items"] = [type(item).__name__ async for item in agent.run_stream(task="x")]
    said["flights after"] = len(installed._recorder._record.words().flights)
    said["told"] = list(told)

    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(MeterProvider([reader]))
    await agent.run(task="x")
    async for item in agent.run_stream(task="x"):
        pass
    said["spans"] = [
        (span.name, span.attributes.get("autogen.start.type"), span.attributes.get("autogen.first_use"))
        for span in spans.get_finished_spans() if span.instrumentation_scope.name == "autogen_vitals"
    ]
    data = reader.get_metrics_data()
    said["runs measured"] = sum(
        point.count
        for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics
        if metric.name == "gen_ai.invoke_agent.duration" for point in metric.data.data_points
    )


asyncio.run(main())
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the program has seen of itself."""
    state: Path = tmp_path_factory.mktemp("state")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    environment["OTEL_PYTHON_AUTOGEN_STATE_DIR"] = str(state)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Failed to detach" not in done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_finding_about_a_run_is_in_the_log(said: dict[str, Any]) -> None:
    """One agent for two requests: nobody else would say so."""
    assert [line.split()[1] for line in said["told"] if "AG205" in line] == ["AG205"]


def test_the_exit_record_says_what_is_going_on(said: dict[str, Any]) -> None:
    """Whoever reports the process after a SIGKILL may have an SDK."""
    ((operation, trace_id),) = said["flights"]
    assert operation.startswith("chat")
    assert trace_id == 0
    assert said["flights after"] == 0


def test_nothing_is_made_current(said: dict[str, Any]) -> None:
    """There is no span that it could be."""
    assert said["current"] is False


def test_a_stream_gives_what_it_gives(said: dict[str, Any]) -> None:
    """After another one that was left early."""
    assert said["items"][-1] == "TaskResult"


def test_runs_are_recorded_from_the_moment_an_sdk_is_set(said: dict[str, Any]) -> None:
    """It was not there when the first ones were: those of a warm process, in which the model has been used before."""
    assert [name for name, _, _ in said["spans"]] == ["chat", "invoke_agent writer"] * 2
    assert {start for _, start, _ in said["spans"]} == {"warm"}
    assert [first for name, _, first in said["spans"] if name == "chat"] == [False, False]


def test_what_was_measured_before_is_recorded_too(said: dict[str, Any]) -> None:
    """Four runs before, two after: see ``telemetry.metrics``."""
    assert said["runs measured"] == 6
