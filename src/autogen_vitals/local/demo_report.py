"""What the demo has to tell, computed from the telemetry that arrived."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from statistics import fmean

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes
from autogen_vitals.local.receiver import ReceivedPoint, ReceivedSpan, latest_points
from autogen_vitals.local.recording import Recording, Run
from autogen_vitals.local.report.inits import inits_of
from autogen_vitals.local.report.model import Init
from autogen_vitals.local.report.telemetry import Telemetry, duration_ms, instance_of


@dataclass(frozen=True)
class Worker:
    """A process that served requests."""

    pid: int
    server: str
    requests: int
    inits: tuple[Init, ...]


@dataclass(frozen=True)
class Route:
    """The requests of one route. ``mean_ms`` and ``init_share`` leave out the cold ones, whose cost is the worker's.

    Attributes:
        init_share: part of the requests' time that was spent in inits, 0 to 1.
        starts: how many requests there are of each start type.
        reinits: how many of the requests have an init span that is flagged as a re-init; together these spans last
            ``reinit_ms``.
    """

    name: str
    requests: int
    mean_ms: float | None
    init_share: float | None
    starts: Mapping[str, int]
    reinits: int
    reinit_ms: float


@dataclass(frozen=True)
class Guilt:
    """The costliest thing that requests build although their worker is warm.

    Attributes:
        builds: how often warm requests of the route built it; each time took ``mean_ms``.
        share: part of the route's time, cold requests left out, 0 to 1.
    """

    route: str
    component: str
    site: str
    builds: int
    mean_ms: float
    share: float


@dataclass(frozen=True)
class Report:
    """Everything the demo shows."""

    workers: tuple[Worker, ...]
    routes: tuple[Route, ...]
    guilt: Guilt | None


def compute_report(spans: Iterable[ReceivedSpan], points: Iterable[ReceivedPoint], app_directory: Path) -> Report:
    """The report on the workers of one app, whose files are named relative to ``app_directory``."""
    telemetry = _Telemetry(spans, points)
    return Report(
        workers=tuple(sorted(_workers(telemetry, app_directory), key=lambda worker: worker.pid)),
        routes=tuple(_route(name, requests, telemetry) for name, requests in telemetry.by_route().items()),
        guilt=_guilt(telemetry, app_directory),
    )


def request_spans(spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    """The spans of requests that used AutoGen."""
    return [span for span in spans if span.kind == "SERVER" and semconv.START_TYPE in span.attributes]


class _Telemetry:
    """The spans and points the report is about, in the groups it asks for."""

    def __init__(self, spans: Iterable[ReceivedSpan], points: Iterable[ReceivedPoint]) -> None:
        spans = tuple(spans)
        points = latest_points(points)
        self.requests = sorted(request_spans(spans), key=lambda span: span.start_ns)
        self.inits = sorted(
            (span for span in spans if semconv.INIT_STAGE in span.attributes), key=lambda span: span.start_ns
        )
        self.worker_info = [point for point in points if point.metric == semconv.WORKER_INFO.name]
        self.init_durations = [point for point in points if point.metric == semconv.INIT_DURATION.name]

    def by_route(self) -> dict[str, list[ReceivedSpan]]:
        routes: dict[str, list[ReceivedSpan]] = defaultdict(list)
        for span in self.requests:
            routes[str(span.attributes.get("http.route", span.name))].append(span)
        return dict(sorted(routes.items()))

    def inits_in(self, requests: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
        traces = {request.trace_id for request in requests}
        return [span for span in self.inits if span.trace_id in traces]


def _workers(telemetry: _Telemetry, app_directory: Path) -> Iterable[Worker]:
    for info in telemetry.worker_info:
        instance = instance_of(info.resource)
        requests = [span for span in telemetry.requests if instance_of(span.resource) == instance]
        # The supervisor has a point too, and no requests; SDKs before 1.43 tell no process from another.
        if instance and requests:
            yield Worker(
                pid=info.attributes[semconv.PROCESS_PID],
                server=info.attributes[semconv.WORKER_SERVER],
                requests=len(requests),
                inits=_inits(telemetry, instance, app_directory),
            )


def _inits(told: _Telemetry, instance: str, app_directory: Path) -> tuple[Init, ...]:
    return inits_of(
        Telemetry(
            Recording(
                Run("", (), str(app_directory), 0),
                tuple(span for span in told.inits if instance_of(span.resource) == instance),
                tuple(point for point in told.init_durations if instance_of(point.resource) == instance),
                (),
            )
        )
    )


def _component(attributes: Attributes) -> str:
    name, stage = str(attributes[semconv.COMPONENT_TYPE]), attributes[semconv.INIT_STAGE]
    return name if stage == "construct" else f"{name} ({stage})"


def _route(name: str, requests: Sequence[ReceivedSpan], telemetry: _Telemetry) -> Route:
    paid = _not_cold(requests)
    time_ms = sum(map(duration_ms, paid))
    reinits = [span for span in telemetry.inits_in(requests) if _is_reinit(span)]
    init_ms = sum(float(span.attributes.get(semconv.REQUEST_INIT_DURATION, 0.0)) for span in paid) * 1000
    return Route(
        name=name,
        requests=len(requests),
        mean_ms=time_ms / len(paid) if paid else None,
        init_share=init_ms / time_ms if time_ms else None,
        starts=Counter(span.attributes[semconv.START_TYPE] for span in requests),
        reinits=len({span.trace_id for span in reinits}),
        reinit_ms=sum(map(duration_ms, _outermost(reinits))),
    )


def _guilt(telemetry: _Telemetry, app_directory: Path) -> Guilt | None:
    candidates = [
        guilt
        for name, requests in telemetry.by_route().items()
        if (guilt := _guilt_of(name, requests, telemetry, app_directory)) is not None
    ]
    return max(candidates, key=lambda guilt: guilt.builds * guilt.mean_ms, default=None)


def _guilt_of(route: str, requests: Sequence[ReceivedSpan], telemetry: _Telemetry, app_directory: Path) -> Guilt | None:
    rebuilding = [span for span in requests if span.attributes[semconv.START_TYPE] == "rebuild"]
    built: dict[tuple[str, str], list[ReceivedSpan]] = defaultdict(list)
    for span in telemetry.inits_in(rebuilding):
        built[_component(span.attributes), _site(span, app_directory)].append(span)
    # A site without a re-init may have built what the process did not have yet.
    repeated = {key: spans for key, spans in built.items() if any(map(_is_reinit, spans))}
    if not repeated:
        return None
    (component, site), spans = max(repeated.items(), key=lambda item: sum(map(duration_ms, item[1])))
    return Guilt(
        route=route,
        component=component,
        site=site,
        builds=len(spans),
        mean_ms=fmean(map(duration_ms, spans)),
        share=sum(map(duration_ms, spans)) / sum(map(duration_ms, _not_cold(requests))),
    )


def _outermost(spans: Sequence[ReceivedSpan]) -> Iterable[ReceivedSpan]:
    ids = {span.span_id for span in spans}
    return (span for span in spans if span.parent_span_id not in ids)


def _is_reinit(span: ReceivedSpan) -> bool:
    return bool(span.attributes.get(semconv.REINIT))


def _not_cold(requests: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
    return [span for span in requests if span.attributes[semconv.START_TYPE] != "cold"]


def _site(span: ReceivedSpan, app_directory: Path) -> str:
    file, line = span.attributes.get(semconv.CODE_FILE_PATH), span.attributes.get(semconv.CODE_LINE_NUMBER)
    if file is None or line is None:
        return ""
    path = PurePath(file)
    return f"{path.relative_to(app_directory) if path.is_relative_to(app_directory) else path}:{line}"
