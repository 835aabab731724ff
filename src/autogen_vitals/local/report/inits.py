"""What was built: how often, for how long, and by which lines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedPoint, ReceivedSpan
from autogen_vitals.local.report.model import Init, InitSite, Site
from autogen_vitals.local.report.telemetry import Telemetry, duration_ms, text, whole

_What = tuple[str, str, str]
"""Class, kind and stage."""


@dataclass
class _Told:
    """What one process has told of inits of one class and stage."""

    spans: list[ReceivedSpan] = field(default_factory=list[ReceivedSpan])
    points: list[ReceivedPoint] = field(default_factory=list[ReceivedPoint])


@dataclass(frozen=True)
class _Sums:
    """The same in numbers: the metric's, which counts cheap repeats too, unless the process was gone before it came."""

    count: int
    total_ms: float
    first_ms: float | None
    reinits: int
    reinit_ms: float
    errors: int


def inits_of(telemetry: Telemetry) -> tuple[Init, ...]:
    """The inits of each class and stage, costliest first."""
    told: dict[_What, dict[int, _Told]] = defaultdict(lambda: defaultdict(_Told))
    for point in telemetry.series(semconv.INIT_DURATION):
        told[_what(point.attributes)][telemetry.pid_of(point)].points.append(point)
    for span in telemetry.inits:
        told[_what(span.attributes)][whole(span.attributes, semconv.PROCESS_PID)].spans.append(span)
    found = [_init(what, processes, telemetry) for what, processes in told.items()]
    return tuple(sorted(found, key=lambda init: (-init.total_ms, init.component, init.stage)))


def _what(attributes: Attributes) -> _What:
    return (
        text(attributes, semconv.COMPONENT_TYPE),
        text(attributes, semconv.COMPONENT_KIND),
        text(attributes, semconv.INIT_STAGE),
    )


def _init(what: _What, processes: dict[int, _Told], telemetry: Telemetry) -> Init:
    component, kind, stage = what
    sums = [_sums(told) for told in _countable(processes)]
    firsts = [each.first_ms for each in sums if each.first_ms is not None]
    # Those of a process whose first is not known are in no mean of the later ones.
    later = sum(each.count - 1 for each in sums if each.first_ms is not None)
    later_ms = sum(each.total_ms - each.first_ms for each in sums if each.first_ms is not None)
    return Init(
        component=component,
        kind=kind,
        stage=stage,
        count=sum(each.count for each in sums),
        first_ms=sum(firsts) / len(firsts) if firsts else None,
        # Not below zero where the two clocks disagree in the last digits.
        later_ms=max(0.0, later_ms) / later if later else None,
        total_ms=sum(each.total_ms for each in sums),
        reinits=sum(each.reinits for each in sums),
        reinit_ms=sum(each.reinit_ms for each in sums),
        errors=sum(each.errors for each in sums),
        pids=tuple(sorted(pid for pid in processes if pid)),
        sites=_sites([span for told in processes.values() for span in told.spans], telemetry),
    )


def _countable(processes: dict[int, _Told]) -> Sequence[_Told]:
    """What each process has told; or all of them together, where metrics do not say whose they are."""
    if 0 not in processes or len(processes) == 1:
        return list(processes.values())
    everyone = _Told()
    for told in processes.values():
        everyone.spans += told.spans
        everyone.points += told.points
    everyone.spans.sort(key=lambda span: span.start_ns)
    return [everyone]


def _sums(told: _Told) -> _Sums:
    again = [span for span in told.spans if span.attributes.get(semconv.REINIT)]
    points_again = [point for point in told.points if point.attributes.get(semconv.REINIT)]
    failed = [span for span in told.spans if semconv.ERROR_TYPE in span.attributes]
    points_failed = [point for point in told.points if semconv.ERROR_TYPE in point.attributes]
    return _Sums(
        count=max(len(told.spans), sum(point.count for point in told.points)),
        total_ms=max(sum(map(duration_ms, told.spans)), _summed_ms(told.points)),
        first_ms=duration_ms(told.spans[0]) if told.spans else None,
        reinits=max(len(again), sum(point.count for point in points_again)),
        reinit_ms=max(sum(map(duration_ms, again)), _summed_ms(points_again)),
        errors=max(len(failed), sum(point.count for point in points_failed)),
    )


def _summed_ms(points: Sequence[ReceivedPoint]) -> float:
    return sum(point.sum for point in points) * 1000


def _sites(spans: Sequence[ReceivedSpan], telemetry: Telemetry) -> tuple[InitSite, ...]:
    by_site: dict[Site, list[float]] = defaultdict(list)
    for span in spans:
        if site := telemetry.site(span.attributes):
            by_site[site].append(duration_ms(span))
    found = [InitSite(site, len(taken), sum(taken)) for site, taken in by_site.items()]
    return tuple(sorted(found, key=lambda one: -one.ms))
