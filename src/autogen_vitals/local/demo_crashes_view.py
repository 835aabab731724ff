"""The demo's crashes, in the terminal: who died or failed, when in its life, doing what, why, and who saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.demo_crashes import Crashes, Death, Failure
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS

_ROWS = 4
"""How many crashes a table names; the others are counted."""

_TRACE_DIGITS = 6
_COLUMNS = {"pid": 5, "phase": 7, "doing": 19, "why": 20, "seen by": 10, "trace": _TRACE_DIGITS}
_MEANINGS: Mapping[str, str] = {**CATEGORIES, **EXIT_REASONS}


def show_crashes(crashes: Crashes, console: Console) -> None:
    """Print what crashed, and what that means."""
    unborn = [*map(_death_cells, crashes.unborn), *map(_failure_cells, crashes.stillborn)]
    for heading, rows in (
        ("Processes that died before they could serve", unborn),
        ("Exceptions that got out", [_failure_cells(failure) for failure in crashes.failures]),
        ("Processes that died at work", [_death_cells(death) for death in crashes.dead]),
    ):
        if rows:
            console.print()
            console.print(Text(heading, style="bold"))
            console.print(_table(rows))
    console.print()
    text = "\n".join(explanations(crashes))
    console.print(
        Panel(Text(text or "Nothing crashed."), title="Crashes", border_style="red" if text else "green"),
        highlight=False,
    )


def explanations(crashes: Crashes) -> list[str]:
    """What happened: a sentence or two for those that could not start together, and for each of the others."""
    return [
        *([_start_failed(crashes.unborn)] if crashes.unborn else map(_failed, crashes.stillborn)),
        *map(_failed, crashes.failures),
        *map(_died, crashes.dead),
    ]


def _start_failed(unborn: Sequence[Death]) -> str:
    number, last = max(death.boot_failures for death in unborn), unborn[-1]
    subject = f"{number} children of process {last.parent_pid}" if number > 1 else f"Process {last.pid}"
    loop = " within 5 minutes: a crash loop" if any(death.is_loop for death in unborn) else ""
    why = f"{last.pid} {_failure_text(last.failure)}" if last.failure else f"{last.reason}: {_MEANINGS[last.reason]}"
    return f"{subject} died before serving{loop}. {why}."


def _failed(failure: Failure) -> str:
    request = f", a request to {failure.route}," if failure.route else ""
    return f"Process {failure.pid}{request} {_failure_text(failure)}."


def _failure_text(failure: Failure) -> str:
    where = f" in {failure.operation}" if failure.operation else ""
    says = f" ({failure.says})" if failure.says else ""
    return f"failed{where} with {failure.error_type}{says}, {failure.category}: {_MEANINGS[failure.category]}"


def _died(death: Death) -> str:
    text = f"Process {death.pid} ended{f' in {death.operation}' if death.operation else ''}, phase {death.phase}, "
    text += f"by {death.signal}" if death.signal else f"{death.reason}: {_MEANINGS[death.reason]}"
    text += f"; told by process {death.observer_pid} ({death.observed_by})."
    return f"{text} Its trace {death.trace_id[:_TRACE_DIGITS]} stops there." if death.trace_id else text


def _death_cells(death: Death) -> tuple[str, ...]:
    if death.signal:
        why = death.signal if death.reason == "signal" else f"{death.signal}\n{death.reason}"
    elif death.failure:
        why = f"{death.failure.category}\n{death.failure.error_type}"
    else:
        why = death.reason
    if death.code is not None:
        why += f", exit {death.code}"
    seen = f"{death.observed_by}\n{death.observer_pid}"
    return str(death.pid), death.phase, death.operation or "-", why, seen, _trace(death.trace_id)


def _failure_cells(failure: Failure) -> tuple[str, ...]:
    why = f"{failure.category}\n{failure.error_type}"
    return str(failure.pid), failure.phase, failure.operation or "-", why, "self", _trace(failure.trace_id)


def _trace(trace_id: str) -> str:
    return trace_id[:_TRACE_DIGITS] or "-"


def _table(rows: Sequence[tuple[str, ...]]) -> Table:
    # The same widths in all of them; where there is no terminal, 80 columns have to do.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading, width in _COLUMNS.items():
        table.add_column(heading, min_width=width, overflow="fold")
    for row in rows[:_ROWS]:
        table.add_row(*row)
    if len(rows) > _ROWS:
        table.add_row("", "", f"and {len(rows) - _ROWS} more", style="dim")
    return table
