"""The verdict over all boots: what fails only with several workers, what fails anyway, and what cannot be said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from autogen_vitals.findings.outside.ag701 import OnlyMultiWorkerFails
from autogen_vitals.local.comparing.checks import CHECKS, Check, CheckName, check
from autogen_vitals.local.comparing.measuring import Found
from autogen_vitals.local.comparing.trial import Options, Trial
from autogen_vitals.local.comparing.variants import Variant

Outcome = Literal["passes", "only-multi-worker-fails", "one-worker-fails", "disagrees", "not-compared"]
EXIT_CODES: Mapping[Outcome, int] = {
    "passes": 0,
    "only-multi-worker-fails": 1,
    "one-worker-fails": 3,
    "disagrees": 3,
    "not-compared": 3,
}
"""What the command ends with; 2 is for arguments that make no sense."""

_CAUSE_WORDS: Mapping[str, str] = {
    "AG202": "fork cross-talk",
    "AG203": "an event loop mismatch",
    "AG204": "a closed event loop",
    "AG205": "a shared agent",
    "AG206": "a shared team or chat",
    "AG401": "a shared work_dir",
}


@dataclass(frozen=True)
class Standing:
    """How one check stands with one variant: in how many boots it failed, of those in which it could be asked."""

    failed: int
    asked: int
    boots: int
    detail: str

    @property
    def passes(self) -> bool:
        """In every boot."""
        return self.asked == self.boots and not self.failed

    @property
    def fails(self) -> bool:
        """In every boot."""
        return 0 < self.boots == self.failed

    @property
    def wavers(self) -> bool:
        """It failed in some boots only."""
        return 0 < self.failed < self.boots


_Standings: TypeAlias = "Mapping[tuple[Variant, CheckName], Standing]"


@dataclass(frozen=True)
class MultiWorkerFailure:
    """AG701: a variant that fails in each boot what one worker passes in each.

    Attributes:
        checks: those.
        companions: what its processes said besides, and one worker's did not; the rules that explain it.
        evidence: how often it failed what, and how; what it failed in some boots comes last.
    """

    variant: Variant
    checks: tuple[CheckName, ...]
    companions: tuple[Found, ...]
    evidence: str
    remedy: str

    rule = OnlyMultiWorkerFails.id
    name = OnlyMultiWorkerFails.name
    severity = OnlyMultiWorkerFails.severity

    @property
    def causes(self) -> tuple[str, ...]:
        """In words."""
        return tuple(dict.fromkeys(_CAUSE_WORDS[found.rule] for found in self.companions))


@dataclass(frozen=True)
class Comparison:
    """All boots, and what they come to.

    Attributes:
        checks: of each trial, in the order of ``trials``.
        stopped: why it was ended before all boots were done; empty where it was not.
        one_worker_fails: the checks that one worker fails in each boot.
        wavering: the variants and checks whose boots disagree.
    """

    options: Options
    trials: tuple[Trial, ...]
    checks: tuple[tuple[Check, ...], ...]
    stopped: str
    failures: tuple[MultiWorkerFailure, ...]
    one_worker_fails: tuple[CheckName, ...]
    wavering: tuple[tuple[Variant, CheckName], ...]

    @property
    def outcome(self) -> Outcome:
        """In a word."""
        if self.stopped:
            return "not-compared"
        if self.failures:
            return "only-multi-worker-fails"
        if self.one_worker_fails:
            return "one-worker-fails"
        failed = any(one.result == "failed" for checks in self.checks for one in checks)
        return "disagrees" if failed else "passes"

    def trials_of(self, variant: Variant) -> tuple[Trial, ...]:
        """Its boots."""
        return tuple(trial for trial in self.trials if trial.variant == variant)

    def standing(self, variant: Variant, name: CheckName) -> Standing:
        """How the check stands with the variant."""
        return _standing(self.trials, self.checks, variant, name)


def judge(options: Options, trials: Sequence[Trial], stopped: str = "") -> Comparison:
    """Look at all boots together.

    Args:
        stopped: why there are no more of them.
    """
    checks = tuple(check(trial, options.places) for trial in trials)
    standings: _Standings = {
        (variant, name): _standing(trials, checks, variant, name) for variant in options.variants for name in CHECKS
    }
    one = options.variants[0]
    return Comparison(
        options=options,
        trials=tuple(trials),
        checks=checks,
        stopped=stopped,
        failures=tuple(_failures(options, standings, trials)),
        one_worker_fails=tuple(name for name in CHECKS if standings[one, name].fails),
        wavering=tuple(place for place, standing in standings.items() if standing.wavers),
    )


def _standing(
    trials: Sequence[Trial], checks: Sequence[Sequence[Check]], variant: Variant, name: CheckName
) -> Standing:
    of_variant = [
        next(one for one in of_trial if one.name == name)
        for trial, of_trial in zip(trials, checks, strict=True)
        if trial.variant == variant
    ]
    results = [one.result for one in of_variant]
    return Standing(
        failed=results.count("failed"),
        asked=len(results) - results.count("skipped"),
        boots=len(results),
        detail=next((one.detail for one in of_variant if one.result == "failed"), ""),
    )


def _failures(options: Options, standings: _Standings, trials: Sequence[Trial]) -> Iterator[MultiWorkerFailure]:
    one, *several = options.variants
    with_one = {(found.rule, found.severity) for found in _findings(trials, one)}
    for variant in several:
        passed: list[CheckName] = [name for name in CHECKS if standings[one, name].passes]
        failed: list[CheckName] = [name for name in passed if standings[variant, name].fails]
        if not failed:
            continue
        companions = [
            found
            for found in _findings(trials, variant)
            if found.rule in _CAUSE_WORDS and (found.rule, found.severity) not in with_one
        ]
        remedies = dict.fromkeys(f"{found.rule}: {found.remedy}" for found in companions)
        sometimes: list[CheckName] = [name for name in passed if standings[variant, name].wavers]
        yield MultiWorkerFailure(
            variant=variant,
            checks=tuple(failed),
            companions=tuple(companions),
            evidence="; ".join(_evidence(name, standings[variant, name]) for name in (*failed, *sometimes)),
            remedy="; ".join(remedies) or OnlyMultiWorkerFails.remedy,
        )


def _evidence(name: CheckName, standing: Standing) -> str:
    return f"{name} in {standing.failed} of {standing.boots} boots: {standing.detail}"


def _findings(trials: Iterable[Trial], variant: Variant) -> list[Found]:
    """Those of all boots of a variant, each rule and line once."""
    found: dict[tuple[str, str, str], Found] = {}
    for trial in trials:
        if trial.variant == variant and trial.told is not None:
            for one in trial.told.findings:
                found.setdefault((one.rule, one.severity, one.site), one)
    return list(found.values())
