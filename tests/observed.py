"""A real SDK in memory, and what a test asks of it."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import autogen_vitals
from autogen_vitals import semconv

_TYPES = {"string": str, "int": int, "boolean": bool, "double": float, "string[]": tuple}
_TYPE_OF = {attribute.name: _TYPES[attribute.type] for attribute in semconv.ATTRIBUTES}


class Vitals:
    """What one test's instrumentation has emitted."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.tracer_provider = TracerProvider()
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self.reader])

    def enable(self, **settings: Any) -> None:
        autogen_vitals.enable(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, **settings)

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


def parent_name(span: ReadableSpan, spans: list[ReadableSpan]) -> str | None:
    """Name of the span's parent among ``spans``."""
    if span.parent is None:
        return None
    return next((other.name for other in spans if other.context.span_id == span.parent.span_id), "elsewhere")


def assert_in_the_catalogue(spans: list[ReadableSpan]) -> None:
    """They are what semconv says: names, kinds, required attributes, value types, events, and nothing else."""
    signals = {signal.name.split(" ")[0]: signal for signal in semconv.SPANS}
    events = {event.name: event for event in semconv.SPAN_EVENTS}
    on_requests = (*semconv.REQUEST_ATTRIBUTES, *semconv.FIRST_REQUEST_ATTRIBUTES)
    for span in spans:
        signal = signals[span.name.split(" ")[0]]
        assert span.kind.name == signal.kind
        of_requests = on_requests if "gen_ai.operation.name" in span.attributes else ()
        _assert_described(span.name, span.attributes, signal.attributes, of_requests)
        for event in span.events:
            _assert_described(f"{event.name} on {span.name}", event.attributes, events[event.name].attributes, ())


def _assert_described(name: str, attributes: Any, signal: Any, besides: tuple[str, ...]) -> None:
    known = dict(signal)
    for attribute, value in attributes.items():
        assert attribute in known or attribute in besides, f"{name} has {attribute}, which the catalogue does not know"
        assert type(value) is _TYPE_OF[attribute], f"{name}: {attribute}={value!r}"
    required = {attribute for attribute, requirement in signal if requirement == "always"}
    assert required <= set(attributes), f"{name} lacks {required - set(attributes)}"
