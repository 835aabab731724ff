"""What made calls slow: connections, retries, what only a first call does, and lines that block the event loop."""

from __future__ import annotations

from collections import defaultdict

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedSpan
from autogen_vitals.local.report.model import Connections, LoopBlock, Retries, Site, WarmUp
from autogen_vitals.local.report.telemetry import Telemetry, milliseconds, number, text, whole


def connections_of(telemetry: Telemetry) -> tuple[Connections, ...]:
    """Connections by kind of component, those of first calls apart; the most time first."""
    counts: dict[tuple[str, bool, str], int] = defaultdict(int)
    taken: dict[tuple[str, bool, str], float] = defaultdict(float)
    errors: dict[tuple[str, bool], int] = defaultdict(int)
    for point in telemetry.series(semconv.CONNECT_DURATION_METRIC):
        said = point.attributes
        whose = text(said, semconv.COMPONENT_KIND), bool(said.get(semconv.FIRST_USE))
        stage = text(said, semconv.CONNECT_STAGE)
        counts[(*whose, stage)] += point.count
        taken[(*whose, stage)] += point.sum * 1000
        errors[whose] += point.count if semconv.ERROR_TYPE in said else 0
    found = [
        Connections(
            kind=kind,
            first_use=first_use,
            # Of one that is encrypted there are two, one for each stage.
            count=max(counts[kind, first_use, "dns_tcp"], counts[kind, first_use, "tls"]),
            dns_tcp_ms=taken[kind, first_use, "dns_tcp"],
            tls_ms=taken[kind, first_use, "tls"],
            errors=errors[kind, first_use],
        )
        for kind, first_use in errors
    ]
    return tuple(sorted(found, key=lambda one: -(one.dns_tcp_ms + one.tls_ms)))


def retries_of(telemetry: Telemetry) -> tuple[Retries, ...]:
    """What was tried again, by operation and what it had failed with; the most time first."""
    found: dict[tuple[str, str], list[Attributes]] = defaultdict(list)
    for span in telemetry.spans:
        if number(span.attributes, semconv.RETRY_COUNT):
            found[span.name, text(span.attributes, semconv.RETRY_CATEGORY)].append(span.attributes)
    retries = [
        Retries(
            operation=operation,
            category=category,
            calls=len(calls),
            count=sum(whole(said, semconv.RETRY_COUNT) for said in calls),
            ms=sum(milliseconds(said, semconv.RETRY_DURATION) for said in calls),
        )
        for (operation, category), calls in found.items()
    ]
    return tuple(sorted(retries, key=lambda one: -one.ms))


def warm_ups_of(telemetry: Telemetry) -> tuple[WarmUp, ...]:
    """First model calls that had something to warm up, slowest first."""
    found = [
        WarmUp(
            pid=whole(span.attributes, semconv.PROCESS_PID),
            operation=span.name,
            ms=milliseconds(span.attributes, semconv.WARM_UP_DURATION),
            modules=whole(span.attributes, semconv.WARM_UP_MODULES),
            in_request=text(span.attributes, semconv.PHASE) == "request",
        )
        for span in telemetry.spans
        if number(span.attributes, semconv.WARM_UP_DURATION)
    ]
    return tuple(sorted(found, key=lambda one: -one.ms))


def loop_blocks_of(telemetry: Telemetry) -> tuple[LoopBlock, ...]:
    """Lines that blocked an event loop, the most time first."""
    found: dict[Site | None, list[tuple[ReceivedSpan, Attributes]]] = defaultdict(list)
    for span in telemetry.spans:
        for name, said in span.events:
            if name == semconv.LOOP_BLOCKED_EVENT:
                found[telemetry.site(said)].append((span, said))
    blocks = [_loop_block(site, seen) for site, seen in found.items()]
    return tuple(sorted(blocks, key=lambda one: -one.total_ms))


def _loop_block(site: Site | None, seen: list[tuple[ReceivedSpan, Attributes]]) -> LoopBlock:
    by_operation: dict[str, float] = defaultdict(float)
    for span, said in seen:
        by_operation[span.name] += milliseconds(said, semconv.LOOP_BLOCKED_DURATION)
    return LoopBlock(
        site=site,
        operation=max(by_operation, key=lambda name: by_operation[name]),
        count=len(seen),
        total_ms=sum(by_operation.values()),
        max_ms=max(milliseconds(said, semconv.LOOP_BLOCKED_DURATION) for _, said in seen),
        throttled_ms=sum(milliseconds(said, semconv.LOOP_THROTTLED_DURATION) for _, said in seen),
        pids=tuple(sorted({whole(span.attributes, semconv.PROCESS_PID) for span, _ in seen} - {0})),
    )
