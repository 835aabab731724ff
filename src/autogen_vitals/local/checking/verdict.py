"""Whether a start is good enough, and if not, what has made it grow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from autogen_vitals.local.checking.baseline import Baseline, Known, known_inits, known_reinits
from autogen_vitals.local.checking.budgets import MEASURES, Measure
from autogen_vitals.local.checking.summary import Spread, Summary

_GROWN_SECONDS = 0.005
_TOLD = 5
_FEW = 3

_TOLD_APART = ("imports", "init", "connect_dns_tcp", "connect_tls")

Verdict = Literal["pass", "fail", "not held"]
Kind = Literal["import", "init", "reinit", "stage"]


@dataclass(frozen=True)
class Row:
    """One measure, held against what it may be.

    Attributes:
        measure: which.
        spread: what it is.
        budget: what the user allows; ``None``: nothing said.
        baseline: what it was; ``None``: not known.
        limit: what the baseline allows, tolerance and slack included; ``None`` where it is not compared.
    """

    measure: Measure
    spread: Spread
    budget: float | None
    baseline: float | None
    limit: float | None

    @property
    def is_over_budget(self) -> bool:
        """It is more than the user allows."""
        return self.budget is not None and self.spread.median > self.budget

    @property
    def has_regressed(self) -> bool:
        """It is more than the baseline allows."""
        return self.limit is not None and self.spread.median > self.limit

    @property
    def verdict(self) -> Verdict:
        """Both together."""
        if self.is_over_budget or self.has_regressed:
            return "fail"
        return "not held" if self.budget is None and self.limit is None else "pass"


@dataclass(frozen=True)
class Grown:
    """Something that a start is made of, and that has grown; or, without a baseline, that is large.

    Attributes:
        kind: ``import`` of a package, ``init`` or ``reinit`` of a class at a line, or ``stage``: the rest, by stage.
        what: the package, class or stage.
        site: the line, of inits.
        before, after: seconds; ``before`` is ``None`` without a baseline.
        count_before, count: of inits.
        is_new: there was none.
    """

    kind: Kind
    what: str
    site: str
    before: float | None
    after: float
    count_before: int = 0
    count: int = 0
    is_new: bool = False

    @property
    def grown(self) -> float:
        """Seconds more than before."""
        return self.after - (self.before or 0.0)


@dataclass(frozen=True)
class Judgement:
    """The result of a check.

    Attributes:
        rows: every measure.
        grown: what accounts for those that fail, the largest first.
        drift: packages whose versions have changed since the baseline.
        warnings: why it may be wrong.
    """

    rows: list[Row]
    grown: list[Grown] = field(default_factory=list[Grown])
    drift: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])

    @property
    def failed(self) -> list[Row]:
        """The measures that are too much."""
        return [row for row in self.rows if row.verdict == "fail"]

    @property
    def is_held(self) -> bool:
        """There was something to hold it against."""
        return any(row.verdict != "not held" for row in self.rows)


def judge(summary: Summary, budgets: Mapping[str, float], baseline: Baseline | None, tolerance: float) -> Judgement:
    """Hold what was measured against the budgets and the baseline.

    Args:
        summary: what was measured.
        budgets: by measure, in its unit.
        baseline: what to compare with; ``None``: nothing.
        tolerance: the share by which a measure may exceed the baseline.
    """
    rows = [_row(measure, summary, budgets, baseline, tolerance) for measure in MEASURES]
    judgement = Judgement(rows)
    failed = {row.measure.name for row in judgement.failed}
    judgement.grown.extend(_grown(summary, baseline, failed))
    if judgement.is_held and summary.repeat < _FEW:
        judgement.warnings.append(
            f"{summary.repeat} {'sample is' if summary.repeat == 1 else 'samples are'} too few to tell a regression "
            f"from the machine's moods: --repeat 5"
        )
    return judgement


def _row(
    measure: Measure, summary: Summary, budgets: Mapping[str, float], baseline: Baseline | None, tolerance: float
) -> Row:
    before = None if baseline is None else baseline.measures.get(measure.name)
    limit = None if before is None else max(before * (1 + tolerance), before + measure.slack)
    return Row(measure, summary.measures[measure.name], budgets.get(measure.name), before, limit)


def _grown(summary: Summary, baseline: Baseline | None, failed: set[str]) -> list[Grown]:
    found: list[Grown] = []
    if failed & {"total", "imports", "modules", "rss"}:
        found += _parts("import", summary.packages, None if baseline is None else baseline.imports)
    if failed & {"total", "init", "rss"}:
        found += _inits("init", known_inits(summary), None if baseline is None else baseline.inits)
    if "total" in failed:
        rest = {stage: seconds for stage, seconds in summary.stages.items() if stage not in _TOLD_APART}
        found += _parts("stage", rest, None if baseline is None else baseline.stages)
    found.sort(key=lambda grown: grown.grown, reverse=True)
    again: list[Grown] = []
    if failed & {"reinit", "reinit_time"}:
        again = _inits("reinit", known_reinits(summary), None if baseline is None else baseline.reinits)
        again.sort(key=lambda grown: grown.grown, reverse=True)
    return found[:_TOLD] + again[:_TOLD]


def _parts(kind: Kind, now: Mapping[str, float], before: Mapping[str, float] | None) -> list[Grown]:
    if before is None:
        return [Grown(kind, name, "", None, seconds) for name, seconds in now.items() if seconds >= _GROWN_SECONDS]
    found = [
        Grown(kind, name, "", before.get(name, 0.0), seconds, is_new=name not in before)
        for name, seconds in now.items()
    ]
    return [grown for grown in found if grown.grown >= _GROWN_SECONDS]


def _inits(kind: Kind, now: Mapping[str, Known], before: Mapping[str, Known] | None) -> list[Grown]:
    found: list[Grown] = []
    for key, init in now.items():
        was = None if before is None else before.get(key)
        grown = Grown(
            kind,
            init.type,
            init.site,
            None if before is None else (0.0 if was is None else was.seconds),
            init.seconds,
            0 if was is None else was.count,
            init.count,
            is_new=before is not None and was is None,
        )
        is_large = grown.grown >= _GROWN_SECONDS
        if is_large or (before is None and kind == "reinit") or grown.count > grown.count_before > 0 or grown.is_new:
            found.append(grown)
    return found
