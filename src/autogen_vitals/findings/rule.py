"""What a rule is made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from autogen_vitals.findings.finding import Finding
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import (
    OPERATIONS,
    Category,
    ComponentKind,
    Confidence,
    ExitReason,
    Operation,
    Phase,
    Severity,
    Stage,
)

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash, Flight, Identity, ProcessExit
    from autogen_vitals.lifecycle.connects import Connect
    from autogen_vitals.lifecycle.imports import ImportRecord
    from autogen_vitals.lifecycle.loops import Block
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.requests import Request
    from autogen_vitals.lifecycle.sites import Site, SiteFinder
    from autogen_vitals.lifecycle.startup import StartupReport


Trait = Literal["failed", "first_use", "networked", "on_loop"]
"""What few runs are: it has failed, is the first of its kind, has connected or been retried, blocks an event loop."""


class Surroundings(Record, frozen=True):
    """What a rule may ask about its process.

    Attributes:
        sites: finds the user's lines.
        imports: those of this process's start so far.
        identity: who this process is, as far as it is known by now.
        siblings: who else of the service is alive on this machine, as their exit records say; reads files.
        state_dir: folder of the exit records, that those of one user share; ``None`` if there is none.
        thresholds: of rules by their ids, where the user has set one.
    """

    sites: SiteFinder
    imports: Callable[[], list[ImportRecord]]
    identity: Callable[[], Identity]
    siblings: Callable[[], list[Identity]]
    state_dir: Callable[[], Any]
    thresholds: dict[str, float]


class Rule:
    """One rule of the catalogue: says what it is, and is asked about what it has a method for.

    Of the methods below, a rule overrides those whose moments concern it; each answers a finding or ``None``. They are
    called on the app's hot path, in any thread: they look at numbers that are there already. What a rule keeps is
    bounded. In a forked child every rule begins anew, with ``inherited()`` of the parent's.

    Attributes:
        id: never changes and is never given again.
        name: what is wrong, in words with hyphens.
        severity: how much it matters, unless a finding says otherwise.
        confidence: likewise.
        remedy: what to change, in a line.
        threshold: the number that decides, if one does, and
        unit: what it is a number of. The user may set it.
        kinds, stages, phases: of the inits that ``init_ended`` is asked about.
        operations: the runs that ``run_ended`` is asked about, and
        trait: those of them that are like that only.
        served_only, building_only: the requests that ``request_ended`` is asked about: those that somebody has asked
            this process for, those that have built something.
        categories: of the crashes that may be this rule's; see ``concerns_crash``.
        reasons: likewise, of the ends of processes.
    """

    id: ClassVar[str]
    name: ClassVar[str]
    severity: ClassVar[Severity]
    confidence: ClassVar[Confidence] = "observed"
    remedy: ClassVar[str]
    threshold: ClassVar[float | None] = None
    unit: ClassVar[str] = ""
    kinds: ClassVar[tuple[ComponentKind, ...]] = get_args(ComponentKind)
    stages: ClassVar[tuple[Stage, ...]] = get_args(Stage)
    phases: ClassVar[tuple[Phase, ...]] = get_args(Phase)
    operations: ClassVar[tuple[Operation, ...]] = OPERATIONS
    trait: ClassVar[Trait | None] = None
    served_only: ClassVar[bool] = False
    building_only: ClassVar[bool] = False
    categories: ClassVar[tuple[Category, ...]] = ()
    reasons: ClassVar[tuple[ExitReason, ...]] = ()

    def __init__(self, surroundings: Surroundings) -> None:
        self.about = surroundings
        self.limit = surroundings.thresholds.get(self.id, self.threshold or 0.0)

    def inherited(self) -> Rule:
        """The same rule, for a child that has just been forked."""
        return type(self)(self.about)

    # --- which of them are its own --------------------------------------------------------------------------------

    @classmethod
    def concerns_crash(cls, crash: Crash) -> bool:
        """Whether it is one of this rule's."""
        return crash.category in cls.categories

    @classmethod
    def concerns_exit(cls, exit: ProcessExit) -> bool:
        """Whether it is one of this rule's."""
        return exit.reason in cls.reasons

    # --- what it may be asked about -------------------------------------------------------------------------------

    def init_ended(self, observation: Observation) -> Finding | None:
        """An init of these ``kinds``, ``stages`` and ``phases`` is over."""

    def run_ended(self, observation: Observation) -> Finding | None:
        """A run of ``operations``, with the ``trait``, is over."""

    def misused(self, observation: Observation) -> Finding | None:
        """A run is over with which something was wrong as it began: see ``lifecycle.uses``."""

    def request_ended(self, request: Request) -> Finding | None:
        """A request that used AutoGen is over."""

    def connect_failed(self, connect: Connect) -> Finding | None:
        """A connection could not be made, or was given up."""

    def loop_blocked(self, block: Block) -> Finding | None:
        """An event loop stood still."""

    def startup_ended(self, report: StartupReport) -> Finding | None:
        """The cold start of this process is over."""

    def crashed(self, crash: Crash) -> Finding | None:
        """An exception that concerns it has got out."""

    def exited(self, exit: ProcessExit) -> Finding | None:
        """A process is gone that should not have ended, and that concerns it."""

    # --- how it answers -------------------------------------------------------------------------------------------

    def finding(
        self,
        evidence: str,
        *,
        site: Site | None = None,
        kind: ComponentKind | None = None,
        type: str | None = None,
        operation: str = "",
        phase: Phase | None = None,
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        remedy: str = "",
        count: int = 0,
        seconds: float = 0.0,
        share: float | None = None,
        span: Any = None,
        interrupted: Flight | None = None,
    ) -> Finding:
        """A finding of this rule's; see ``Finding``."""
        return Finding(
            rule=self.id,
            name=self.name,
            severity=severity or self.severity,
            confidence=confidence or self.confidence,
            remedy=remedy or self.remedy,
            evidence=evidence,
            site=site,
            kind=kind,
            type=type,
            operation=operation,
            phase=phase,
            count=count,
            seconds=seconds,
            share=share,
            span=span,
            interrupted=interrupted,
            wall_ns=time.time_ns(),
        )

    def about_run(self, observation: Observation, evidence: str, **more: Any) -> Finding:
        """A finding about a run: at the line that it was called from, else at the one that built its component."""
        birth = observation.birth
        site = more.pop("site", None) or self.about.sites.caller() or (None if birth is None else birth.site)
        site = site or self.about.sites.caller(through_loop=True)
        return self.finding(evidence, site=site, **{**_of(observation), **more})

    def about_component(self, observation: Observation, evidence: str, **more: Any) -> Finding:
        """A finding about what is run: at the line that built it, else at the one that the run was called from."""
        birth = observation.birth
        return self.about_run(observation, evidence, site=None if birth is None else birth.site, **more)

    def place_of_call(self, word: str) -> str:
        """Where the user's code is right now, to go on with a sentence: ``, at app.py:7``; empty if not known."""
        caller = self.about.sites.caller()
        return "" if caller is None else f", {word} {caller.file}:{caller.line}"

    def about_init(self, observation: Observation, evidence: str, **more: Any) -> Finding:
        """A finding about an init: at its line, unless another is to blame."""
        tally = observation.tally
        site = more.pop("site", None) or (None if tally is None or not tally.site.file else tally.site)
        return self.finding(evidence, site=site, **{**_of(observation), **more})

    def about_crash(self, crash: Crash, evidence: str = "", **more: Any) -> Finding:
        """A finding about an exception that got out: at the user's line in which it was raised."""
        evidence = evidence or ended_by(crash)
        about: dict[str, Any] = {
            "site": crash.site,
            "operation": crash.operation,
            "phase": crash.phase,
            "span": crash.span,
        }
        return self.finding(evidence, **{**about, **more})


def ended_by(crash: Crash) -> str:
    """What has ended what, and what may be told of what it says: how the evidence of a crash begins."""
    message = f": {crash.message}" if crash.message else ""
    return f"{crash.error_type} ended {crash.operation or f'a {crash.escaped}'}{message}"


def _of(observation: Observation) -> dict[str, Any]:
    operation, subject = observation.operation, observation.subject or observation.type
    span = observation.span
    if span is None and observation.request is not None:
        span = observation.request.span
    return {
        "kind": observation.kind,
        "type": observation.type,
        "operation": f"{'init' if operation is None else operation.name} {subject}",
        "phase": observation.phase,
        "span": span,
    }
