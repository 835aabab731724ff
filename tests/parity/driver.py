"""Run one program under a real SDK, with or without the instrumentation, and write down what was exported.

Both runs set up the same providers, so AutoGen's own spans exist in both: the instrumentation is the only difference.

Environment:
    PARITY_ENABLE: "1" calls `autogen_vitals.enable()` before the program starts.
    PARITY_REPORT: the JSON file that receives spans, metrics, events and SDK log records.
"""

import atexit
import gc
import json
import logging
import os
import runpy
import sys

from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk import _logs as sdk_logs
from opentelemetry.sdk._logs import export as log_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

ENABLE = os.environ.get("PARITY_ENABLE") == "1"
REPORT = os.environ["PARITY_REPORT"]

# Renamed in SDK 1.39.
InMemoryLogs = getattr(log_export, "InMemoryLogRecordExporter", None) or log_export.InMemoryLogExporter


class SdkRecords(logging.Handler):
    """Keeps what OpenTelemetry logs. AutoGen's own `run_stream` makes it log "Failed to detach context" (see
    open-telemetry/opentelemetry-python#2606), which would otherwise stand in stderr of the plain run only."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        self.messages.append(text)


class OpenSpans(SpanProcessor):
    """Remembers spans that were started and never ended."""

    def __init__(self) -> None:
        self._spans: dict[int, tuple[str, str]] = {}

    def on_start(self, span, parent_context=None) -> None:
        self._spans[span.context.span_id] = (span.instrumentation_scope.name, span.name)

    def on_end(self, span) -> None:
        self._spans.pop(span.context.span_id, None)

    def still_open(self) -> list[dict]:
        return [{"scope": scope, "name": name} for scope, name in self._spans.values()]


def span_to_dict(span) -> dict:
    return {
        "name": span.name,
        "scope": span.instrumentation_scope.name,
        "kind": span.kind.name,
        "trace_id": format(span.context.trace_id, "032x"),
        "span_id": format(span.context.span_id, "016x"),
        "parent_id": format(span.parent.span_id, "016x") if span.parent else None,
        "status": span.status.status_code.name,
        "description": span.status.description,
        "attributes": dict(span.attributes or {}),
        "events": [{"name": event.name, "attributes": dict(event.attributes or {})} for event in span.events],
        "links": [{"attributes": dict(link.attributes or {})} for link in span.links],
    }


def main() -> None:
    program = sys.argv[1]
    sys.argv = sys.argv[1:]

    sdk_records = SdkRecords()
    sdk_logger = logging.getLogger("opentelemetry")
    sdk_logger.addHandler(sdk_records)
    sdk_logger.propagate = False

    spans, logs, reader, open_spans = InMemorySpanExporter(), InMemoryLogs(), InMemoryMetricReader(), OpenSpans()
    tracer_provider = TracerProvider(shutdown_on_exit=False)
    tracer_provider.add_span_processor(open_spans)
    tracer_provider.add_span_processor(SimpleSpanProcessor(spans))
    meter_provider = MeterProvider([reader], shutdown_on_exit=False)
    logger_provider = sdk_logs.LoggerProvider(shutdown_on_exit=False)
    logger_provider.add_log_record_processor(log_export.SimpleLogRecordProcessor(logs))
    trace.set_tracer_provider(tracer_provider)
    metrics.set_meter_provider(meter_provider)
    _logs.set_logger_provider(logger_provider)

    pid = os.getpid()

    def write_report() -> None:
        if os.getpid() != pid:
            return
        metrics_data = reader.get_metrics_data()
        report = {
            "spans": [span_to_dict(span) for span in spans.get_finished_spans()],
            "open": open_spans.still_open(),
            "metrics": json.loads(metrics_data.to_json()) if metrics_data else None,
            "events": [
                json.loads(log.log_record.to_json() if hasattr(log.log_record, "to_json") else log.to_json())
                for log in logs.get_finished_logs()
            ],
            "sdk_records": sdk_records.messages,
        }
        with open(REPORT, "w", encoding="utf-8") as file:
            json.dump(report, file, default=str)

    # Registered before enable(), so it runs after whatever enable() registers.
    atexit.register(write_report)
    if ENABLE:
        import autogen_vitals

        autogen_vitals.enable()

    try:
        runpy.run_path(program, run_name="__main__")
    finally:
        gc.collect()


if __name__ == "__main__":
    main()
