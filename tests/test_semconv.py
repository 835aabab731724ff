"""The catalogue of signals and the page made of it."""

from __future__ import annotations

import runpy
from pathlib import Path

from autogen_vitals import semconv

ROOT = Path(__file__).resolve().parent.parent
CONSTANTS = {
    value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str) and "." in value
} - {semconv.SCHEMA_URL}


def test_the_page_is_what_the_catalogue_says() -> None:
    """docs/signals.md is generated: run `make docs` after a change of semconv.py."""
    render = runpy.run_path(str(ROOT / "scripts" / "generate-docs"))["render"]
    assert (ROOT / "docs" / "signals.md").read_text(encoding="utf-8") == render()


def test_every_attribute_is_described_once() -> None:
    """Each constant has its row, each row its constant, and no span or metric uses anything else."""
    described = [attribute.name for attribute in semconv.ATTRIBUTES]
    assert len(described) == len(set(described))
    assert set(described) == CONSTANTS
    used = {name for span in semconv.SPANS for name, _ in span.attributes}
    used |= {name for metric in semconv.METRICS for name in metric.attributes} | set(semconv.REQUEST_ATTRIBUTES)
    assert used <= set(described)
    events = {semconv.EXCEPTION_TYPE, semconv.EXCEPTION_STACKTRACE}
    assert set(described) - used == events


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


def test_buckets_rise() -> None:
    """Histograms have explicit, rising buckets; nothing else has any."""
    for metric in semconv.METRICS:
        assert (metric.instrument == "histogram") == bool(metric.buckets), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name
