"""An embedded OTLP/HTTP receiver: what a process exports, as values a demo or a test can ask about."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autogen_vitals.local.loopback import LoopbackServer
from autogen_vitals.local.otlp import (
    ReceivedLog,
    ReceivedPoint,
    ReceivedSpan,
    decode_logs,
    decode_points,
    decode_spans,
)
from autogen_vitals.local.otlp_http import MAX_REQUEST_BYTES, Signal, otlp_router

__all__ = ["MAX_REQUEST_BYTES", "ReceivedLog", "ReceivedPoint", "ReceivedSpan", "Receiver", "latest_points"]

_KEEP_BYTES = 64 * 1024 * 1024


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
        self._server = LoopbackServer(otlp_router(self._accept))

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

    def _accept(self, signal: Signal, body: bytes) -> None:
        if signal == "traces":
            self._keep(_Batch(body, spans=tuple(decode_spans(body))))
        elif signal == "metrics":
            self._keep(_Batch(body, points=tuple(decode_points(body))))
        else:
            self._keep(_Batch(body, logs=tuple(decode_logs(body))))

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
