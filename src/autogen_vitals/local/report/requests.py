"""The requests of a run, by name: what they paid, how long they took, and how many failed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from autogen_vitals.local.report.model import Latency, RequestGroup
from autogen_vitals.local.report.telemetry import Request, Telemetry, percentile


def requests_of(telemetry: Telemetry) -> tuple[RequestGroup, ...]:
    """Those that used AutoGen, by name."""
    by_name: dict[str, list[Request]] = defaultdict(list)
    for request in telemetry.requests:
        by_name[request.name].append(request)
    return tuple(_group(name, by_name[name]) for name in sorted(by_name))


def _group(name: str, requests: Sequence[Request]) -> RequestGroup:
    later = [request for request in requests if not request.is_cold]
    later_ms = sum(request.ms for request in later)
    init_ms = sum(request.init_ms for request in later)
    return RequestGroup(
        name=name,
        count=len(requests),
        starts=Counter(request.start_type for request in requests if request.start_type),
        cold=_latency([request.ms for request in requests if request.is_cold]),
        later=_latency([request.ms for request in later]),
        inits=sum(request.inits for request in later) / len(later) if later else 0.0,
        init_ms=init_ms / len(later) if later else 0.0,
        init_share=min(1.0, init_ms / later_ms) if later_ms else None,
        connects=sum(request.connects for request in requests),
        errors=sum(bool(request.error) for request in requests),
        error_types=Counter(request.error for request in requests if request.error),
    )


def _latency(taken: Sequence[float]) -> Latency | None:
    if not taken:
        return None
    return Latency(len(taken), percentile(taken, 0.5), percentile(taken, 0.95), max(taken))
