"""What a comparison of two runs says: plain frozen values, like the report's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from autogen_vitals.local.recording import Run
from autogen_vitals.local.report.model import Finding
from autogen_vitals.vocabulary import StartupStage


@dataclass(frozen=True)
class Change:
    """A number in the first and in the second run; ``None`` where one has no such number."""

    a: float | None
    b: float | None

    @property
    def by(self) -> float | None:
        """How much more it is in the second."""
        return None if self.a is None or self.b is None else self.b - self.a


@dataclass(frozen=True)
class FindingChange:
    """A finding that is to be fixed in at least one of the runs.

    Attributes:
        state: ``gone``: only the first has it; ``new``: only the second; ``still``: both.
        a, b: what it is in each. A line may have another number in the second: then it is the one of the same function.
    """

    state: Literal["gone", "new", "still"]
    a: Finding | None
    b: Finding | None


@dataclass(frozen=True)
class RequestChange:
    """The requests of one name in both runs.

    Attributes:
        name: theirs.
        count: how many.
        cold_ms, later_ms: medians of the cold ones, and of the others.
        inits: how many they made, and ``init_ms`` what these took: a mean for each, cold ones left out.
        errors: how many of them failed.
    """

    name: str
    count: Change
    cold_ms: Change
    later_ms: Change
    inits: Change
    init_ms: Change
    errors: Change


@dataclass(frozen=True)
class Comparison:
    """What has changed from one run to another, such as before and after a fix.

    Attributes:
        a, b: the runs.
        sentences: what there is to say, the most important first.
        findings: those to be fixed: new ones, those that are still there, those that are gone.
        cold_start_ms: median of the processes that served.
        stages_ms: of each stage of these, in their order.
        first_request_ms: median of these.
        requests: by name.
        reinits: how many inits built again what was there, and ``reinit_ms`` what these took.
        failed_starts, deaths, failures: processes that could not start, that died otherwise, exceptions that got out.
    """

    a: Run
    b: Run
    sentences: tuple[str, ...]
    findings: tuple[FindingChange, ...]
    cold_start_ms: Change
    stages_ms: Mapping[StartupStage, Change]
    first_request_ms: Change
    requests: tuple[RequestChange, ...]
    reinits: Change
    reinit_ms: Change
    failed_starts: Change
    deaths: Change
    failures: Change
