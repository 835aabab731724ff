"""Numbers, tables and the place in a page where they are put: what the reports of all benchmarks share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from bench.results import Results
from bench.spread import Spread

END = "<!-- end -->"


def write_between(page: Path, begin: str, text: str) -> None:
    """Put ``text`` between a mark of its own and the next ``END``.

    Raises:
        ValueError: the marks are not there.
    """
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise ValueError(f"{page} has no {begin} … {END}")
    page.write_text(f"{before}{begin}\n\n{text}\n{END}{after}", encoding="utf-8")


def number(value: float, *, signed: bool = False) -> str:
    """Three digits, or all before the point; with a proper minus; a dash for what is not a number."""
    if math.isnan(value):
        return "–"
    size = abs(value)
    digits = 0 if size >= 99.95 else 1 if size >= 9.995 else 2
    text = f"{size:,.{digits}f}"
    is_zero = not any(digit in "123456789" for digit in text)
    if is_zero:
        return "+0" if signed else "0"
    return ("−" if value < 0 else "+" if signed else "") + text


def absolute(values: Sequence[float]) -> str:
    """Median and quartiles."""
    spread = Spread.of(values)
    return "–" if spread is None else f"{number(spread.median)} ({number(spread.low)}…{number(spread.high)})"


def table_of(rows: Sequence[Sequence[str]]) -> str:
    """The first row is its head; all columns but the first are numbers."""
    head, *body = ("| " + " | ".join(row) + " |" for row in rows)
    rule = "|" + "|".join(["---"] + ["---:"] * (len(rows[0]) - 1)) + "|"
    return "\n".join([head, rule, *body]) + "\n"


def explained(reasons: dict[str, list[str]]) -> str:
    """Each reason once, with what it is the reason of."""
    if not reasons:
        return ""
    lines = [f"- **{'; '.join(dict.fromkeys(titles))}**: {reason}" for reason, titles in reasons.items()]
    return "\nWhy:\n\n" + "\n".join(lines) + "\n"


def machine_line(results: Results) -> str:
    """What it was measured on, and for how long."""
    machine, load = results.machine, " → ".join(f"{each:g}" for each in results.load)
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['system']}, Python {machine['python']}; "
        f"rounds: {results.rounds}, in {results.seconds / 60:.0f} minutes, load average {load}.\n"
    )
