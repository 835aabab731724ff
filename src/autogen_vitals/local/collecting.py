"""Takes what a command's processes tell, lets it be watched, and has it kept, within bounds."""

from __future__ import annotations

import hashlib
import socket
import sqlite3
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeAlias

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from autogen_vitals import semconv
from autogen_vitals.local.loopback import LoopbackServer
from autogen_vitals.local.otlp_http import Signal, otlp_router
from autogen_vitals.local.store import RunWriter

Export: TypeAlias = "ExportTraceServiceRequest | ExportMetricsServiceRequest | ExportLogsServiceRequest"

MAX_KEPT = 100_000
"""Spans, and events, from which on only those are kept that say what is wrong: twice as many at most."""

MAX_FILE_BYTES = 512 * 1024 * 1024
_MAX_WAITING_BYTES = 64 * 1024 * 1024
_WRITE_SECONDS = 0.25
_CLOSE_SECONDS = 30.0
_MAX_STRANGERS = 8
_STRANGER_BYTES = 512
_STARTING = ("autogen.startup", "import ", "init ", "warm_up ")

_MESSAGES: dict[Signal, type[Export]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}


class Collector:
    """A context manager that accepts OTLP on ``listener`` while it is entered.

    Each request is looked at as it comes, waits in memory (64 MB at most; parsed it would be many times that) and is
    written by a thread of its own, four times a second. After it was left, ``losses`` says what was not kept.

    Args:
        listener: from ``listening.listen``.
        writer: of the run; closed by whoever made it.
        watch: is given each request in the thread that writes; must not raise.
    """

    def __init__(self, listener: socket.socket, writer: RunWriter, watch: Callable[[Signal, Export], object]) -> None:
        self._writer = writer
        self._watch = watch
        self._server = LoopbackServer(
            otlp_router(self._accept, Route("/strangers", self._meet, methods=["POST"])), listener
        )
        self._arrival = threading.Condition()
        self._waiting: deque[tuple[Signal, bytes]] = deque()
        self._waiting_bytes = 0
        self._is_closing = False
        self._kept: Counter[str] = Counter()
        self._lost: Counter[str] = Counter()
        self._broken = ""
        self._strangers: dict[str, None] = {}
        self._thread = threading.Thread(target=self._write_all, name="autogen-vitals-store", daemon=True)

    def __enter__(self) -> Collector:
        self._server.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.__exit__(*exc_info)
        with self._arrival:
            self._is_closing = True
            self._arrival.notify_all()
        self._thread.join(_CLOSE_SECONDS)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Python executables that were started without this package being installed for them."""
        return tuple(self._strangers)

    @property
    def losses(self) -> tuple[str, ...]:
        """What was not kept, and why, a sentence each."""
        sentences: list[str] = []
        if self._broken:
            sentences.append(
                f"The recording could not be written any further: {self._broken}. What came after is lost."
            )
        for what, number in sorted(self._lost.items()):
            sentences.append(f"{number:,} {what} were not kept.")
        if self._thread.is_alive():
            sentences.append("The recording was still being written when the report was made.")
        return tuple(sentences)

    def _accept(self, signal: Signal, body: bytes) -> None:
        _check_words(_MESSAGES[signal].FromString(body))
        with self._arrival:
            if self._waiting_bytes + len(body) > _MAX_WAITING_BYTES:
                self._lost[f"requests with {signal}, which came faster than they can be written,"] += 1
                return
            self._waiting.append((signal, body))
            self._waiting_bytes += len(body)
            self._arrival.notify_all()

    async def _meet(self, request: Request) -> Response:
        executable = bytearray()
        async for chunk in request.stream():
            executable += chunk[: _STRANGER_BYTES - len(executable)]
        if len(self._strangers) < _MAX_STRANGERS:
            self._strangers[executable.decode(errors="replace")] = None
        return Response()

    def _write_all(self) -> None:
        while True:
            with self._arrival:
                self._arrival.wait_for(lambda: self._waiting or self._is_closing)
                if not self._is_closing:
                    # More comes together than apart, and each transaction has a cost.
                    self._arrival.wait_for(lambda: self._is_closing, _WRITE_SECONDS)
                batch = list(self._waiting)
                self._waiting.clear()
                self._waiting_bytes = 0
                is_last = self._is_closing
            self._write(batch)
            if is_last:
                return

    def _write(self, batch: list[tuple[Signal, bytes]]) -> None:
        exports: list[tuple[str, bytes]] = []
        points: dict[str, bytes] = {}
        for signal, body in batch:
            export = _MESSAGES[signal].FromString(body)
            self._watch(signal, export)
            if isinstance(export, ExportMetricsServiceRequest):
                points |= _by_process(export)
            elif self._thin_out(export):
                exports.append((signal, export.SerializeToString()))
        if self._broken or not (exports or points):
            return
        try:
            self._writer.write(exports, points.items())
            if self._writer.size > MAX_FILE_BYTES:
                self._broken = f"it is larger than {MAX_FILE_BYTES >> 20} MB"
        except (sqlite3.Error, OSError) as error:
            self._broken = str(error)

    def _thin_out(self, export: ExportTraceServiceRequest | ExportLogsServiceRequest) -> bool:
        """Take out what there is enough of; whether anything is left."""
        left = 0
        if isinstance(export, ExportTraceServiceRequest):
            for resource_spans in export.resource_spans:
                for scope_spans in resource_spans.scope_spans:
                    kept = [span for span in scope_spans.spans if self._is_wanted("spans", _is_telling(span))]
                    left += len(kept)
                    if len(kept) < len(scope_spans.spans):
                        del scope_spans.spans[:]
                        scope_spans.spans.extend(kept)
        else:
            for resource_logs in export.resource_logs:
                for scope_logs in resource_logs.scope_logs:
                    kept = [log for log in scope_logs.log_records if self._is_wanted("events", _is_serious(log))]
                    left += len(kept)
                    if len(kept) < len(scope_logs.log_records):
                        del scope_logs.log_records[:]
                        scope_logs.log_records.extend(kept)
        return left > 0

    def _is_wanted(self, what: str, is_telling: bool) -> bool:
        if self._kept[what] < (2 * MAX_KEPT if is_telling else MAX_KEPT):
            self._kept[what] += 1
            return True
        self._lost[f"{what} beyond the first {MAX_KEPT:,}"] += 1
        return False


def _check_words(export: Export) -> None:
    """Raises ``ValueError`` for a kind or a severity that there is no word for, which nobody could read later on."""
    if isinstance(export, ExportTraceServiceRequest):
        spans = (span for each in export.resource_spans for scope in each.scope_spans for span in scope.spans)
        unknown = {span.kind for span in spans}.difference(Span.SpanKind.values())
    elif isinstance(export, ExportLogsServiceRequest):
        logs = (log for each in export.resource_logs for scope in each.scope_logs for log in scope.log_records)
        unknown = {log.severity_number for log in logs}.difference(SeverityNumber.values())
    else:
        return
    if unknown:
        raise ValueError(f"{unknown.pop()} is no kind of span, or no severity")


def _is_telling(span: Span) -> bool:
    return (
        span.status.code == Status.STATUS_CODE_ERROR
        or span.name.startswith(_STARTING)
        or any(attribute.key == semconv.FINDING_IDS for attribute in span.attributes)
    )


def _is_serious(log: LogRecord) -> bool:
    return log.severity_number >= SeverityNumber.SEVERITY_NUMBER_INFO


def _by_process(export: ExportMetricsServiceRequest) -> dict[str, bytes]:
    """What each process says in it, by what tells them apart: forked ones may share a resource."""
    processes: dict[str, bytes] = {}
    for resource_metrics in export.resource_metrics:
        pid = next(
            (
                attribute.value.int_value
                for scope_metrics in resource_metrics.scope_metrics
                for metric in scope_metrics.metrics
                if metric.name == semconv.WORKER_INFO.name
                for point in metric.gauge.data_points
                for attribute in point.attributes
                if attribute.key == semconv.PROCESS_PID
            ),
            0,
        )
        resource = hashlib.sha256(resource_metrics.resource.SerializeToString(deterministic=True)).hexdigest()
        one = ExportMetricsServiceRequest(resource_metrics=[resource_metrics])
        processes[f"{resource[:32]}-{pid}"] = one.SerializeToString()
    return processes
