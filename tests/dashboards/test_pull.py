"""The other way to Prometheus: it asks a process for its metrics, by OpenTelemetry's own exporter, whose names and
labels nobody here has written. The boards work both ways if the series are the same.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import openmetrics
import prometheus
import pytest
from e2e.conftest import Start
from e2e.crashing import wait_until
from e2e.harness import SOON, UVICORN, Server, ServerFailed, free_port
from prometheus import Labels, Prometheus, Sample

from autogen_vitals import semconv
from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

JOB, INSTANCE = "proof/pulled", "pod-a"
OURS = '{__name__=~"autogen_.+|gen_ai_.+", job="proof/pulled", instance="pod-a"}'
RESOURCE = 'target_info{job="proof/pulled", instance="pod-a"}'
ACTS = ("shared", "rebuild", "tool", "tool", "team", "stream", "blocked", "shared-team", "no-key")
ARRIVAL_SECONDS = 30.0

Series = dict[tuple[str, ...], float]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with StubModel() as model:
        starter = Start(tmp_path, model)
        yield starter
        for server in starter.servers:
            server.clean_up()


def test_both_ways_make_the_same_series(start: Start, tmp_path: Path) -> None:
    """A process that tells all that the package can tell, by both ways at once: each series of the one is one of the
    other, with the same value, but for the labels ``otel_scope_*``, which the exporter adds."""
    port = free_port()
    with Receiver() as receiver, _scraping(port, tmp_path / "pulled") as pulling:
        server = start(
            UVICORN,
            receiver.environment("pulled"),
            SOON,
            {
                "OTEL_METRICS_EXPORTER": "otlp,prometheus",
                "OTEL_EXPORTER_PROMETHEUS_HOST": "127.0.0.1",
                "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
                "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace=proof,service.instance.id={INSTANCE},service.version=7",
                "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(tmp_path / "state"),
                "SLOW_MODEL_URL": "http://127.0.0.1:9/v1",
            },
            app="measured:app",
        ).wait_ready()
        for act in ACTS:
            server.get(f"/do/{act}")
        pushed, pushed_info = _pushed(receiver, server, tmp_path / "pushed")
        # Where two scrapes meet, the exporter (0.66b0) mixes the labels up; the next one is right again.
        with contextlib.suppress(ServerFailed):
            wait_until(
                lambda: _series(pulling.instant(OURS)) == pytest.approx(pushed), server, "differ", ARRIVAL_SECONDS
            )
        pulled, pulled_info = _series(pulling.instant(OURS)), pulling.instant(RESOURCE)[0].labels
    only = {"pushed": pushed.keys() - pulled.keys(), "pulled": pulled.keys() - pushed.keys()}
    assert not any(only.values()), f"only by one way: {only}"
    # Sums are added up in another order.
    assert pushed == pytest.approx(pulled)
    assert pushed_info.items() <= pulled_info.items()
    assert pushed_info["service_version"] == "7"
    names = {key[0] for key in pushed}
    missing = {metric.name for metric in semconv.METRICS if not _names(metric) <= names}
    # Of these only a process can tell that has seen another one die.
    assert missing == {semconv.PROCESS_EXITS.name}


def _scraping(port: int, folder: Path) -> Prometheus:
    """A server that scrapes as one has to for the boards: its labels are those that OTLP would have given."""
    target = {"targets": [f"127.0.0.1:{port}"], "labels": {"job": JOB, "instance": INSTANCE}}
    scrape = {
        "job_name": "pulled",
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "static_configs": [target],
        "metric_relabel_configs": [{"action": "labeldrop", "regex": "otel_scope_.+"}],
    }
    return Prometheus(folder, {"scrape_configs": [scrape]})


def _pushed(receiver: Receiver, app: Server, folder: Path) -> tuple[Series, Labels]:
    requests = semconv.REQUEST_DURATION.name

    def all_told(received: Receiver) -> bool:
        points = [point for point in received.points if point.metric == requests]
        newest = max((point.time_ns for point in points), default=0)
        return sum(point.count for point in points if point.time_ns == newest) == len(ACTS)

    if not receiver.wait_for(all_told, ARRIVAL_SECONDS):
        raise app.failed("not all requests were exported")
    points = receiver.points
    prometheus.write_history(openmetrics.exposition(points), folder)
    with Prometheus(folder) as server:
        end = max(point.time_ns for point in points) / 1e9
        return _series(server.instant(OURS, end)), server.instant(RESOURCE, end)[0].labels


def _series(samples: list[Sample]) -> Series:
    """Bounds of buckets are written ``1`` by the one, ``1.0`` by the other."""
    found: Series = {}
    for sample in samples:
        labels = {name: str(float(value)) if name == "le" else value for name, value in sample.labels.items()}
        name = labels.pop("__name__")
        found[(name, *(f"{label}={value}" for label, value in sorted(labels.items())))] = sample.value
    return found


def _names(metric: semconv.Metric) -> set[str]:
    kind = {"histogram": "histogram", "observable counter": "counter", "observable gauge": "gauge"}[metric.instrument]
    name = openmetrics.family(metric.name, metric.unit, kind).name
    return {f"{name}_{part}" for part in ("bucket", "count", "sum")} if kind == "histogram" else {name}
