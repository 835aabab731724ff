"""The tables of ``README.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.spread import Spread
from bench.writing import absolute, explained, machine_line, number, table_of, write_between

from load.numbers import LoadResults
from load.plan import ALONE, OURS
from load.states import STATES, State
from load.verdicts import Miss, harm, longest, slowness

BEGIN = "<!-- begin: written by make load -->"
NOT_MEASURED = "Not measured yet: `make load` does, and writes this.\n"
FEW = 4
"""Rounds below which there are no quartiles."""
ALONE_LOAD = 1.0
"""The load average of a machine that does nothing, before it measures."""


def write(results: LoadResults | None, readme: Path) -> None:
    """Put the tables between the two marks; or that there are no numbers.

    Raises:
        ValueError: the marks are not there.
    """
    write_between(readme, BEGIN, NOT_MEASURED if results is None else markdown(results))


def markdown(results: LoadResults) -> str:
    """All that was measured."""
    reasons: dict[str, list[str]] = {}
    parts = [
        machine_line(results) + _doubts(results),
        f"{results.clients} clients at a time; the model takes {results.model_seconds:g} s for each of two replies.\n",
        _section("Throughput and latency", _speed(results, reasons)),
        _section("Memory, the event loop, the end", _harm(results, reasons)),
        explained(reasons).lstrip(),
        _failures(results),
    ]
    return "\n".join(part for part in parts if part)


def _doubts(results: LoadResults) -> str:
    doubts: list[str] = []
    if results.rounds < FEW:
        doubts.append(f"with fewer than {FEW} rounds, brackets hold the extremes, and a verdict may be chance")
    if results.load and results.load[0] > ALONE_LOAD:
        doubts.append("the machine had other work, of which a p99 is made first of all")
    return f"\n**To be measured again**: {'; '.join(doubts)}.\n" if doubts else ""


def _speed(results: LoadResults, reasons: dict[str, list[str]]) -> str:
    rows = [
        [
            "exporter",
            "answers a second, SDK alone",
            "with us",
            "p50 ms, SDK alone",
            "with us",
            "p99 ms, SDK alone",
            "with us",
            "p99 of all rounds, ms",
            "within 3 %",
        ]
    ]
    for state in STATES:
        misses = slowness(results, state)
        if misses is None:
            continue
        row = [state.title]
        for name in ("throughput", "p50", "p99"):
            row += [absolute(results.values(state, ALONE.name, name)), percent(results.change(state, name))]
        row.append(_both([results.pooled(state, subject.name, 0.99) for subject in (ALONE, OURS)]))
        rows.append([*row, _verdict(state, misses, reasons)])
    return table_of(rows) if len(rows) > 1 else ""


def _harm(results: LoadResults, reasons: dict[str, list[str]]) -> str:
    rows = [
        [
            "exporter",
            "CPU ms of a request, SDK alone",
            "with us",
            "a worker's memory, MB",
            "grown, MB",
            "longest stall, ms",
            "waiting to be exported, at the most",
            "without an answer",
            "seconds to stop",
            "exports",
            "flat, nothing blocks",
        ]
    ]
    for state in STATES:
        misses = harm(results, state)
        if misses is None:
            continue
        row = [state.title, absolute(results.values(state, ALONE.name, "cpu")), added(results.added(state, "cpu"))]
        row.append(_both([results.values(state, each.name, "resident")[-1] for each in (ALONE, OURS)]))
        row.append(_both([results.grown(state, each.name) for each in (ALONE, OURS)]))
        for name in ("stall", "waiting"):
            row.append(_both([max(results.values(state, each.name, name)) for each in (ALONE, OURS)]))
        row.append(_both([sum(results.values(state, each.name, "failures")) for each in (ALONE, OURS)]))
        for name in ("stop", "exports"):
            row.append(_both([longest(results.values(state, each.name, name)) for each in (ALONE, OURS)]))
        rows.append([*row, _verdict(state, misses, reasons)])
    return table_of(rows) if len(rows) > 1 else ""


def percent(changes: Sequence[float]) -> str:
    """The median of the rounds' changes, and their quartiles."""
    spread = Spread.of(changes)
    if spread is None:
        return "–"
    median, low, high = (number(each, signed=True) for each in (spread.median, spread.low, spread.high))
    return f"**{median} %** ({low}…{high})"


def added(differences: Sequence[float]) -> str:
    """Likewise, of the rounds' differences."""
    spread = Spread.of(differences)
    if spread is None:
        return "–"
    return f"**{number(spread.median, signed=True)}** ({number(spread.low)}…{number(spread.high)})"


def _both(pair: Sequence[float]) -> str:
    """Of the SDK alone and of ours."""
    return " / ".join(map(number, pair))


def _verdict(state: State, misses: list[Miss], reasons: dict[str, list[str]]) -> str:
    for miss in misses:
        reasons.setdefault(miss.why or "Not explained yet.", []).append(f"{state.name}: {miss.what}")
    if not misses:
        return "yes"
    doubt = " (may be chance: the rounds do not agree)"
    return "**no**: " + "; ".join(miss.what + doubt * miss.is_doubtful for miss in misses)


def _failures(results: LoadResults) -> str:
    failed = [f"- {name}: {reason}" for name, reason in results.failures.items()]
    return "Not measured:\n\n" + "\n".join(failed) + "\n" if failed else ""


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""
