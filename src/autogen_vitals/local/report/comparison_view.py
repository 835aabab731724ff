"""A comparison in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from autogen_vitals.local.report.changes import Change, Comparison
from autogen_vitals.local.report.comparison import name_of
from autogen_vitals.local.report.tables import cut, figure, table

_STATES = {"gone": "green", "new": "bold red", "still": "yellow"}
_NAME = 30


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print what has changed, in sentences, and below them in numbers."""
    for letter, run in (("A", comparison.a), ("B", comparison.b)):
        console.print(Text(cut(f"{letter}: {run.id}, {' '.join(run.command)}", console.width), style="dim"))
    console.print()
    for index, sentence in enumerate(comparison.sentences):
        console.print(Text(sentence, style="" if index else "bold"), highlight=False)
    if comparison.findings:
        _show_findings(comparison, console)
    _show_start(comparison, console)
    if comparison.requests:
        _show_requests(comparison, console)


def _show_findings(comparison: Comparison, console: Console) -> None:
    _heading("To fix", console)
    made = table("")
    made.add_column("finding", overflow="fold")
    made.add_column("in A", overflow="fold")
    made.add_column("in B", overflow="fold")
    for change in comparison.findings:
        saves = [one.saves or "found" if one else "-" for one in (change.a, change.b)]
        made.add_row(Text(change.state, _STATES[change.state]), name_of(change), *saves)
    console.print(made, highlight=False)


def _show_start(comparison: Comparison, console: Console) -> None:
    rows = {
        "cold start, ms": comparison.cold_start_ms,
        **{f"  {stage}": change for stage, change in comparison.stages_ms.items()},
        "first request, ms": comparison.first_request_ms,
        "re-inits": comparison.reinits,
        "re-inits, ms": comparison.reinit_ms,
        "could not start": comparison.failed_starts,
        "died": comparison.deaths,
        "exceptions": comparison.failures,
    }
    _heading("In numbers", console)
    made = table("medians of the processes, and sums", "A", "B", "difference")
    for name, change in rows.items():
        made.add_row(name, *_cells(change))
    console.print(made, highlight=False)


def _show_requests(comparison: Comparison, console: Console) -> None:
    _heading("Requests, medians in ms", console)
    made = table("request", "cold\nA", "\nB", "later\nA", "\nB", "inits each\nA", "\nB", "errors\nA", "\nB")
    for change in comparison.requests:
        made.add_row(
            cut(change.name or "(no name)", _NAME),
            figure(change.cold_ms.a),
            figure(change.cold_ms.b),
            figure(change.later_ms.a),
            figure(change.later_ms.b),
            figure(change.inits.a, 1),
            figure(change.inits.b, 1),
            figure(change.errors.a),
            figure(change.errors.b),
        )
    console.print(made, highlight=False)


def _cells(change: Change) -> tuple[str, str, str]:
    by = change.by
    return figure(change.a), figure(change.b), "-" if by is None else f"{by:+,.0f}"


def _heading(text: str, console: Console) -> None:
    console.print()
    console.print(Text(text, style="bold"))
