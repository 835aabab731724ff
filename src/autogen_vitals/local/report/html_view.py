"""What a page shows of a report: bars with their places, alike things together, and the numbers at its top."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from autogen_vitals.local.recording import Run
from autogen_vitals.local.report.html_facts import Fact, facts_of
from autogen_vitals.local.report.html_text import command_of
from autogen_vitals.local.report.model import ColdStart, Death, Failure, Finding, Report, Worker
from autogen_vitals.vocabulary import StartupStage

SCALE = 1000
"""Units across a bar's whole width."""

ROWS, ITEMS, PLACES = 200, 60, 20
"""Of a table, of what to fix, and of the lines of one rule: a page of a million rows could not be opened."""

_OPEN_STARTS, _DRAWN_STARTS = 4, 24
_SHORTEST = 3.0

KINDS = {
    "process": "process, interpreter, server",
    "imports": "imports",
    "inits": "building components",
    "connecting": "connecting",
    "model": "the model, and its first use",
    "request": "your request and its tools",
}
"""What a stage is, by which it is coloured."""

_KINDS_OF_STAGES: dict[StartupStage, str] = {
    "spawn": "process",
    "instrumentation": "process",
    "imports": "imports",
    "init": "inits",
    "ready": "process",
    "request_init": "inits",
    "connect_dns_tcp": "connecting",
    "connect_tls": "connecting",
    "gc": "process",
    "warm_up": "model",
    "model_wait": "model",
    "model_stream": "model",
    "tool": "request",
    "request": "request",
}


@dataclass(frozen=True)
class Bar:
    """One stage, drawn from ``x`` on, ``width`` wide; ``share`` is its part of the whole start."""

    stage: StartupStage
    kind: str
    ms: float
    share: float
    x: float
    width: float


@dataclass(frozen=True)
class Waterfall:
    """The cold start of a process: each bar begins where the one before it ends."""

    start: ColdStart
    until_ready: tuple[Bar, ...]
    in_request: tuple[Bar, ...]


@dataclass(frozen=True)
class Item:
    """Findings of one rule, which have the same remedy: what to fix, in one line of code or several."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]


@dataclass(frozen=True)
class DiedAlike:
    """Processes of one parent that ended in the same way, doing the same: they are one row."""

    deaths: tuple[Death, ...]

    @property
    def first(self) -> Death:
        return self.deaths[0]

    @property
    def last(self) -> Death:
        return self.deaths[-1]

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(death.pid for death in self.deaths)

    @property
    def observers(self) -> tuple[str, ...]:
        seen = (f"{death.observed_by} {death.observer_pid or ''}".strip() for death in self.deaths)
        return tuple(dict.fromkeys(seen))

    @property
    def trace_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(trace for death in self.deaths for trace in death.trace_ids))


@dataclass(frozen=True)
class FailedAlike:
    """Exceptions of one class from one line, in the same operation: they are one row."""

    failures: tuple[Failure, ...]

    @property
    def first(self) -> Failure:
        return self.failures[0]

    @property
    def pids(self) -> tuple[int, ...]:
        return tuple(sorted({failure.pid for failure in self.failures}))

    @property
    def requests(self) -> tuple[str, ...]:
        return tuple(sorted({failure.request for failure in self.failures if failure.request}))


@dataclass(frozen=True)
class Life:
    """A process, and the part of the run for which it lived; ``width`` is 0 where that is not known."""

    worker: Worker
    x: float
    width: float


@dataclass(frozen=True)
class Page:
    """All that the template shows and that is not in the report as it is.

    Attributes:
        command: as it would be typed.
        facts: the numbers at the top.
        to_fix, worth_knowing: the verdict's.
        open_starts, more_starts: the waterfalls of the longest cold starts, and of others; ``other_starts`` are not
            drawn. ``idle_starts``: pids of those that never served.
        stages: those that are drawn.
        dead: processes, those that could not start included; ``earlier``: those before the run.
        failed: exceptions that no process died of.
        lives: the processes.
    """

    command: str
    facts: tuple[Fact, ...]
    to_fix: tuple[Item, ...]
    worth_knowing: tuple[Item, ...]
    open_starts: tuple[Waterfall, ...]
    more_starts: tuple[Waterfall, ...]
    other_starts: int
    idle_starts: tuple[int, ...]
    stages: tuple[StartupStage, ...]
    dead: tuple[DiedAlike, ...]
    earlier: tuple[DiedAlike, ...]
    failed: tuple[FailedAlike, ...]
    lives: tuple[Life, ...]


def kind_of(stage: StartupStage) -> str:
    """A key of ``KINDS``."""
    return _KINDS_OF_STAGES[stage]


def page_of(report: Report) -> Page:
    """What the page of a report shows."""
    crashes = report.crashes
    served = sorted((start for start in report.cold_starts if start.served), key=lambda start: -start.total_ms)
    drawn = _waterfalls(served[:_DRAWN_STARTS])
    bars = [bar for one in drawn for bar in (*one.until_ready, *one.in_request)]
    return Page(
        command=command_of(report.run),
        facts=facts_of(report),
        to_fix=_items(report.verdict.to_fix, report.run.directory),
        worth_knowing=_items(report.verdict.worth_knowing, report.run.directory),
        open_starts=drawn[:_OPEN_STARTS],
        more_starts=drawn[_OPEN_STARTS:],
        other_starts=len(served) - len(drawn),
        idle_starts=tuple(start.pid for start in report.cold_starts if not start.served),
        stages=tuple(dict.fromkeys(bar.stage for bar in bars)),
        dead=_died_alike((*(death for group in crashes.start_failures for death in group.deaths), *crashes.dead)),
        earlier=_died_alike(crashes.earlier),
        failed=_failed_alike((*crashes.stillborn, *crashes.failures)),
        lives=tuple(_life(worker, report.run, report.workers) for worker in report.workers[:ROWS]),
    )


# --- findings -----------------------------------------------------------------------------------------------------


def _items(findings: Iterable[Finding], directory: str) -> tuple[Item, ...]:
    """Those of one rule and remedy together, where the first of them is."""
    alike: dict[tuple[object, ...], list[Finding]] = {}
    for one in findings:
        # Crashes that no rule explains have little in common.
        key = (one.rule, one.severity, one.remedy, one.also) if one.rule else (id(one),)
        alike.setdefault(key, []).append(_nearby(one, directory))
    return tuple(Item(tuple(ones)) for ones in alike.values())


def _nearby(finding: Finding, directory: str) -> Finding:
    """With evidence that names files of the run's directory as the line itself is named."""
    return replace(finding, evidence=finding.evidence.replace(f"{directory}/", "")) if directory else finding


# --- cold starts --------------------------------------------------------------------------------------------------


def _waterfalls(starts: Sequence[ColdStart]) -> tuple[Waterfall, ...]:
    """On one scale: a bar that is longer took longer."""
    longest_ms = max((start.total_ms for start in starts), default=0.0) or 1.0
    return tuple(
        Waterfall(
            start,
            _bars(start.until_ready, start, 0.0, longest_ms),
            _bars(start.in_request, start, start.ready_ms, longest_ms),
        )
        for start in starts
    )


def _bars(
    stages: Mapping[StartupStage, float], start: ColdStart, before_ms: float, longest_ms: float
) -> tuple[Bar, ...]:
    bars: list[Bar] = []
    for stage, ms in stages.items():
        width = max(_SHORTEST, ms / longest_ms * SCALE)
        x = min(before_ms / longest_ms * SCALE, SCALE - width)
        bars.append(Bar(stage, kind_of(stage), ms, ms / (start.total_ms or 1.0), round(x, 1), round(width, 1)))
        before_ms += ms
    return tuple(bars)


# --- crashes and processes ----------------------------------------------------------------------------------------


def _died_alike(deaths: Iterable[Death]) -> tuple[DiedAlike, ...]:
    alike: dict[tuple[object, ...], list[Death]] = {}
    for one in deaths:
        how = (one.reason, one.signal, one.code, one.category, one.error_type, one.failure and one.failure.site)
        alike.setdefault((one.parent_pid, one.server, one.phase, one.operation, *how), []).append(one)
    return tuple(DiedAlike(tuple(ones)) for ones in alike.values())


def _failed_alike(failures: Iterable[Failure]) -> tuple[FailedAlike, ...]:
    alike: dict[tuple[object, ...], list[Failure]] = {}
    for one in failures:
        alike.setdefault((one.phase, one.operation, one.category, one.error_type, one.site), []).append(one)
    return tuple(FailedAlike(tuple(ones)) for ones in alike.values())


def _life(worker: Worker, run: Run, workers: Sequence[Worker]) -> Life:
    if not worker.started_ns or worker.uptime_ms is None:
        return Life(worker, 0.0, 0.0)
    ends = [one.started_ns + int((one.uptime_ms or 0.0) * 1e6) for one in workers]
    whole = max(1, max(run.ended_ns, *ends) - run.started_ns)
    width = min(SCALE, max(_SHORTEST, worker.uptime_ms * 1e6 / whole * SCALE))
    x = min(max(0.0, (worker.started_ns - run.started_ns) / whole * SCALE), SCALE - width)
    return Life(worker, round(x, 1), round(width, 1))
