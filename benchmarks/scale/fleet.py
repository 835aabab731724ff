"""What a fleet needs, by arithmetic: everything here is linear in what was measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import get_args

from autogen_vitals import semconv, vocabulary
from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.lifecycle import imports
from autogen_vitals.local.otlp import ReceivedPoint
from autogen_vitals.telemetry import crash_metrics, finding_metrics, observing

DAY = 86_400
SDK_LIMIT = 2000
"""Attribute sets of an instrument, beyond which an SDK from 1.45.2 on adds up the rest in one."""

_CHOICES = {
    semconv.START_TYPE: len(get_args(vocabulary.StartType)),
    semconv.PHASE: len(get_args(vocabulary.Phase)),
    semconv.INIT_STAGE: len(get_args(vocabulary.Stage)),
    semconv.CONNECT_STAGE: len(get_args(vocabulary.ConnectStage)),
    semconv.STARTUP_STAGE: len(get_args(vocabulary.StartupStage)),
    semconv.EXIT_REASON: len(get_args(vocabulary.ExitReason)),
    semconv.EXIT_OBSERVED_BY: len(get_args(vocabulary.Observer)),
    semconv.COMPONENT_KIND: len(get_args(vocabulary.ComponentKind)),
    semconv.FIRST_USE: 2,
    semconv.REINIT: 2,
    semconv.GEN_AI_TOKEN_TYPE: 2,
}
# They share one budget of names in a process; a class has one kind and one provider, a process one server and one pid.
_NAMES = frozenset({semconv.COMPONENT_TYPE, semconv.ERROR_TYPE, semconv.GEN_AI_REQUEST_MODEL})


def series_of_set(metric: semconv.Metric) -> int:
    """How many series Prometheus makes of one attribute set: a histogram's bounds, +Inf, sum and count."""
    return len(metric.buckets) + 3 if metric.instrument == "histogram" else 1


def most_sets(metric: semconv.Metric) -> int:
    """How many attribute sets one process can have of a metric by this package's own caps."""
    if metric is semconv.IMPORT_DURATION:
        return imports._RECORD_LIMIT
    if metric is semconv.CRASHES:
        return crash_metrics._SERIES_LIMIT
    if metric is semconv.FINDINGS:
        return len(catalogue()) * (finding_metrics._SITE_LIMIT + 1)
    names = sum(attribute in _NAMES for attribute in metric.attributes)
    named = (observing._NAME_LIMIT // names + 1) ** names if names else 1
    choices = [
        _CHOICES.get(attribute, 1)
        for attribute in metric.attributes
        if not (attribute == semconv.COMPONENT_KIND and semconv.COMPONENT_TYPE in metric.attributes)
    ]
    return named * prod(choices)


def sets_by_metric(points: Iterable[ReceivedPoint]) -> dict[str, int]:
    """How many attribute sets there are of each metric."""
    return dict(Counter(point.metric for point in points))


def series_by_metric(points: Iterable[ReceivedPoint], bounds: Mapping[str, Sequence[float] | None]) -> dict[str, int]:
    """How many series each metric makes.

    Args:
        bounds: of the histograms that have others than their own; ``None`` for a metric that is dropped.
    """
    known = {metric.name: metric for metric in semconv.METRICS}
    found: Counter[str] = Counter()
    for point in points:
        told = bounds.get(point.metric, ()) if point.metric in bounds else known[point.metric].buckets
        if told is not None:
            found[point.metric] += len(told) + 3 if point.type == "histogram" else 1
    return dict(found)


@dataclass(frozen=True)
class PerWorker:
    """Of one worker: series; bytes of an export; spans and bytes of a request."""

    series: float
    export_bytes: float
    spans: float
    span_bytes: float


@dataclass(frozen=True)
class PerSeries:
    """Of a Prometheus: resident bytes of a series, bytes of a sample on disk, samples a second of one core."""

    resident_bytes: float
    sample_bytes: float
    samples_of_core: float


@dataclass(frozen=True)
class Needs:
    """Of a fleet. ``kept_spans`` is after tail sampling, ``waiting_traces`` what that has in memory."""

    workers: int
    series: float
    samples: float
    otlp_bytes: float
    memory_bytes: float
    disk_bytes_of_day: float
    ingestion_cores: float
    spans: float
    kept_spans: float
    trace_bytes_of_day: float
    kept_trace_bytes_of_day: float
    waiting_traces: float
    waiting_bytes: float


def needs(
    workers: int,
    worker: PerWorker,
    prometheus: PerSeries,
    *,
    interval: float = 60.0,
    requests: float = 1.0,
    kept: float = 0.1,
    decision_wait: float = 60.0,
) -> Needs:
    """What so many workers need.

    Args:
        interval: seconds between two exports.
        requests: of one worker in a second.
        kept: the share of the traces that tail sampling keeps.
        decision_wait: seconds for which it keeps each.
    """
    series = workers * worker.series
    samples = series / interval
    spans = workers * requests * worker.spans
    trace_bytes = workers * requests * worker.span_bytes
    return Needs(
        workers,
        series,
        samples,
        workers * worker.export_bytes / interval + trace_bytes,
        series * prometheus.resident_bytes,
        samples * DAY * prometheus.sample_bytes,
        samples / prometheus.samples_of_core,
        spans,
        spans * kept,
        trace_bytes * DAY,
        trace_bytes * DAY * kept,
        workers * requests * decision_wait,
        trace_bytes * decision_wait,
    )


def slope(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """The line through points by least squares.

    Returns:
        Growth, what there is at zero, and the share of the variance that the line explains.
    """
    count = len(pairs)
    mean_x, mean_y = (sum(pair[axis] for pair in pairs) / count for axis in (0, 1))
    spread = sum((x - mean_x) ** 2 for x, _ in pairs)
    growth = sum((x - mean_x) * (y - mean_y) for x, y in pairs) / spread
    at_zero = mean_y - growth * mean_x
    total = sum((y - mean_y) ** 2 for _, y in pairs)
    unexplained = sum((y - at_zero - growth * x) ** 2 for x, y in pairs)
    return growth, at_zero, 1 - unexplained / total if total else 1.0
