"""The names and labels that Prometheus gives to what is exported: dashboards and rules hang on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import openmetrics
import prometheus
import pytest
from openmetrics import Kind

from autogen_vitals import semconv
from autogen_vitals.local.receiver import ReceivedPoint

# Taken from a real Prometheus 3.12, to which the Python SDK 1.45 pushed such instruments by OTLP/HTTP.
SEEN: tuple[tuple[str, str, Kind, str], ...] = (
    ("autogen.init.duration", "s", "histogram", "autogen_init_duration_seconds"),
    ("autogen.crashes", "{crash}", "counter", "autogen_crashes_total"),
    ("autogen.worker.active", "{worker}", "gauge", "autogen_worker_active"),
    ("autogen.cold_start.ratio", "1", "gauge", "autogen_cold_start_ratio"),
    ("autogen.process.boot.duration", "s", "gauge", "autogen_process_boot_duration_seconds"),
    ("autogen.import.bytes", "By", "counter", "autogen_import_bytes_total"),
)

# Every metric of the package. A name that changes here changes in dashboards/, in the users' own boards and alerts,
# and in the changelog.
SERIES = {
    "autogen.startup.duration": "autogen_startup_duration_seconds",
    "autogen.cold_start.duration": "autogen_cold_start_duration_seconds",
    "autogen.import.duration": "autogen_import_duration_seconds",
    "autogen.init.duration": "autogen_init_duration_seconds",
    "autogen.reinits": "autogen_reinits_total",
    "autogen.reinit.time": "autogen_reinit_time_seconds_total",
    "autogen.request.duration": "autogen_request_duration_seconds",
    "autogen.request.init.duration": "autogen_request_init_duration_seconds",
    "autogen.connect.duration": "autogen_connect_duration_seconds",
    "autogen.loop.blocked.duration": "autogen_loop_blocked_duration_seconds",
    "gen_ai.invoke_agent.duration": "gen_ai_invoke_agent_duration_seconds",
    "gen_ai.invoke_workflow.duration": "gen_ai_invoke_workflow_duration_seconds",
    "gen_ai.execute_tool.duration": "gen_ai_execute_tool_duration_seconds",
    "gen_ai.client.operation.duration": "gen_ai_client_operation_duration_seconds",
    "gen_ai.client.token.usage": "gen_ai_client_token_usage",
    "gen_ai.client.operation.time_to_first_chunk": "gen_ai_client_operation_time_to_first_chunk_seconds",
    "autogen.worker.info": "autogen_worker_info",
    "autogen.crashes": "autogen_crashes_total",
    "autogen.process.exits": "autogen_process_exits_total",
    "autogen.findings": "autogen_findings_total",
    "autogen.exit_record.enabled": "autogen_exit_record_enabled",
}
KINDS: dict[str, Kind] = {
    "histogram": "histogram",
    "observable counter": "counter",
    "observable gauge": "gauge",
}

RESOURCE = {
    "service.name": "claims",
    "service.namespace": "insure",
    "service.instance.id": "pod-a:9",
    "process.pid": 9,
    "host.name": "pod-a",
}
SERVICE = 'instance="pod-a:9",job="insure/claims"'
CRASHES = ReceivedPoint(
    metric="autogen.crashes",
    type="sum",
    unit="{crash}",
    attributes={"autogen.crash.category": "timeout", "error.type": ""},
    resource=RESOURCE,
    scope="autogen_vitals",
    value=3,
    count=0,
    sum=0.0,
    bucket_counts=(),
    explicit_bounds=(),
    start_ns=0,
    time_ns=1_700_000_000_250_000_000,
    monotonic=True,
    cumulative=True,
    exemplars=(),
)
INITS = replace(
    CRASHES,
    metric="autogen.init.duration",
    type="histogram",
    unit="s",
    attributes={"autogen.reinit": True},
    value=None,
    count=6,
    sum=1.5,
    bucket_counts=(1, 2, 3),
    explicit_bounds=(0.0001, 1.0),
    monotonic=False,
)


@pytest.mark.parametrize(("name", "unit", "kind", "series"), SEEN)
def test_names_are_those_that_prometheus_gave(name: str, unit: str, kind: Kind, series: str) -> None:
    """The translation is the one that a real server was seen to make."""
    assert openmetrics.family(name, unit, kind).name == series


def test_each_metric_has_the_series_that_is_known() -> None:
    """No metric is renamed, added or dropped, and none changes its unit or kind, without a word here."""
    made = {
        metric.name: openmetrics.family(metric.name, metric.unit, KINDS[metric.instrument]).name
        for metric in semconv.METRICS
    }
    assert made == SERIES, "a metric was renamed, or has another unit or kind: its series is now called otherwise"


def test_a_point_becomes_its_samples() -> None:
    """Job and instance of the resource, the point's attributes, cumulated buckets, and the resource on target_info."""
    assert openmetrics.exposition([CRASHES, INITS]).splitlines() == [
        "# TYPE autogen_crashes counter",
        f'autogen_crashes_total{{autogen_crash_category="timeout",{SERVICE}}} 3 1700000000.250',
        "# TYPE target_info gauge",
        f'target_info{{host_name="pod-a",{SERVICE},process_pid="9"}} 1 1700000000.250',
        "# TYPE autogen_init_duration_seconds histogram",
        *(
            f'autogen_init_duration_seconds_{name}{{autogen_reinit="true",{SERVICE}{le}}} {value} 1700000000.250'
            for name, le, value in (
                ("bucket", ',le="0.0001"', 1),
                ("bucket", ',le="1"', 3),
                ("bucket", ',le="+Inf"', 6),
                ("sum", "", 1.5),
                ("count", "", 6),
            )
        ),
        "# EOF",
    ]


@pytest.mark.parametrize(
    ("resource", "job"),
    [({"service.name": "claims"}, "claims"), ({"service.name": "claims", "service.namespace": "a/b"}, "a/b/claims")],
)
def test_job_is_the_service(resource: dict[str, Any], job: str) -> None:
    """With its namespace, where it has one."""
    assert openmetrics.identity(resource) == {"job": job, "instance": ""}


def test_delta_temporality_is_refused() -> None:
    """As Prometheus refuses it: nobody shall think that a board shows it."""
    with pytest.raises(ValueError, match="delta"):
        openmetrics.exposition([replace(CRASHES, cumulative=False)])


@pytest.mark.e2e
def test_prometheus_reads_what_was_written(tmp_path: Path) -> None:
    """Values, labels with quotes in them, buckets and moments come back from the real server."""
    quoted = replace(CRASHES, attributes={"error.type": 'a "b" \\ c\nd'}, time_ns=CRASHES.time_ns + 60 * 10**9, value=5)
    later = replace(INITS, count=12, sum=4.5, bucket_counts=(2, 4, 6), time_ns=quoted.time_ns)
    prometheus.write_history(openmetrics.exposition([later, INITS, quoted, CRASHES]), tmp_path / "data")
    with prometheus.Prometheus(tmp_path / "data") as server:
        first, second = CRASHES.time_ns / 1e9, quoted.time_ns / 1e9
        assert prometheus.by(server.instant("autogen_crashes_total", second), "error_type") == {
            "": 3,
            quoted.attributes["error.type"]: 5,
        }
        assert server.instant("autogen_crashes_total", first - 1) == []
        median = "histogram_quantile(0.25, increase(autogen_init_duration_seconds_bucket[2m]))"
        assert 0.0001 < server.instant(median, second)[0].value < 1
        assert server.label_values("autogen_crashes_total", "instance", first, second) == ["pod-a:9"]
