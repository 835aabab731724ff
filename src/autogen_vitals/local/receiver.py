"""An embedded OTLP/HTTP receiver: what a process exports, as values a demo or a test can ask about."""

from __future__ import annotations

import gzip
import io
import threading
import zlib
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router

from autogen_vitals.local.loopback import LoopbackServer
from autogen_vitals.local.otlp import (
    ReceivedLog,
    ReceivedPoint,
    ReceivedSpan,
    decode_logs,
    decode_points,
    decode_spans,
)

__all__ = ["MAX_REQUEST_BYTES", "ReceivedLog", "ReceivedPoint", "ReceivedSpan", "Receiver", "latest_points"]

MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""A request larger than this, compressed or not, is answered with 413."""

_KEEP_BYTES = 64 * 1024 * 1024
_PROTOBUF = "application/x-protobuf"


@dataclass(frozen=True)
class _Batch:
    """One request that was accepted, and what was in it."""

    body: bytes
    spans: tuple[ReceivedSpan, ...] = ()
    points: tuple[ReceivedPoint, ...] = ()
    logs: tuple[ReceivedLog, ...] = ()


class Receiver:
    """A context manager that accepts OTLP as protobuf on a free loopback port while it is entered.

    It keeps what arrived until the bodies add up to ``keep_bytes``; from then on the oldest requests go and ``dropped``
    counts them. Every property may be read from any thread, also after the receiver was left.

    Raises:
        RuntimeError: on entering, when the server does not come up.
    """

    def __init__(self, *, keep_bytes: int = _KEEP_BYTES) -> None:
        self._keep_bytes = keep_bytes
        self._arrival = threading.Condition()
        self._batches: deque[_Batch] = deque()
        self._kept_bytes = 0
        self._dropped = 0
        # A bare router: an instrumentation of this process that patches the Starlette class would trace each export,
        # and export that trace in turn.
        self._server = LoopbackServer(
            Router(
                [
                    Route("/v1/traces", _endpoint(self._accept_traces), methods=["POST"]),
                    Route("/v1/metrics", _endpoint(self._accept_metrics), methods=["POST"]),
                    Route("/v1/logs", _endpoint(self._accept_logs), methods=["POST"]),
                ]
            )
        )

    def __enter__(self) -> Receiver:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.__exit__(*exc_info)

    @property
    def endpoint(self) -> str:
        """The value for ``OTEL_EXPORTER_OTLP_ENDPOINT``."""
        return self._server.url

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]:
        """Every span kept, in order of arrival."""
        with self._arrival:
            return tuple(span for batch in self._batches for span in batch.spans)

    @property
    def points(self) -> tuple[ReceivedPoint, ...]:
        """Every data point kept, in order of arrival; see :func:`latest_points`."""
        with self._arrival:
            return tuple(point for batch in self._batches for point in batch.points)

    @property
    def logs(self) -> tuple[ReceivedLog, ...]:
        """Every log record kept, in order of arrival."""
        with self._arrival:
            return tuple(log for batch in self._batches for log in batch.logs)

    @property
    def bodies(self) -> tuple[bytes, ...]:
        """The requests kept, uncompressed: the place to look for what must never be exported."""
        with self._arrival:
            return tuple(batch.body for batch in self._batches)

    @property
    def dropped(self) -> int:
        """How many requests were let go to stay within bounds."""
        with self._arrival:
            return self._dropped

    def environment(self, service_name: str) -> dict[str, str]:
        """The variables that make a child process export all of its telemetry here."""
        return {
            "OTEL_SERVICE_NAME": service_name,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
        }

    def wait_for(self, predicate: Callable[[Receiver], bool], timeout: float) -> bool:
        """Wait until ``predicate`` holds, asking it now and at each arrival.

        Returns:
            Whether it held within ``timeout`` seconds.
        """
        with self._arrival:
            return self._arrival.wait_for(lambda: predicate(self), timeout)

    def _accept_traces(self, body: bytes) -> bytes:
        self._keep(_Batch(body, spans=tuple(decode_spans(body))))
        return ExportTraceServiceResponse().SerializeToString()

    def _accept_metrics(self, body: bytes) -> bytes:
        self._keep(_Batch(body, points=tuple(decode_points(body))))
        return ExportMetricsServiceResponse().SerializeToString()

    def _accept_logs(self, body: bytes) -> bytes:
        self._keep(_Batch(body, logs=tuple(decode_logs(body))))
        return ExportLogsServiceResponse().SerializeToString()

    def _keep(self, batch: _Batch) -> None:
        with self._arrival:
            self._batches.append(batch)
            self._kept_bytes += len(batch.body)
            while self._kept_bytes > self._keep_bytes:
                self._kept_bytes -= len(self._batches.popleft().body)
                self._dropped += 1
            self._arrival.notify_all()


def latest_points(points: Iterable[ReceivedPoint]) -> tuple[ReceivedPoint, ...]:
    """The newest point of each series, which says everything where points are cumulative.

    A series is a metric, the ``service.instance.id`` of its resource and its attributes.
    """
    newest: dict[tuple[str, str, str], ReceivedPoint] = {}
    for point in points:
        instance = str(point.resource.get("service.instance.id", ""))
        series = (point.metric, instance, repr(sorted(point.attributes.items())))
        known = newest.get(series)
        if known is None or point.time_ns >= known.time_ns:
            newest[series] = point
    return tuple(newest.values())


class _Refused(Exception):
    """A request that is answered with an error, and with which."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def _endpoint(accept: Callable[[bytes], bytes]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            answer = accept(await _read(request))
        except _Refused as refusal:
            return _refuse(refusal.status, refusal.reason)
        except (DecodeError, ValueError) as error:
            return _refuse(400, f"not an OTLP request: {error}")
        except ClientDisconnect:
            return Response(status_code=499)  # killed in the middle of an export: nobody gets this
        return Response(answer, media_type=_PROTOBUF)

    return endpoint


def _refuse(status: int, reason: str) -> Response:
    # The protocol wants the reason as a google.rpc.Status, in the encoding of the request.
    return Response(Status(message=reason).SerializeToString(), status, media_type=_PROTOBUF)


async def _read(request: Request) -> bytes:
    if request.headers.get("content-type", "").partition(";")[0].strip() != _PROTOBUF:
        raise _Refused(415, f"only {_PROTOBUF} is accepted")
    body = bytearray()
    size = 0
    async for chunk in request.stream():
        # Read to the end, however long: a client that cannot finish sending sees a reset connection, not the answer.
        size += len(chunk)
        if size <= MAX_REQUEST_BYTES:
            body += chunk
    if size > MAX_REQUEST_BYTES:
        raise _Refused(413, f"larger than {MAX_REQUEST_BYTES} bytes")
    encoding = request.headers.get("content-encoding", "identity")
    if encoding == "gzip":
        return _gunzip(body)
    if encoding != "identity":
        raise _Refused(415, f"content encoding {encoding} is not accepted")
    return bytes(body)


def _gunzip(body: bytearray) -> bytes:
    try:
        with gzip.open(io.BytesIO(body)) as stream:
            # One byte more than allowed is enough to know, however much a small body would inflate to.
            plain = stream.read(MAX_REQUEST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _Refused(400, f"not gzip: {error}") from error
    if len(plain) > MAX_REQUEST_BYTES:
        raise _Refused(413, f"larger than {MAX_REQUEST_BYTES} bytes when uncompressed")
    return plain
