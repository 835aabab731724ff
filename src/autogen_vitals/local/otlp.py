"""OTLP requests, decoded into plain frozen values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_CUMULATIVE,
    Exemplar,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

Attributes = dict[str, Any]
SpanReference = tuple[str, str]
"""Trace id and span id, in hex."""


@dataclass(frozen=True)
class ReceivedSpan:
    """A span. Ids are hex, ``parent_span_id`` is empty on a root; arrays among the attributes are tuples."""

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int
    end_ns: int
    attributes: Attributes
    resource: Attributes
    scope: str
    status: Literal["UNSET", "OK", "ERROR"]
    status_message: str
    events: tuple[tuple[str, Attributes], ...]
    links: tuple[SpanReference, ...]


@dataclass(frozen=True)
class ReceivedPoint:
    """A data point of a metric: ``value`` where it is a number, the next four where it is a histogram.

    ``cumulative`` and ``monotonic`` are false where the type has no such notion.
    """

    metric: str
    type: Literal["histogram", "sum", "gauge"]
    unit: str
    attributes: Attributes
    resource: Attributes
    scope: str
    value: float | None
    count: int
    sum: float
    bucket_counts: tuple[int, ...]
    explicit_bounds: tuple[float, ...]
    start_ns: int
    time_ns: int
    monotonic: bool
    cumulative: bool
    exemplars: tuple[SpanReference, ...]


@dataclass(frozen=True)
class ReceivedLog:
    """A log record, an event where ``event_name`` is not empty; ids are empty outside a span.

    ``time_ns`` is when it happened, ``observed_ns`` when that was seen, nanoseconds since the epoch; 0: not said.
    """

    event_name: str
    severity: str
    body: Any
    attributes: Attributes
    resource: Attributes
    scope: str
    trace_id: str
    span_id: str
    time_ns: int
    observed_ns: int


def decode_spans(body: bytes) -> Iterator[ReceivedSpan]:
    """The spans of an ``ExportTraceServiceRequest``.

    Raises:
        google.protobuf.message.DecodeError, ValueError: ``body`` is not one.
    """
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _span(span, resource, scope_spans.scope.name)


def decode_points(body: bytes) -> Iterator[ReceivedPoint]:
    """The data points of an ``ExportMetricsServiceRequest``; exponential histograms and summaries are left out.

    Raises:
        google.protobuf.message.DecodeError, ValueError: ``body`` is not one.
    """
    for resource_metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        resource = _attributes(resource_metrics.resource.attributes)
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                yield from _points(metric, resource, scope_metrics.scope.name)


def decode_logs(body: bytes) -> Iterator[ReceivedLog]:
    """The records of an ``ExportLogsServiceRequest``.

    Raises:
        google.protobuf.message.DecodeError, ValueError: ``body`` is not one.
    """
    for resource_logs in ExportLogsServiceRequest.FromString(body).resource_logs:
        resource = _attributes(resource_logs.resource.attributes)
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                yield _log(record, resource, scope_logs.scope.name)


def _span(span: Span, resource: Attributes, scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        resource=resource,
        scope=scope,
        status=_status(span.status),
        status_message=span.status.message,
        events=tuple((event.name, _attributes(event.attributes)) for event in span.events),
        links=tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links),
    )


def _status(status: Status) -> Literal["UNSET", "OK", "ERROR"]:
    if status.code == Status.STATUS_CODE_ERROR:
        return "ERROR"
    return "OK" if status.code == Status.STATUS_CODE_OK else "UNSET"


def _points(metric: Metric, resource: Attributes, scope: str) -> Iterator[ReceivedPoint]:
    kind = metric.WhichOneof("data")
    if kind == "histogram":
        cumulative = metric.histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        for point in metric.histogram.data_points:
            yield _histogram_point(point, metric, resource, scope, cumulative)
    elif kind == "sum":
        cumulative = metric.sum.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
        for point in metric.sum.data_points:
            yield _number_point(point, "sum", metric, resource, scope, cumulative)
    elif kind == "gauge":
        for point in metric.gauge.data_points:
            yield _number_point(point, "gauge", metric, resource, scope, False)


def _histogram_point(
    point: HistogramDataPoint, metric: Metric, resource: Attributes, scope: str, cumulative: bool
) -> ReceivedPoint:
    return ReceivedPoint(
        metric=metric.name,
        type="histogram",
        unit=metric.unit,
        attributes=_attributes(point.attributes),
        resource=resource,
        scope=scope,
        value=None,
        count=point.count,
        sum=point.sum,
        bucket_counts=tuple(point.bucket_counts),
        explicit_bounds=tuple(point.explicit_bounds),
        start_ns=point.start_time_unix_nano,
        time_ns=point.time_unix_nano,
        monotonic=False,
        cumulative=cumulative,
        exemplars=_exemplars(point.exemplars),
    )


def _number_point(
    point: NumberDataPoint,
    type: Literal["sum", "gauge"],
    metric: Metric,
    resource: Attributes,
    scope: str,
    cumulative: bool,
) -> ReceivedPoint:
    return ReceivedPoint(
        metric=metric.name,
        type=type,
        unit=metric.unit,
        attributes=_attributes(point.attributes),
        resource=resource,
        scope=scope,
        value=point.as_int if point.WhichOneof("value") == "as_int" else point.as_double,
        count=0,
        sum=0.0,
        bucket_counts=(),
        explicit_bounds=(),
        start_ns=point.start_time_unix_nano,
        time_ns=point.time_unix_nano,
        monotonic=type == "sum" and metric.sum.is_monotonic,
        cumulative=cumulative,
        exemplars=_exemplars(point.exemplars),
    )


def _exemplars(exemplars: Iterable[Exemplar]) -> tuple[SpanReference, ...]:
    return tuple((exemplar.trace_id.hex(), exemplar.span_id.hex()) for exemplar in exemplars)


def _log(record: LogRecord, resource: Attributes, scope: str) -> ReceivedLog:
    return ReceivedLog(
        # opentelemetry-proto 1.34 does not know the field yet.
        event_name=getattr(record, "event_name", ""),
        severity=SeverityNumber.Name(record.severity_number).removeprefix("SEVERITY_NUMBER_"),
        body=_value(record.body),
        attributes=_attributes(record.attributes),
        resource=resource,
        scope=scope,
        trace_id=record.trace_id.hex(),
        span_id=record.span_id.hex(),
        time_ns=record.time_unix_nano,
        observed_ns=record.observed_time_unix_nano,
    )


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return tuple(_value(item) for item in value.array_value.values)
    if kind == "kvlist_value":
        return _attributes(value.kvlist_value.values)
    return getattr(value, kind)
