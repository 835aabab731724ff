"""The catalogue of signals and the page made of it."""

from __future__ import annotations

import runpy
from pathlib import Path

from autogen_vitals import semconv
from autogen_vitals.semconv.spans import FIRST_REQUEST_ATTRIBUTES, REQUEST_ATTRIBUTES, SPAN_EVENTS, SPANS, STARTUP_SPAN
from autogen_vitals.vocabulary import STARTUP_STAGES

ROOT = Path(__file__).resolve().parent.parent
CONSTANTS = {
    value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str) and "." in value
} - {semconv.SCHEMA_URL, *(event.name for event in SPAN_EVENTS)}
OF_STAGES = {semconv.startup_attribute(stage) for stage in STARTUP_STAGES}


def test_the_page_is_what_the_catalogue_says() -> None:
    """docs/signals.md is generated: run `make docs` after a change of semconv/."""
    render = runpy.run_path(str(ROOT / "scripts" / "generate-docs"))["render"]
    assert (ROOT / "docs" / "signals.md").read_text(encoding="utf-8") == render()


def test_every_attribute_is_described_once() -> None:
    """Each constant and each stage has its row, each row its constant, and each is on a span, an event or a metric."""
    described = [attribute.name for attribute in semconv.ATTRIBUTES]
    assert len(described) == len(set(described))
    assert set(described) == CONSTANTS | OF_STAGES
    used = {name for signal in (*SPANS, *SPAN_EVENTS, *semconv.EVENTS) for name, _ in signal.attributes}
    used |= {name for metric in semconv.METRICS for name in metric.attributes}
    assert used | {*REQUEST_ATTRIBUTES, *FIRST_REQUEST_ATTRIBUTES} == set(described)


def test_the_first_request_has_what_the_start_has() -> None:
    """Each stage, their sum and the rest of the cold start, so that the two can be compared; never what is not said."""
    of_the_start = {name for name, _ in STARTUP_SPAN.attributes}
    assert OF_STAGES < set(FIRST_REQUEST_ATTRIBUTES) <= of_the_start
    assert not set(FIRST_REQUEST_ATTRIBUTES) & set(REQUEST_ATTRIBUTES)


def test_a_signal_names_an_attribute_once() -> None:
    """No span, event or metric lists one twice, and no two signals of a kind have one name."""
    for signal in (*SPANS, *SPAN_EVENTS, *semconv.EVENTS):
        names = [name for name, _ in signal.attributes]
        assert len(names) == len(set(names)), signal.name
    for signals in (SPANS, SPAN_EVENTS, semconv.EVENTS, semconv.METRICS):
        names = [signal.name for signal in signals]
        assert len(names) == len(set(names))


def test_names_of_ours_begin_with_autogen() -> None:
    """No name is invented under a namespace of the conventions."""
    conventions = {
        "gen_ai.client.operation.duration",
        "gen_ai.client.operation.time_to_first_chunk",
        "gen_ai.client.token.usage",
        "gen_ai.execute_tool.duration",
        "gen_ai.invoke_agent.duration",
        "gen_ai.invoke_workflow.duration",
    }
    names = {metric.name for metric in semconv.METRICS}
    assert {name for name in names if not name.startswith("autogen.")} == conventions
    assert all(event.name.startswith("autogen.") for event in semconv.EVENTS)


def test_buckets_rise() -> None:
    """Histograms have explicit, rising buckets; nothing else has any."""
    for metric in semconv.METRICS:
        assert (metric.instrument == "histogram") == bool(metric.buckets), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name
