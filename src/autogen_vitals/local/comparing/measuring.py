"""What the app's processes told about one boot: numbers, findings, crashes and ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from statistics import fmean

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedLog

_TELLING = frozenset({"ERROR", "FATAL"})


@dataclass(frozen=True)
class Found:
    """A rule at one line.

    Attributes:
        site: ``file:line``; empty where none is known.
        times: how often it was told.
    """

    rule: str
    name: str
    severity: str
    site: str
    evidence: str
    remedy: str
    times: int


@dataclass(frozen=True)
class Latency:
    """Milliseconds, and of how many requests."""

    p50_ms: float
    p95_ms: float
    count: int


@dataclass(frozen=True)
class Told:
    """What was told.

    Attributes:
        cold, warm: requests that used AutoGen, the first of each worker and all others; ``None`` where there is none.
        inits_per_request, connects_per_request: of those that were not cold; ``None`` likewise.
        findings: those that are more than worth knowing, the worst first.
        crashes: exceptions that ended something, by their class.
        ends: of processes that should not have ended: why, by pid.
    """

    cold: Latency | None
    warm: Latency | None
    inits_per_request: float | None
    connects_per_request: float | None
    findings: tuple[Found, ...]
    crashes: tuple[tuple[str, int], ...]
    ends: tuple[tuple[int, str], ...]


def measure(logs: Sequence[ReceivedLog]) -> Told:
    """Read it from the events of one boot."""
    requests = _said(logs, semconv.REQUEST_EVENT)
    cold = [said for said in requests if said[semconv.START_TYPE] == "cold"]
    warm = [said for said in requests if said[semconv.START_TYPE] != "cold"]
    crashes = Counter(str(said[semconv.ERROR_TYPE]) for said in _said(logs, semconv.CRASH_EVENT))
    ends = {
        int(said[semconv.PROCESS_PID]): str(said[semconv.EXIT_REASON])
        for said in _said((log for log in logs if log.severity in _TELLING), semconv.PROCESS_EXIT_EVENT)
    }
    return Told(
        cold=latency(map(_ms, cold)),
        warm=latency(map(_ms, warm)),
        inits_per_request=_mean(warm, semconv.REQUEST_INIT_COUNT),
        connects_per_request=_mean(warm, semconv.REQUEST_CONNECT_COUNT),
        findings=tuple(_findings(logs)),
        crashes=tuple(sorted(crashes.items())),
        ends=tuple(sorted(ends.items())),
    )


def latency(milliseconds: Iterable[float]) -> Latency | None:
    """The middle, and what 95 of 100 stay below; ``None`` for none."""
    values = sorted(milliseconds)
    if not values:
        return None
    return Latency(values[len(values) // 2], values[min(len(values) - 1, int(len(values) * 0.95))], len(values))


def _said(logs: Iterable[ReceivedLog], event: semconv.Event) -> list[Attributes]:
    return [log.attributes for log in logs if log.event_name == event.name]


def _findings(logs: Iterable[ReceivedLog]) -> list[Found]:
    times: Counter[tuple[str, str, str]] = Counter()
    first: dict[tuple[str, str, str], Found] = {}
    for said in _said(logs, semconv.FINDING_EVENT):
        severity = str(said[semconv.FINDING_SEVERITY])
        if severity not in SEVERITIES:
            continue
        file, line = said.get(semconv.CODE_FILE_PATH), said.get(semconv.CODE_LINE_NUMBER)
        site = f"{PurePath(str(file)).name}:{line}" if file else ""
        key = (str(said[semconv.FINDING_RULE]), severity, site)
        times[key] += 1
        evidence, remedy = str(said[semconv.FINDING_EVIDENCE]), str(said[semconv.FINDING_REMEDY])
        first.setdefault(key, Found(key[0], str(said[semconv.FINDING_NAME]), severity, site, evidence, remedy, 1))
    found = [replace(one, times=times[key]) for key, one in first.items()]
    return sorted(found, key=lambda one: (SEVERITIES.index(one.severity), one.rule, one.site))


SEVERITIES = ("critical", "error", "warning")
"""The severities of what is told here, the worst first."""


def _mean(requests: Sequence[Attributes], attribute: str) -> float | None:
    return fmean(float(said[attribute]) for said in requests) if requests else None


def _ms(request: Attributes) -> float:
    return float(request[semconv.REQUEST_SPENT]) * 1000
