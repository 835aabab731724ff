"""What scripts/their-tests loads into each run of AutoGen's own tests: our instrumentation, and a list of outcomes.

``THEIR_TESTS_OUTCOMES`` names the file for the outcomes, ``THEIR_TESTS_NATIVE_SPANS`` is the setting to enable us with;
without it we stay out, and the run is the one to compare with.
"""

from __future__ import annotations

import json
import os
from collections.abc import Generator
from pathlib import Path

import pytest

outcomes: dict[str, str] = {}
spans = None

if native_spans := os.environ.get("THEIR_TESTS_NATIVE_SPANS"):
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    import autogen_vitals

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
    autogen_vitals.enable(native_spans=native_spans)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if not report.passed:
        outcomes[report.nodeid] = f"{report.outcome} in collection"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep how a test ended: with what exception, and in which of its three parts."""
    report = yield
    if report.passed and report.when != "call":
        return report
    told = "xfailed" if hasattr(report, "wasxfail") and report.skipped else report.outcome
    if report.failed and call.excinfo is not None:
        told = f"{told} by {call.excinfo.typename} in {report.when}"
    # A test that passed and whose teardown failed has failed.
    outcomes[item.nodeid] = told
    return report


def pytest_sessionfinish() -> None:
    ours = 0
    if spans is not None:
        finished = spans.get_finished_spans()
        ours = sum(span.instrumentation_scope.name == "autogen_vitals" for span in finished)
    told = {"outcomes": outcomes, "spans": ours}
    Path(os.environ["THEIR_TESTS_OUTCOMES"]).write_text(json.dumps(told, indent=1), encoding="utf-8")
