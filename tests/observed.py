"""A real SDK in memory, and what a test asks of it."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, export as logs_export
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.crashes.reports import Crash, Flight, Identity, ProcessExit
from autogen_vitals.records import replace
from autogen_vitals.semconv.spans import FIRST_REQUEST_ATTRIBUTES, REQUEST_ATTRIBUTES, SPAN_EVENTS, SPANS
from autogen_vitals.telemetry.sink import Telemetry

_TYPES = {"string": str, "int": int, "boolean": bool, "double": float, "string[]": tuple}
_TYPE_OF = {attribute.name: _TYPES[attribute.type] for attribute in semconv.ATTRIBUTES}

# Its name until 1.38.
InMemoryLogs: Any = getattr(logs_export, "InMemoryLogRecordExporter", None) or logs_export.InMemoryLogExporter


class Vitals:
    """What one test's instrumentation has emitted."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        # Else each of them stays until the test run exits, with all that it has exported.
        self.tracer_provider = TracerProvider(shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader], shutdown_on_exit=False)
        self.log_exporter = InMemoryLogs()
        self.logger_provider = LoggerProvider(shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(logs_export.SimpleLogRecordProcessor(self.log_exporter))

    def enable(self, **settings: Any) -> None:
        autogen_vitals.enable(
            tracer_provider=self.tracer_provider,
            meter_provider=self.meter_provider,
            logger_provider=self.logger_provider,
            **settings,
        )

    def sink(self, **providers: Any) -> Telemetry:
        """A sink on these providers, or on some others, without the instrumentation around it."""
        own = {name: getattr(self, name) for name in ("tracer_provider", "meter_provider", "logger_provider")}
        return Telemetry(**{**own, **providers}, slow_ns=0, is_told_elsewhere=lambda _: False, imports=list)

    @property
    def installed(self) -> Any:
        return autogen_vitals.AutogenVitalsInstrumentor().installed

    def all_spans(self) -> list[ReadableSpan]:
        """Finished spans of every scope, in the order in which they ended."""
        return list(self.exporter.get_finished_spans())

    def own_spans(self) -> list[ReadableSpan]:
        """Finished spans of ours, in the order in which they ended."""
        return [
            span
            for span in self.all_spans()
            if span.instrumentation_scope is not None and span.instrumentation_scope.name == "autogen_vitals"
        ]

    def spans(self, name: str | None = None) -> list[ReadableSpan]:
        """Those of inits and runs, or with this name: the start of the process and its imports are not the app's."""
        if name is not None:
            return [span for span in self.own_spans() if span.name == name]
        return [span for span in self.own_spans() if span.name.split(" ")[0] not in ("autogen.startup", "import")]

    def span(self, name: str) -> ReadableSpan:
        """The only span of ours with this name."""
        found = self.spans(name)
        assert len(found) == 1, f"{len(found)} spans {name!r} among {self.names()}"
        return found[0]

    def names(self) -> list[str]:
        return [span.name for span in self.spans()]

    def events(self, name: str | None = None) -> list[Any]:
        """Log records of ours, or those with this event name, in the order in which they were emitted."""
        records = [
            data.log_record
            for data in self.log_exporter.get_finished_logs()
            if data.instrumentation_scope.name == "autogen_vitals"
        ]
        return [record for record in records if name is None or event_name(record) == name]

    def findings(self, rule: str | None = None) -> list[dict[str, Any]]:
        """What each event of a finding says, or each of this rule's, in the order in which they were emitted."""
        told = [dict(record.attributes) for record in self.events("autogen.finding")]
        return [said for said in told if rule is None or said["autogen.finding.rule"] == rule]

    def finding(self, rule: str) -> dict[str, Any]:
        """The only one of this rule's."""
        found = self.findings(rule)
        told = [said["autogen.finding.rule"] for said in self.findings()]
        assert len(found) == 1, f"{len(found)} findings of {rule} among {told}"
        return found[0]

    def scolded(self) -> list[str]:
        """Ids of the rules that have fired about more than what is worth knowing."""
        return [said["autogen.finding.rule"] for said in self.findings() if said["autogen.finding.severity"] != "info"]

    def points(self, metric: str) -> list[Any]:
        """Data points of one metric, as of now."""
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        return [
            point
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for found in scope.metrics
            if found.name == metric
            for point in found.data.data_points
        ]

    def metric_names(self) -> set[str]:
        data = self.reader.get_metrics_data()
        assert data is not None
        return {
            metric.name
            for resource in data.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


def event_name(record: Any) -> str:
    """The name of an event; before 1.35 an attribute."""
    return getattr(record, "event_name", None) or record.attributes["event.name"]


def a_crash(**changes: Any) -> Crash:
    """An agent's failed run."""
    crash = Crash(
        error_type="RuntimeError",
        category="event_loop_closed",
        phase="request",
        escaped="run",
        operation="invoke_agent writer",
        message="",
        stacktrace='  File "app.py", line 7, in ask',
        wall_ns=1_700_000_000_000_000_000,
    )
    return replace(crash, **changes)


def an_exit(**changes: Any) -> ProcessExit:
    """A worker killed while it served a request."""
    victim = Identity(
        uid="0123456789abcdef0123456789abcdef",
        pid=4711,
        parent_pid=4700,
        start_ticks=1,
        parent_start_ticks=1,
        pid_namespace="pid:[1]",
        created_ns=1_700_000_000_000_000_000,
        server="gunicorn",
        service={"service.name": "shop", "service.instance.id": "worker-1"},
    )
    exit = ProcessExit(
        reason="signal",
        observed_by="supervisor",
        victim=victim,
        phase="request",
        ended_ns=1_700_000_060_000_000_000,
        flights=(Flight("invoke_agent writer", "request", 0xA, 0xB, 1_700_000_059_000_000_000),),
        signal=9,
    )
    return replace(exit, **changes)


def parent_name(span: ReadableSpan, spans: list[ReadableSpan]) -> str | None:
    """Name of the span's parent among ``spans``."""
    if span.parent is None:
        return None
    return next((other.name for other in spans if other.context.span_id == span.parent.span_id), "elsewhere")


def assert_in_the_catalogue(spans: list[ReadableSpan]) -> None:
    """They are what semconv says: names, kinds, required attributes, value types, events, and nothing else."""
    signals = {signal.name.split(" ")[0]: signal for signal in SPANS}
    events = {event.name: event for event in SPAN_EVENTS}
    on_requests = (*REQUEST_ATTRIBUTES, *FIRST_REQUEST_ATTRIBUTES)
    for span in spans:
        signal = signals[span.name.split(" ")[0]]
        assert span.kind.name == signal.kind
        of_requests = on_requests if "gen_ai.operation.name" in span.attributes else ()
        _assert_described(span.name, span.attributes, signal.attributes, of_requests)
        for event in span.events:
            _assert_described(f"{event.name} on {span.name}", event.attributes, events[event.name].attributes, ())


def assert_events_in_the_catalogue(records: list[Any]) -> None:
    """They are what semconv says: names, severities, required attributes, value types, and nothing else."""
    events = {event.name: event for event in semconv.EVENTS}
    for record in records:
        name = event_name(record)
        assert record.severity_text in events[name].severities
        assert record.severity_number.name == record.severity_text
        _assert_described(name, record.attributes, events[name].attributes, ())


def _assert_described(name: str, attributes: Any, signal: Any, besides: tuple[str, ...]) -> None:
    known = dict(signal)
    for attribute, value in attributes.items():
        assert attribute in known or attribute in besides, f"{name} has {attribute}, which the catalogue does not know"
        assert type(value) is _TYPE_OF[attribute], f"{name}: {attribute}={value!r}"
    required = {attribute for attribute, requirement in signal if requirement == "always"}
    assert required <= set(attributes), f"{name} lacks {required - set(attributes)}"
