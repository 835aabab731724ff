"""The numbers at the top of a report's page."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from autogen_vitals.local.report.html_text import duration
from autogen_vitals.local.report.model import Report
from autogen_vitals.local.report.tables import counted


@dataclass(frozen=True)
class Fact:
    """A number at the top: ``label``, ``value``, and a ``note`` below it. ``bad``: it is one that should be 0."""

    label: str
    value: str
    note: str
    bad: bool = False


def facts_of(report: Report) -> tuple[Fact, ...]:
    """Those of which something was told."""
    return (
        *_of_processes(report),
        *_of_starts(report),
        *_of_requests(report),
        *_of_inits(report),
        *_of_blocks(report),
        *_of_crashes(report),
    )


def _of_processes(report: Report) -> list[Fact]:
    if not report.workers:
        return []
    run = report.run
    took = f"in {duration((run.ended_ns - run.started_ns) / 1e6)}" if run.ended_ns else "that told something"
    return [Fact("Processes", f"{len(report.workers):,}", took)]


def _of_starts(report: Report) -> list[Fact]:
    served = [start for start in report.cold_starts if start.served]
    if not served:
        return []
    ready = median(start.ready_ms for start in served)
    of = f"median of {len(served)}" if len(served) > 1 else "of one process"
    facts = [
        Fact("Cold start", duration(median(start.total_ms for start in served)), f"{of}; {duration(ready)} until ready")
    ]
    firsts = [start.first_request_ms for start in served if start.first_request_ms is not None]
    if firsts:
        facts.append(Fact("First request", duration(median(firsts)), f"median of {len(firsts)}"))
    return facts


def _of_requests(report: Report) -> list[Fact]:
    if not report.requests:
        return []
    count, errors = (sum(group.count for group in report.requests), sum(group.errors for group in report.requests))
    return [Fact("Requests", f"{count:,}", f"used AutoGen, {errors or 'none'} failed", bad=errors > 0)]


def _of_inits(report: Report) -> list[Fact]:
    if not report.inits:
        return []
    again, ms = sum(init.reinits for init in report.inits), sum(init.reinit_ms for init in report.inits)
    built = f"of {counted(sum(init.count for init in report.inits), 'init')}"
    return [Fact("Built again", f"{again:,}", f"{built}{f'; {duration(ms)}' if again else ''}")]


def _of_blocks(report: Report) -> list[Fact]:
    if not report.loop_blocks:
        return []
    times = counted(sum(block.count for block in report.loop_blocks), "time")
    return [Fact("Event loop blocked", duration(sum(block.total_ms for block in report.loop_blocks)), times, bad=True)]


def _of_crashes(report: Report) -> list[Fact]:
    crashes = report.crashes
    died = len(crashes.dead) + sum(group.count for group in crashes.start_failures)
    raised = len(crashes.failures) + len(crashes.stillborn)
    if not (died or raised or report.workers):
        return []
    parts = [
        *([f"{counted(died, 'process', 'processes')} died"] if died else []),
        *([f"{counted(raised, 'exception')} got out"] if raised else []),
    ]
    return [Fact("Crashes", f"{died + raised:,}", ", ".join(parts) or "no process died", bad=bool(parts))]
