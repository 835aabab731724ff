"""What the demo has to tell about cold starts: the stages of each worker's, and what its first request took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autogen_vitals import semconv
from autogen_vitals.local.demo_report import duration_ms, request_spans
from autogen_vitals.local.otlp import SpanReference
from autogen_vitals.local.receiver import ReceivedSpan
from autogen_vitals.vocabulary import STARTUP_STAGES, StartupStage

_IMPORTS = 3
_REQUEST_STAGES: frozenset[StartupStage] = frozenset(
    ("request_init", "connect_dns_tcp", "connect_tls", "warm_up", "model_wait", "model_stream", "tool", "request")
)
_CONNECT_STAGES: frozenset[StartupStage] = frozenset(("connect_dns_tcp", "connect_tls"))


@dataclass(frozen=True)
class ColdStart:
    """The cold start of one worker; its stages are in the order in which they are told, those that took no time absent.

    Attributes:
        until_ready: milliseconds of each stage before the worker was ready. Imports are all here, those of the first
            request too: the telemetry does not tell them apart.
        in_request: milliseconds of each stage of the first request.
        idle_ms: between the two, in neither.
        request_ms: the whole first request, by its SERVER span.
        warm_up_ms: what ``autogen_vitals.warm_up`` took; ``None`` where it was not called.
        imports: the slowest, slowest first, with the milliseconds that none of the others has.
    """

    pid: int
    until_ready: Mapping[StartupStage, float]
    in_request: Mapping[StartupStage, float]
    idle_ms: float
    request_ms: float
    warm_up_ms: float | None
    imports: tuple[tuple[str, float], ...]

    @property
    def total_ms(self) -> float:
        """All stages together."""
        return sum(self.until_ready.values()) + sum(self.in_request.values())


@dataclass(frozen=True)
class ColdStarts:
    """The cold starts of one run of the app; ``warm_ms`` are warm requests of the routes that the cold ones were to."""

    workers: tuple[ColdStart, ...]
    warm_ms: tuple[float, ...]


def compute_cold_starts(spans: Iterable[ReceivedSpan]) -> ColdStarts:
    """The cold starts of the workers that have told of theirs, and of their first request."""
    spans = tuple(spans)
    traces: dict[str, list[ReceivedSpan]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    roots: dict[SpanReference, ReceivedSpan] = {
        (span.trace_id, span.span_id): span for span in spans if span.name == semconv.STARTUP_SPAN.name
    }
    requests = request_spans(spans)
    cold = [request for request in requests if request.attributes[semconv.START_TYPE] == "cold"]
    workers = [
        _cold_start(roots[link], request, traces[link[0]])
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


def _cold_start(root: ReceivedSpan, request: ReceivedSpan, trace: Iterable[ReceivedSpan]) -> ColdStart:
    warm_ups = [span for span in trace if span.attributes.get(semconv.INIT_STAGE) == "warm_up"]
    imports = [span for span in trace if semconv.IMPORT_SELF_DURATION in span.attributes]
    stages: dict[StartupStage, float] = {
        stage: root.attributes[name] * 1000
        for stage in STARTUP_STAGES
        if root.attributes.get(name := semconv.startup_attribute(stage))
    }
    in_request = set(_REQUEST_STAGES)
    if warm_ups:
        # It was paid before the worker was ready, and so was a connection, unless the first request made one itself.
        in_request.remove("warm_up")
        if not request.attributes.get(semconv.REQUEST_CONNECT_COUNT):
            in_request -= _CONNECT_STAGES
    until_ready: dict[StartupStage, float] = {stage: ms for stage, ms in stages.items() if stage not in in_request}
    if "ready" in until_ready:
        # The rest of that time: after what is part of it.
        until_ready["ready"] = until_ready.pop("ready")
    return ColdStart(
        pid=root.attributes[semconv.PROCESS_PID],
        until_ready=until_ready,
        in_request={stage: ms for stage, ms in stages.items() if stage in in_request},
        idle_ms=root.attributes.get(semconv.STARTUP_IDLE, 0.0) * 1000,
        request_ms=duration_ms(request),
        warm_up_ms=sum(map(duration_ms, warm_ups)) if warm_ups else None,
        imports=tuple(
            (span.attributes[semconv.IMPORT_NAME], _self_ms(span))
            for span in sorted(imports, key=_self_ms, reverse=True)[:_IMPORTS]
        ),
    )


def _self_ms(span: ReceivedSpan) -> float:
    return span.attributes[semconv.IMPORT_SELF_DURATION] * 1000


def _route(request: ReceivedSpan) -> str:
    return str(request.attributes.get("http.route", request.name))
