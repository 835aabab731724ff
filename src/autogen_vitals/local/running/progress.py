"""What is going on while a command runs: a line when something has happened that matters, and now and then a sum."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from autogen_vitals import semconv
from autogen_vitals.guard import guarded
from autogen_vitals.local.collecting import Export
from autogen_vitals.local.otlp_http import Signal
from autogen_vitals.semconv.spans import STARTUP_SPAN

_SUM_SECONDS = 10.0
_MAX_LINES = 200
_MAX_WORKERS = 100_000


class Progress:
    """Counts what a command's processes tell, and says so on stderr where ``speaks``.

    It writes whole lines that begin with ``autogen-vitals |``, after which the command's own output goes on as it
    was: nothing is drawn over. 200 lines at most, for what matters is in the report.
    """

    def __init__(self, *, speaks: bool) -> None:
        self._speaks = speaks
        self._workers: set[int] = set()
        self._starts = self._requests = self._inits = self._crashes = 0
        self._findings: set[tuple[str, str]] = set()
        self._lines = 0
        self._summed = self._last_sum = ""
        self._next_sum = time.monotonic() + _SUM_SECONDS

    @guarded
    def watch(self, signal: Signal, export: Export) -> None:
        """Count what is in it."""
        if isinstance(export, ExportTraceServiceRequest):
            for resource in export.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        self._span(span.name, span.attributes)
        elif isinstance(export, ExportLogsServiceRequest):
            for resource in export.resource_logs:
                for scope in resource.scope_logs:
                    for log in scope.log_records:
                        self._event(log.event_name, _values(log.attributes))
        else:
            self._workers.update(_pids(export))
        if time.monotonic() >= self._next_sum:
            self._next_sum = time.monotonic() + _SUM_SECONDS
            self._sum_up()

    def _span(self, name: str, attributes: Any) -> None:
        if name.startswith("init "):
            self._inits += 1
        elif name == STARTUP_SPAN.name:
            self._starts += 1
            values = _values(attributes)
            pid, total = values.get(semconv.PROCESS_PID), values.get(semconv.STARTUP_TOTAL)
            if values.get(semconv.STARTUP_COMPLETE) and isinstance(total, float):
                self._say(f"process {pid} has served its first request: cold start {total:.2f} s")

    def _event(self, name: str, values: dict[str, Any]) -> None:
        pid = values.get(semconv.PROCESS_PID)
        if name == semconv.REQUEST_EVENT.name:
            self._requests += 1
        elif name == semconv.CRASH_EVENT.name:
            self._crashes += 1
            self._say(
                f"process {pid}: {values.get(semconv.ERROR_TYPE)} in phase {values.get(semconv.PHASE)}, "
                f"{values.get(semconv.CRASH_CATEGORY)}{_place(values)}"
            )
        elif name == semconv.PROCESS_EXIT_EVENT.name:
            reason = values.get(semconv.EXIT_REASON)
            if reason not in ("clean", "drained", "recycled"):
                self._crashes += 1
                how = values.get(semconv.EXIT_SIGNAL) or reason
                self._say(f"process {pid} has died in phase {values.get(semconv.PHASE)}: {how}")
        elif name == semconv.FINDING_EVENT.name and values.get(semconv.FINDING_SEVERITY) != "info":
            rule = str(values.get(semconv.FINDING_RULE))
            if (rule, _place(values)) not in self._findings and len(self._findings) < _MAX_LINES:
                self._findings.add((rule, _place(values)))
                self._say(f"{rule} {values.get(semconv.FINDING_NAME)}{_place(values)}")

    def _sum_up(self) -> None:
        told = (
            f"{len(self._workers)} processes with AutoGen, {self._requests} requests, {self._inits} slow inits, "
            f"{self._crashes} crashes, {len(self._findings)} findings"
        )
        if told != self._last_sum:
            self._last_sum = told
            self._say(told)

    def _say(self, text: str) -> None:
        if self._speaks and self._lines < _MAX_LINES:
            self._lines += 1
            last = " (no more lines from here on)" if self._lines == _MAX_LINES else ""
            sys.stderr.write(f"autogen-vitals | {text}{last}\n")
            sys.stderr.flush()


def _pids(export: ExportMetricsServiceRequest) -> Iterator[int]:
    for resource in export.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                if metric.name == semconv.WORKER_INFO.name:
                    for point in metric.gauge.data_points:
                        yield int(_values(point.attributes).get(semconv.PROCESS_PID, 0))


def _place(values: dict[str, Any]) -> str:
    file = str(values.get(semconv.CODE_FILE_PATH, ""))
    return f" at {file.rpartition('/')[2]}:{values.get(semconv.CODE_LINE_NUMBER)}" if file else ""


def _values(attributes: Any) -> dict[str, Any]:
    return {pair.key: _value(pair) for pair in attributes}


def _value(pair: KeyValue) -> Any:
    kind = pair.value.WhichOneof("value")
    return None if kind is None else getattr(pair.value, kind)
