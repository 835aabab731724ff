"""What the demo has to tell about cold starts: the stages of each worker's, and what its first request took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from autogen_vitals import semconv
from autogen_vitals.local.demo_report import request_spans
from autogen_vitals.local.otlp import ReceivedSpan, SpanReference
from autogen_vitals.local.report.model import ColdStart
from autogen_vitals.local.report.startup import cold_start
from autogen_vitals.local.report.telemetry import duration_ms
from autogen_vitals.semconv.spans import STARTUP_SPAN


@dataclass(frozen=True)
class ColdStarts:
    """The cold starts of one run of the app, whose first requests last as long as their SERVER spans.

    ``warm_ms`` are warm requests of the routes that the cold ones were to.
    """

    workers: tuple[ColdStart, ...]
    warm_ms: tuple[float, ...]


def compute_cold_starts(spans: Iterable[ReceivedSpan]) -> ColdStarts:
    """The cold starts of the workers that have told of theirs, and of their first request."""
    spans = tuple(spans)
    traces: dict[str, list[ReceivedSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    roots: dict[SpanReference, ReceivedSpan] = {
        (span.trace_id, span.span_id): span for span in spans if span.name == STARTUP_SPAN.name
    }
    requests = request_spans(spans)
    cold = [request for request in requests if request.attributes[semconv.START_TYPE] == "cold"]
    workers = [
        replace(
            cold_start(
                roots[link],
                traces[link[0]],
                first_connects=bool(request.attributes.get(semconv.REQUEST_CONNECT_COUNT)),
            ),
            first_request_ms=duration_ms(request),
        )
        for request in cold
        for link in request.links
        if link in roots
    ]
    routes = {_route(request) for request in cold}
    return ColdStarts(
        workers=tuple(sorted(workers, key=lambda worker: worker.pid)),
        warm_ms=tuple(
            duration_ms(request)
            for request in requests
            if request.attributes[semconv.START_TYPE] == "warm" and _route(request) in routes
        ),
    )


def _route(request: ReceivedSpan) -> str:
    return str(request.attributes.get("http.route", request.name))
