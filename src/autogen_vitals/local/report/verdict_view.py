"""The top of a report in the terminal: what was run, and what to fix; it fits into a first screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.report.costs import saving
from autogen_vitals.local.report.model import Cost, Finding, Report
from autogen_vitals.local.report.tables import counted, cut, places

SCREEN = 24
"""Lines of a small terminal."""

STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "dim"}
_SENTENCES = {"to_fix": "bold red", "nothing_to_fix": "bold green", "silent": "bold yellow"}
_RULE = 5


@dataclass(frozen=True)
class _Group:
    """Findings of one rule, which have the same remedy; the first one is worth most."""

    findings: tuple[Finding, ...]

    @property
    def first(self) -> Finding:
        return self.findings[0]

    @property
    def where(self) -> str:
        sites = places(str(one.site) for one in self.findings if one.site)
        others = dict.fromkeys(one.operation for one in self.findings if not one.site and one.operation)
        return ", ".join((*sites, *others))

    @property
    def saves(self) -> str:
        times = sum(one.times for one in self.findings)
        return saving(self.first.rule, _sum([one.cost for one in self.findings]), times)

    @property
    def told(self) -> str:
        """Which line it is, what it costs, and who says so."""
        also = f" (also {', '.join(self.first.also)})" if self.first.also else ""
        pids = {pid for one in self.findings for pid in one.pids}
        # Where processes are what it has cost they are counted already.
        is_counted = len(pids) < 2 or any(one.cost.failed_starts or one.cost.deaths for one in self.findings)
        seen = "" if is_counted else f" ({counted(len(pids), 'process', 'processes')})"
        # What no rule has a name for is what was seen.
        what = "" if self.first.rule else self.first.evidence
        return ": ".join(part for part in (f"{self.where}{also}".strip(), what, self.saves) if part) + seen


def show_verdict(report: Report, console: Console) -> None:
    """Print what was run, and the verdict: 24 lines, unless there is very much to remark on."""
    above, below = [*_heading(report, console.width), Text(), *_sentence(report)], _below(report)
    room = SCREEN - 1 - sum(_height(line, console) for line in (*above, *below))
    for line in (*above, _items(report.verdict.to_fix, room, console), *below):
        console.print(line, highlight=False)


def _height(shown: RenderableType, console: Console) -> int:
    return len(console.render_lines(shown, pad=False))


def _heading(report: Report, width: int) -> list[Text]:
    run = report.run
    program, *arguments = run.command or ("",)
    seconds = f"{(run.ended_ns - run.started_ns) / 1e9:,.1f} s" if run.ended_ns else "cut off"
    ended = run.signal or ("" if run.exit_code is None else f"exit code {run.exit_code}")
    requests = sum(group.count for group in report.requests)
    facts = [
        run.id,
        seconds,
        ended,
        counted(len(report.workers), "process", "processes"),
        counted(requests, "request"),
    ]
    return [
        Text(cut(" ".join((PurePath(program).name, *arguments)), width), style="bold"),
        Text(", ".join(fact for fact in facts if fact), style="dim"),
    ]


def _sentence(report: Report) -> list[Text]:
    verdict = report.verdict
    return [
        Text(verdict.sentence, style=_SENTENCES[verdict.state]),
        *(Text(remark, style="yellow") for remark in verdict.remarks),
    ]


def _below(report: Report) -> list[Text]:
    verdict = report.verdict
    knowing = "; ".join(f"{group.first.rule} {group.where}".rstrip() for group in _groups(verdict.worth_knowing))
    explained = next((one.rule for one in (*verdict.to_fix, *verdict.worth_knowing) if one.rule), "")
    return [
        *([Text(f"Worth knowing: {knowing}", style="dim")] if knowing else []),
        *([Text(f"autogen-vitals explain {explained} says why, and how", style="dim")] if explained else []),
    ]


def _items(findings: Sequence[Finding], room: int, console: Console) -> Table:
    """As many as there is room for: with all of what to do, or with the beginning of that, or not all of them."""
    groups = _groups(findings)
    full = _listed(groups, 0)
    if _height(full, console) <= room:
        return full
    fitting = max(1, room // 2)
    if len(groups) <= fitting:
        return _listed(groups, console.width)
    some = _listed(groups[: fitting - 1], console.width)
    some.add_row("", Text(f"and {counted(len(groups) - fitting + 1, 'more rule')}: see Findings below", style="dim"))
    return some


def _listed(groups: Sequence[_Group], width: int) -> Table:
    """One below the other: of each what it is about, what that costs, and what to do.

    Args:
        groups: of findings.
        width: columns of the terminal, where each is to have two lines only; else 0.
    """
    table = Table.grid(padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, min_width=_RULE)
    table.add_column(overflow="fold")
    for group in groups:
        one, told = group.first, group.told
        remedy = one.remedy
        if width:
            told, remedy = cut(told, width - _RULE - 1), cut(remedy, width - _RULE - 1)
        about = Text.assemble((told, "bold"), f"\n{remedy}")
        table.add_row(Text(one.rule or "crash", STYLES.get(one.severity, "")), about)
    return table


def _groups(findings: Sequence[Finding]) -> list[_Group]:
    found: dict[tuple[str, str, str, tuple[str, ...]], list[Finding]] = {}
    for one in findings:
        # Crashes that no rule explains have little in common.
        key = one.rule, one.severity, one.remedy if one.rule else one.evidence, one.also
        found.setdefault(key, []).append(one)
    return [_Group(tuple(alike)) for alike in found.values()]


def _sum(costs: Sequence[Cost]) -> Cost:
    """What several have cost together; of a single one all that is known."""
    if len(costs) == 1:
        return costs[0]
    ms, requests = sum(cost.ms for cost in costs), sum(cost.requests for cost in costs)
    return Cost(
        ms=ms,
        requests=requests,
        per_request_ms=ms / requests if requests else 0.0,
        failed_starts=sum(cost.failed_starts for cost in costs),
        deaths=sum(cost.deaths for cost in costs),
        failed_requests=sum(cost.failed_requests for cost in costs),
    )
