"""A finding: a rule that has fired, on what evidence, and what to do about it."""

from __future__ import annotations

from typing import Any

from autogen_vitals.crashes.reports import Flight
from autogen_vitals.lifecycle.sites import Site
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import ComponentKind, Confidence, Phase, Severity


class Finding(Record, frozen=True):
    """One time a rule has fired.

    Attributes:
        rule, name: its id, such as ``AG101``, and its name.
        severity: how much it matters, here.
        confidence: whether it was seen, or is the likeliest reason for what was seen.
        remedy: what to change, in a line.
        evidence: what was seen, in a line: numbers, class names and places; never a value of the app's.
        site: the user's line that is to be changed; ``None`` if there is none on record.
        kind, type: of the component that it is about; ``None`` for none.
        operation: what was going on, such as ``invoke_agent writer``; empty for nothing.
        phase: when in the life of the process; ``None``: of no moment.
        count: how many there have been of what it is about; 0: it is not about a number.
        seconds: what they took in all; 0: not about time.
        share: of the request's or call's time, 0 to 1; ``None``: not about a share.
        span: the telemetry sink's own: what it concerns.
        interrupted: what the end of another process has interrupted, if it is about that.
        wall_ns: when it was seen, nanoseconds since the epoch.
    """

    rule: str
    name: str
    severity: Severity
    confidence: Confidence
    remedy: str
    evidence: str
    site: Site | None
    kind: ComponentKind | None
    type: str | None
    operation: str
    phase: Phase | None
    count: int
    seconds: float
    share: float | None
    span: Any
    interrupted: Flight | None
    wall_ns: int

    @property
    def page(self) -> str:
        """Where in the documentation it is explained."""
        return f"docs/rules/{self.rule}.md"
