"""Crashes in the terminal: who died or failed, when in its life, doing what, why, and who saw it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.report.model import Crashes, Death, Failure, StartFailures
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS

_ROWS = 4
"""How many crashes a table names; the others are counted."""

_TRACE_DIGITS = 6
_COLUMNS = {"phase": 7, "doing": 19, "why": 20, "seen by": 10, "trace": _TRACE_DIGITS}
_MEANINGS: Mapping[str, str] = {**CATEGORIES, **EXIT_REASONS}


def show_crashes(crashes: Crashes, console: Console) -> None:
    """Print what crashed, and what that means."""
    print_crash_tables(crashes, console)
    console.print()
    text = "\n".join(explanations(crashes))
    console.print(
        Panel(Text(text or "Nothing crashed."), title="Crashes", border_style="red" if text else "green"),
        highlight=False,
    )


def print_crash_tables(crashes: Crashes, console: Console, began_ns: int = 0) -> None:
    """Print what crashed; nothing where nothing did.

    Args:
        crashes: all of them.
        console: where.
        began_ns: when the run began: then it is told how long after that each was; 0: it is not.
    """
    unborn = [
        *(_death_cells(death, began_ns) for group in crashes.start_failures for death in group.deaths),
        *(_failure_cells([failure], began_ns) for failure in crashes.stillborn),
    ]
    for heading, rows in (
        ("Processes that died before they could serve", unborn),
        ("Exceptions that got out", [_failure_cells(alike, began_ns) for alike in _alike(crashes.failures)]),
        ("Processes that died at work", [_death_cells(death, began_ns) for death in crashes.dead]),
    ):
        if rows:
            console.print()
            console.print(Text(heading, style="bold"))
            console.print(_table(rows, "pid\nat" if began_ns else "pid"))


def explanations(crashes: Crashes) -> list[str]:
    """What happened, in a sentence or two: for those of a parent that could not start together, and for each other
    crash; what failed alike once."""
    told = [
        *(map(_start_failed, crashes.start_failures) if crashes.start_failures else map(_failed, crashes.stillborn)),
        *map(_failed_alike, _alike(crashes.failures)),
        *map(_died, crashes.dead),
    ]
    return list(told)


def _start_failed(group: StartFailures) -> str:
    # The last one of which it is known stands for all.
    last = next((death for death in reversed(group.deaths) if death.failure), group.deaths[-1])
    subject = f"{group.count} children of process {group.parent_pid}" if group.count > 1 else f"Process {last.pid}"
    loop = " within 5 minutes: a crash loop" if group.is_loop else ""
    why = f"{last.pid} {_failure_text(last.failure)}" if last.failure else f"{last.reason}: {_meaning(last.reason)}"
    return f"{subject} died before serving{loop}. {why}."


def _failed_alike(failures: Sequence[Failure]) -> str:
    told = _failed(failures[0])
    if len(failures) == 1:
        return told
    pids = {failure.pid for failure in failures}
    return f"{told} {len(failures)} times{f', in {len(pids)} processes' if len(pids) > 1 else ''}."


def _failed(failure: Failure) -> str:
    request = f", a request to {failure.request}," if failure.request else ""
    return f"Process {failure.pid}{request} {_failure_text(failure)}."


def _failure_text(failure: Failure) -> str:
    where = f" in {failure.operation}" if failure.operation else ""
    says = f" ({failure.says})" if failure.says else ""
    at = f" at {failure.site}" if failure.site else ""
    means = "" if failure.category == "other" else f", {failure.category}: {_meaning(failure.category)}"
    rule = f" ({failure.rule})" if failure.rule else ""
    return f"failed{where}{at} with {failure.error_type}{says}{means}{rule}"


def _meaning(word: str) -> str:
    return _MEANINGS.get(word, "what that is, is not known")


def _died(death: Death) -> str:
    text = f"Process {death.pid} ended{f' in {death.operation}' if death.operation else ''}, phase {death.phase}, "
    if death.signal:
        text += f"by {death.signal}"
    elif death.failure:
        text += f"{death.reason}: it {_failure_text(death.failure)}"
    else:
        text += f"{death.reason}: {_meaning(death.reason)}"
    text += f"; told by process {death.observer_pid} ({death.observed_by})."
    if death.trace_ids:
        text += f" Its trace {_trace(death.trace_ids)} stops there."
    return f"{text} It falls under {death.rule}." if death.rule else text


def _death_cells(death: Death, began_ns: int) -> tuple[str, ...]:
    if death.signal:
        why = death.signal if death.reason == "signal" else f"{death.signal}\n{death.reason}"
    elif death.failure:
        why = f"{death.failure.category}\n{death.failure.error_type}"
    else:
        why = death.reason
    if death.code is not None:
        why += f", exit {death.code}"
    who, seen = _who(death.pid, death.when_ns, began_ns), f"{death.observed_by}\n{death.observer_pid}"
    return who, death.phase, death.operation or "-", why, seen, _trace(death.trace_ids)


def _failure_cells(alike: Sequence[Failure], began_ns: int) -> tuple[str, ...]:
    one = alike[0]
    why = f"{one.category}\n{one.error_type}{f', {len(alike)} times' if len(alike) > 1 else ''}"
    who = _who(one.pid, one.when_ns, began_ns)
    return who, one.phase, one.operation or "-", why, "self", _trace((one.trace_id,))


def _who(pid: int, when_ns: int, began_ns: int) -> str:
    return f"{pid}\n{(when_ns - began_ns) / 1e9:.1f} s" if began_ns and when_ns else str(pid)


def _alike(failures: Sequence[Failure]) -> list[list[Failure]]:
    """Those of the same exception at the same line, doing the same, are told once."""
    alike: dict[tuple[str, ...], list[Failure]] = {}
    for failure in failures:
        what = failure.phase, failure.operation, failure.category, failure.error_type, str(failure.site or "")
        alike.setdefault(what, []).append(failure)
    return list(alike.values())


def _trace(trace_ids: Sequence[str]) -> str:
    return next(iter(trace_ids), "")[:_TRACE_DIGITS] or "-"


def _table(rows: Sequence[tuple[str, ...]], who: str) -> Table:
    # The same widths in all of them; where there is no terminal, 80 columns have to do.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(who, min_width=5, overflow="fold")
    for heading, width in _COLUMNS.items():
        table.add_column(heading, min_width=width, overflow="fold")
    for row in rows[:_ROWS]:
        table.add_row(*row)
    if len(rows) > _ROWS:
        table.add_row("", "", f"and {len(rows) - _ROWS} more", style="dim")
    return table
