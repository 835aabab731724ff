"""All checks, and what they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Status, Surroundings, ok
from autogen_vitals.local.doctor.credentials import CREDENTIALS
from autogen_vitals.local.doctor.folders import FOLDERS
from autogen_vitals.local.doctor.interpreter import INTERPRETER
from autogen_vitals.local.doctor.limits import LIMITS
from autogen_vitals.local.doctor.others import OTHERS
from autogen_vitals.local.doctor.packages import PACKAGES
from autogen_vitals.local.doctor.programs import PROGRAMS
from autogen_vitals.local.doctor.server import SERVER
from autogen_vitals.local.doctor.telemetry import TELEMETRY

GROUPS: tuple[Group, ...] = (
    INTERPRETER,
    PACKAGES,
    OTHERS,
    CREDENTIALS,
    PROGRAMS,
    FOLDERS,
    TELEMETRY,
    SERVER,
    LIMITS,
)
NOTHING = (ok("nothing to say"),)
"""What a check has found that has found nothing: for programs only."""


@dataclass(frozen=True)
class Result:
    """One check with all it says; of these the worst is its status."""

    group: str
    check: Check
    outcomes: tuple[Outcome, ...]


def examine(around: Surroundings, groups: Sequence[Group] = GROUPS) -> list[Result]:
    """Run the checks, in order. One that fails to run says so itself, and the others go on."""
    return [Result(group.title, check, _run(check, around)) for group in groups for check in group.checks]


def _run(check: Check, around: Surroundings) -> tuple[Outcome, ...]:
    try:
        return tuple(check.run(around)) or NOTHING
    except Exception as error:
        # Without its message, which may quote what it was looking at.
        problem = f"this check could not be run ({type(error).__name__})"
        return (Outcome("fail", problem, "please report it, with the output of autogen-vitals doctor --json"),)


def count(results: Iterable[Result]) -> dict[Status, int]:
    """How many of each status."""
    counts: dict[Status, int] = {"fail": 0, "warning": 0, "ok": 0, "skipped": 0}
    for result in results:
        for outcome in result.outcomes:
            counts[outcome.status] += 1
    return counts
