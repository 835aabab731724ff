"""The tables of ``README.md``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.budgets import verdicts
from bench.results import Results
from bench.rows import COMPARED, EXPORTED, MEMORY, START, STEADY, ZERO_CODE, Row
from bench.spread import Spread, Standing, differences, ratios, standing
from bench.subjects import BARE, BY_NAME, LIKE, MODE_TITLES, MODES, NATIVE, OURS, SUBJECTS, Subject
from bench.writing import absolute, explained, machine_line, number, table_of, write_between

BEGIN = "<!-- begin: written by make bench -->"
ALIVE = (1, 10, 100, 1000)
FEW = 4
"""Rounds below which there are no quartiles."""
ALONE = 1.5
"""The load average of a machine that does nothing but measure."""


def write(results: Results, readme: Path) -> None:
    """Put the tables between the two marks.

    Raises:
        ValueError: the marks are not there.
    """
    write_between(readme, BEGIN, markdown(results))


def markdown(results: Results) -> str:
    """All tables for which there are numbers."""
    parts = [
        _machine(results),
        _section("Budgets", _budgets(results)),
        _section("Ahead of whom", _standings(results)),
        *(_section(f"A warm process, {MODE_TITLES[mode]}", table(results, STEADY[mode])) for mode in MODES),
        _section("The start of a process, enabled in code", table(results, START)),
        _section("The start of a process under `opentelemetry-instrument`", table(results, ZERO_CODE)),
        _section("Memory", table(results, MEMORY)),
        _section("What leaves the process", table(results, EXPORTED)),
        _section("The floor", _floor(results)),
        _section("Growth", _growth(results)),
        _section("Who was measured", _subjects(results)),
    ]
    return "\n".join(part for part in parts if part)


def table(results: Results, rows: Sequence[Row]) -> str:
    """Subjects side by side: the reference as it is, of the others what they add to it."""
    subjects = [subject for subject in _ordered() if any(_values(results, row, subject.name) for row in rows)]
    if not subjects:
        return ""
    reference = BY_NAME[rows[0].reference]
    subjects = [reference, *(subject for subject in subjects if subject is not reference)]
    lines = [["", *(subject.title for subject in subjects)]]
    for row in rows:
        base = _values(results, row, row.reference)
        cells = [absolute(base)]
        cells += [relative(_values(results, row, subject.name), base) for subject in subjects[1:]]
        if any(cell != "–" for cell in cells):
            lines.append([f"{row.title}, {row.unit}" if row.unit else row.title, *cells])
    return table_of(lines)


def relative(values: Sequence[float], base: Sequence[float]) -> str:
    """What is added to the base, with quartiles, and how many times the base it is; without a base, as it is."""
    spread, times = Spread.of(differences(values, base)), Spread.of(ratios(values, base))
    if spread is None:
        return absolute(values)
    factor = "" if times is None else f" ×{number(times.median)}"
    return f"**{number(spread.median, signed=True)}**{factor} ({number(spread.low)}…{number(spread.high)})"


def _budgets(results: Results) -> str:
    found = verdicts(results)
    if not found:
        return ""
    lines = [["what", "budget", "measured", "bound", ""]]
    reasons: dict[str, list[str]] = {}
    for verdict in found:
        budget, spread = verdict.budget, verdict.measured
        measured = f"{number(spread.median)} ({number(spread.low)}…{number(spread.high)}) {budget.unit}".strip()
        bound = f"{number(verdict.bound)} {budget.unit}".strip()
        lines.append([budget.what, budget.limit, measured, bound, "met" if verdict.met else "**not met**"])
        if not verdict.met:
            reasons.setdefault(budget.why or "Not explained yet.", []).append(budget.what)
    met = sum(verdict.met for verdict in found)
    return f"{met} of {len(found)} are met.\n\n{table_of(lines)}{explained(reasons)}"


def _standings(results: Results) -> str:
    """How many rows ours is ahead in, of each peer, and each row where it is not."""
    counts: dict[str, dict[Standing, int]] = {}
    notes: list[str] = []
    reasons: dict[str, list[str]] = {}
    for row in COMPARED:
        behind: list[str] = []
        for subject in _ordered():
            # A reference that has nothing enabled is nobody's peer.
            if subject.name in (OURS, LIKE, BARE) or (subject.name == NATIVE and row.reference == NATIVE):
                continue
            ours, theirs = _values(results, row, OURS), _values(results, row, subject.name)
            found = standing(ours, theirs)
            if found is None:
                continue
            counts.setdefault(subject.name, {"ahead": 0, "level": 0, "behind": 0})[found] += 1
            if found != "ahead":
                spread = Spread.of(differences(ours, theirs))
                assert spread is not None
                behind.append(f"{found} {subject.title} ({_with_unit(spread.median, row.unit)})")
        if behind:
            notes.append(f"- {_long_title(row)}: {', '.join(behind)}")
            reasons.setdefault(row.why or "Not explained yet.", []).append(row.title)
    if not counts:
        return ""
    lines = [["rows in which ours is", "ahead", "level", "behind"]]
    lines += [
        [f"of {BY_NAME[name].title}", *(str(each[key]) for key in ("ahead", "level", "behind"))]
        for name, each in counts.items()
    ]
    return table_of(lines) + ("\nNot ahead:\n\n" + "\n".join(notes) + "\n" + explained(reasons) if notes else "")


def _with_unit(value: float, unit: str) -> str:
    return f"{number(value, signed=True)} {unit}".strip()


def _long_title(row: Row) -> str:
    place = MODE_TITLES[row.mode] if row.probe == "steady" else row.probe.partition(" ")[0]
    return f"{row.title} ({place})"


def _floor(results: Results) -> str:
    names = {
        "span": "span as current, 8 attributes",
        "histogram": "`histogram.record`, 3 attributes",
        "counter": "`counter.add`, 3 attributes",
        "wrapt": "a call through wrapt, over a plain one",
    }
    lines = [["µs", *(MODE_TITLES[mode] for mode in MODES)]]
    for name, title in names.items():
        cells = [absolute(results.of("floor", NATIVE, mode, name)) for mode in MODES]
        if any(cell != "–" for cell in cells):
            lines.append([title, *cells])
    return table_of(lines) if len(lines) > 1 else ""


def _growth(results: Results) -> str:
    lines = [["µs", *(f"{alive:,} alive" for alive in ALIVE)]]
    for name, title in (("run", "agent run"), ("construct", "construct an agent")):
        bare = [results.of("growth", BARE, "batch", f"{name}_{alive}") for alive in ALIVE]
        ours = [results.of("growth", OURS, "batch", f"{name}_{alive}") for alive in ALIVE]
        if any(bare):
            lines.append([f"{title}, AutoGen without its spans", *(absolute(values) for values in bare)])
        if any(ours):
            cells = [relative(values, base) for values, base in zip(ours, bare, strict=True)]
            lines.append([f"{title}, added by autogen-vitals", *cells])
    looks = [results.of("growth", OURS, "batch", f"look_{alive}") for alive in ALIVE]
    if any(looks):
        lines.append(["a look for dead workers among the living, once a minute", *(absolute(each) for each in looks)])
    return table_of(lines) if len(lines) > 1 else ""


def _subjects(results: Results) -> str:
    lines = [["", "installed"]]
    for subject in SUBJECTS:
        if subject.name in results.failures:
            lines.append([subject.title, f"not installed: {results.failures[subject.name]}"])
        elif subject.name in results.versions:
            found = results.versions[subject.name]
            lines.append([subject.title, ", ".join(f"{name} {version}" for name, version in found.items())])
    failed = [f"- {key}: {reason}" for key, reason in results.failures.items() if key not in BY_NAME]
    return table_of(lines) + ("\nNot measured:\n\n" + "\n".join(failed) + "\n" if failed else "")


def _machine(results: Results) -> str:
    text = machine_line(results)
    doubts: list[str] = []
    if results.rounds < FEW:
        doubts.append(f"with fewer than {FEW} rounds, brackets hold the extremes, and who is ahead may be chance")
    if results.load and max(results.load) > ALONE:
        doubts.append("the machine had other work, which makes CPU times longer, up to twice, and unsteady")
    if not doubts:
        return text
    return f"{text}\n**To be measured again**: {'; '.join(doubts)}.\n"


def _values(results: Results, row: Row, subject: str) -> list[float]:
    return [each / row.per for each in results.of(row.probe, subject, row.mode, row.name)]


def _ordered() -> list[Subject]:
    return sorted(SUBJECTS, key=lambda subject: (subject.name != BARE, subject.name not in (OURS, LIKE)))


def _section(title: str, body: str) -> str:
    return f"### {title}\n\n{body}" if body else ""
