"""The embedded receiver: what arrives over OTLP/HTTP is what the exporter sent, within bounds."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator

import httpx
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode

from autogen_vitals.local.receiver import MAX_REQUEST_BYTES, ReceivedPoint, Receiver, latest_points

PROTOBUF = {"content-type": "application/x-protobuf"}
RESOURCE = Resource({"service.name": "svc", "service.instance.id": "i-1"})


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def tracer_provider(receiver: Receiver, compression: Compression = Compression.NoCompression) -> TracerProvider:
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    exporter = OTLPSpanExporter(endpoint=f"{receiver.endpoint}/v1/traces", compression=compression)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider


def post(
    receiver: Receiver, content: bytes, signal: str = "traces", headers: dict[str, str] | None = None
) -> httpx.Response:
    url = f"{receiver.endpoint}/v1/{signal}"
    return httpx.post(url, content=content, headers={**PROTOBUF, **(headers or {})}, trust_env=False)


def one_span(name: str) -> bytes:
    scope_spans = ScopeSpans(spans=[Span(name=name)])
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(scope_spans=[scope_spans])]).SerializeToString()


def names(receiver: Receiver) -> list[str]:
    return [span.name for span in receiver.spans]


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_a_span_arrives_whole(receiver: Receiver, compression: Compression) -> None:
    """Name, kind, ids, times, attributes, resource, scope, status, events and links survive, compressed or not."""
    tracer = tracer_provider(receiver, compression).get_tracer("my.scope")
    with tracer.start_as_current_span("parent") as parent:
        link = Link(parent.get_span_context())
        span = tracer.start_span("child", kind=SpanKind.CLIENT, links=[link], start_time=1_000)
        span.set_attributes({"s": "x", "i": 7, "f": 0.5, "b": True, "many": ["a", "b"]})
        span.add_event("exception", {"exception.type": "ValueError"})
        span.set_status(StatusCode.ERROR, "it failed")
        span.end(end_time=3_000)

    child, root = receiver.spans
    trace_id, parent_id = f"{parent.get_span_context().trace_id:032x}", f"{parent.get_span_context().span_id:016x}"
    assert (child.name, child.kind, child.scope) == ("child", "CLIENT", "my.scope")
    assert (child.trace_id, child.parent_span_id) == (trace_id, parent_id)
    assert child.span_id == f"{span.get_span_context().span_id:016x}"
    assert (child.start_ns, child.end_ns) == (1_000, 3_000)
    assert child.attributes == {"s": "x", "i": 7, "f": 0.5, "b": True, "many": ("a", "b")}
    assert child.resource == {"service.name": "svc", "service.instance.id": "i-1"}
    assert (child.status, child.status_message) == ("ERROR", "it failed")
    assert child.events == (("exception", {"exception.type": "ValueError"}),)
    assert child.links == ((trace_id, parent_id),)
    assert (root.kind, root.parent_span_id, root.status) == ("INTERNAL", "", "UNSET")


def test_each_type_of_metric_arrives_whole(receiver: Receiver) -> None:
    """A histogram, a monotonic sum, an up-and-down sum and a gauge are told apart, with buckets and exemplars."""
    exporter = OTLPMetricExporter(endpoint=f"{receiver.endpoint}/v1/metrics")
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=float("inf"))
    provider = MeterProvider([reader], resource=RESOURCE, shutdown_on_exit=False)
    meter = provider.get_meter("my.scope")
    tracer = tracer_provider(receiver).get_tracer("my.scope")
    with tracer.start_as_current_span("measured") as span:
        histogram = meter.create_histogram("h", "s", explicit_bucket_boundaries_advisory=[1.0, 2.0])
        histogram.record(0.5, {"k": "v"})
        histogram.record(5.0, {"k": "v"})
    meter.create_counter("c").add(3)
    meter.create_up_down_counter("u").add(-1)
    meter.create_gauge("g", "{worker}").set(0.25)
    provider.force_flush()
    provider.shutdown()

    points = {point.metric: point for point in latest_points(receiver.points)}
    h, c, u, g = points["h"], points["c"], points["u"], points["g"]
    assert (h.type, h.unit, h.attributes, h.scope) == ("histogram", "s", {"k": "v"}, "my.scope")
    assert (h.value, h.count, h.sum, h.cumulative) == (None, 2, 5.5, True)
    assert (h.bucket_counts, h.explicit_bounds) == ((1, 0, 1), (1.0, 2.0))
    context = span.get_span_context()
    assert set(h.exemplars) == {(f"{context.trace_id:032x}", f"{context.span_id:016x}")}
    assert (c.type, c.value, c.monotonic, c.cumulative) == ("sum", 3, True, True)
    assert (u.type, u.value, u.monotonic, u.cumulative) == ("sum", -1, False, True)
    assert (g.type, g.value, g.monotonic, g.cumulative, g.unit) == ("gauge", 0.25, False, False, "{worker}")
    assert g.resource["service.instance.id"] == "i-1"
    assert 0 < h.start_ns <= h.time_ns


def test_a_log_event_arrives_whole(receiver: Receiver) -> None:
    """An event's name, scope, times, severity, body, attributes and span survive, nested values included."""
    nested = AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="n", value=AnyValue(int_value=1))]))
    # opentelemetry-proto 1.34 does not know the field yet.
    event = {"event_name": "autogen.crash"} if "event_name" in LogRecord.DESCRIPTOR.fields_by_name else {}
    record = LogRecord(
        severity_number=SeverityNumber.SEVERITY_NUMBER_ERROR,
        body=nested,
        attributes=[KeyValue(key="nothing", value=AnyValue())],
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        time_unix_nano=1,
        observed_time_unix_nano=2,
        **event,
    )
    scope_logs = ScopeLogs(scope=InstrumentationScope(name="my.scope"), log_records=[record])
    request = ExportLogsServiceRequest(resource_logs=[ResourceLogs(scope_logs=[scope_logs])])
    assert post(receiver, request.SerializeToString(), "logs").status_code == 200

    (log,) = receiver.logs
    assert (log.event_name, log.severity, log.body) == (
        event.get("event_name", ""),
        "ERROR",
        {"n": 1},
    )
    assert (log.attributes, log.resource) == ({"nothing": None}, {})
    assert (log.trace_id, log.span_id) == (bytes(range(16)).hex(), bytes(range(8)).hex())
    assert (log.scope, log.time_ns, log.observed_ns) == ("my.scope", 1, 2)


def test_success_is_answered_in_protobuf(receiver: Receiver) -> None:
    """The answer to an accepted export is the protocol's own message, saying that nothing was rejected."""
    response = post(receiver, one_span("a"))
    assert (response.status_code, response.headers["content-type"]) == (200, "application/x-protobuf")
    assert ExportTraceServiceResponse.FromString(response.content).partial_success.rejected_spans == 0


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"this is not protobuf", {}),
        (one_span("a")[:-1], {}),
        (b"this is not gzip", {"content-encoding": "gzip"}),
        (gzip.compress(one_span("a"))[:-4], {"content-encoding": "gzip"}),
        (
            ExportTraceServiceRequest(
                resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[Span(kind=99)])])]  # type: ignore[arg-type]
            ).SerializeToString(),
            {},
        ),
    ],
    ids=["garbage", "cut", "not gzip", "cut gzip", "unknown span kind"],
)
def test_a_malformed_request_is_refused(receiver: Receiver, content: bytes, headers: dict[str, str]) -> None:
    """What is not OTLP is answered with 400 and a reason, and leaves nothing behind."""
    response = post(receiver, content, headers=headers)
    assert response.status_code == 400
    assert Status.FromString(response.content).message
    assert receiver.bodies == ()


def test_an_unknown_encoding_is_refused(receiver: Receiver) -> None:
    """JSON and unknown compressions are answered with 415 rather than guessed at."""
    assert post(receiver, b"{}", headers={"content-type": "application/json"}).status_code == 415
    assert post(receiver, one_span("a"), headers={"content-encoding": "br"}).status_code == 415
    assert receiver.bodies == ()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_request_over_the_limit_is_refused(receiver: Receiver, compressed: bool) -> None:
    """Too much is answered with 413, also when it only becomes too much on decompression."""
    content = bytes(3 * MAX_REQUEST_BYTES)
    if compressed:
        response = post(receiver, gzip.compress(content), headers={"content-encoding": "gzip"})
    else:
        response = post(receiver, content)
    assert response.status_code == 413
    assert receiver.bodies == ()


def test_memory_is_bounded() -> None:
    """Beyond the budget the oldest requests go, and the receiver says how many."""
    size = len(one_span("0"))
    with Receiver(keep_bytes=3 * size) as receiver:
        for number in range(5):
            post(receiver, one_span(str(number)))
        assert names(receiver) == ["2", "3", "4"]
        assert sum(map(len, receiver.bodies)) == 3 * size
        assert receiver.dropped == 2


def test_bodies_are_uncompressed(receiver: Receiver) -> None:
    """A search for a canary in the bodies finds it although it travelled compressed."""
    post(receiver, gzip.compress(one_span("canary-123")), headers={"content-encoding": "gzip"})
    assert b"canary-123" in b"".join(receiver.bodies)


def test_waiting_ends_at_the_arrival(receiver: Receiver) -> None:
    """A waiter sees what arrives from another thread, and is told when it does not come in time."""
    sender = threading.Thread(target=post, args=(receiver, one_span("late")))
    assert not receiver.wait_for(lambda r: "late" in names(r), timeout=0)
    sender.start()
    assert receiver.wait_for(lambda r: "late" in names(r), timeout=30)
    sender.join()


def test_the_environment_sends_every_signal_here(receiver: Receiver) -> None:
    """The variables for a child name the service and all three exporters."""
    assert receiver.environment("svc") == {
        "OTEL_SERVICE_NAME": "svc",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
    }


def test_the_port_is_free_again_afterwards() -> None:
    """Leaving the receiver stops its server; what it had received can still be read."""
    with Receiver() as receiver:
        post(receiver, one_span("kept"))
    with pytest.raises(httpx.ConnectError):
        post(receiver, one_span("too late"))
    assert names(receiver) == ["kept"]


def test_latest_points_keeps_one_point_a_series() -> None:
    """A newer point of a series replaces the older one; another instance, metric or attribute is another series."""

    def point(metric: str, instance: str, attributes: dict[str, object], time_ns: int) -> ReceivedPoint:
        return ReceivedPoint(
            metric=metric,
            type="sum",
            unit="",
            attributes=attributes,
            resource={"service.instance.id": instance},
            scope="",
            value=time_ns,
            count=0,
            sum=0.0,
            bucket_counts=(),
            explicit_bounds=(),
            start_ns=0,
            time_ns=time_ns,
            monotonic=True,
            cumulative=True,
            exemplars=(),
        )

    points = [
        point("m", "a", {"x": 1, "y": ("z",)}, 10),
        point("m", "a", {"y": ("z",), "x": 1}, 30),
        point("m", "a", {"x": 1, "y": ("z",)}, 20),
        point("m", "a", {"x": "1", "y": ("z",)}, 11),
        point("m", "b", {"x": 1, "y": ("z",)}, 12),
        point("n", "a", {"x": 1, "y": ("z",)}, 13),
    ]
    assert sorted(kept.time_ns for kept in latest_points(points)) == [11, 12, 13, 30]
