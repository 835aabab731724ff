"""What a page shows of a comparison: findings by what has become of them, and pairs of bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autogen_vitals.local.report.changes import Change, Comparison, FindingChange
from autogen_vitals.local.report.html_text import UNKNOWN, command_of, duration
from autogen_vitals.local.report.html_view import SCALE, kind_of
from autogen_vitals.vocabulary import StartupStage

_HEADINGS = {"new": "New", "still": "Still to fix", "gone": "Gone"}
_NOTABLE = 0.05


@dataclass(frozen=True)
class Became:
    """Findings with which the same has happened: ``state`` is ``new``, ``still`` or ``gone``."""

    state: str
    heading: str
    findings: tuple[FindingChange, ...]


@dataclass(frozen=True)
class Pair:
    """A stage in both runs: bars that are ``a`` and ``b`` wide."""

    stage: StartupStage
    kind: str
    change: Change
    a: float
    b: float


@dataclass(frozen=True)
class Moved:
    """A number at the top, in both runs; ``word`` says which way it went."""

    label: str
    a: str
    b: str
    word: str


@dataclass(frozen=True)
class Page:
    """All that the template shows and that is not in the comparison as it is.

    Attributes:
        a, b: the commands.
        headline, others: what there is to say.
        moved: the numbers at the top.
        became: the findings, by what has become of them.
        stages: of the cold starts.
        counts: other numbers, by what they are of.
    """

    a: str
    b: str
    headline: str
    others: tuple[str, ...]
    moved: tuple[Moved, ...]
    became: tuple[Became, ...]
    stages: tuple[Pair, ...]
    counts: Mapping[str, Change]


def page_of(comparison: Comparison) -> Page:
    """What the page of a comparison shows."""
    headline, *others = comparison.sentences or ("Nothing has changed.",)
    counts = {
        "built again": comparison.reinits,
        "that took, ms": comparison.reinit_ms,
        "processes that could not start": comparison.failed_starts,
        "other processes that died": comparison.deaths,
        "exceptions that got out": comparison.failures,
    }
    return Page(
        a=command_of(comparison.a),
        b=command_of(comparison.b),
        headline=headline,
        others=tuple(others),
        moved=tuple(_moved(comparison)),
        became=tuple(_became(comparison.findings)),
        stages=_pairs(comparison.stages_ms),
        counts=counts,
    )


def difference(change: Change) -> str:
    """By how much more it is in the second run: ``+120``, ``-1,200``; a dash where that is not known."""
    return UNKNOWN if change.by is None else "±0" if abs(change.by) < 0.5 else f"{change.by:+,.0f}"


def _moved(comparison: Comparison) -> list[Moved]:
    found = [change.state for change in comparison.findings]
    to_fix = Change(sum(state != "new" for state in found), sum(state != "gone" for state in found))
    crashes = Change(
        *(
            sum(getattr(change, letter) or 0 for change in _crashes(comparison))
            for letter in ("a", "b")  # the same three of each run
        )
    )
    moved = [
        _number("To fix", to_fix, "fewer", "more"),
        _time("Cold start, median", comparison.cold_start_ms),
        _time("First request, median", comparison.first_request_ms),
        _number("Built again", comparison.reinits, "fewer", "more"),
        _number("Crashes", crashes, "fewer", "more"),
    ]
    return [one for one in moved if (one.a, one.b) != (UNKNOWN, UNKNOWN)]


def _crashes(comparison: Comparison) -> tuple[Change, ...]:
    return comparison.failed_starts, comparison.deaths, comparison.failures


def _number(label: str, change: Change, less: str, more: str) -> Moved:
    a, b = (UNKNOWN if value is None else f"{value:,.0f}" for value in (change.a, change.b))
    return Moved(label, a, b, "not comparable" if change.by is None else _word(change.by, less, more))


def _time(label: str, change: Change) -> Moved:
    if change.by is None or not change.a:
        return Moved(label, duration(change.a), duration(change.b), "not comparable")
    part = change.by / change.a
    word = "about the same" if abs(part) < _NOTABLE else f"{abs(part):.0%} {'longer' if part > 0 else 'shorter'}"
    return Moved(label, duration(change.a), duration(change.b), word)


def _word(by: float, less: str, more: str) -> str:
    return "the same" if not by else f"{abs(by):,.0f} {less if by < 0 else more}"


def _became(changes: Sequence[FindingChange]) -> list[Became]:
    return [
        Became(state, heading, found)
        for state, heading in _HEADINGS.items()
        if (found := tuple(change for change in changes if change.state == state))
    ]


def _pairs(stages: Mapping[StartupStage, Change]) -> tuple[Pair, ...]:
    longest = max((value for change in stages.values() for value in (change.a, change.b) if value), default=1.0)
    return tuple(
        Pair(
            stage,
            kind_of(stage),
            change,
            *(round((value or 0.0) / longest * SCALE, 1) for value in (change.a, change.b)),
        )
        for stage, change in stages.items()
    )
