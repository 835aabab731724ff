"""Asks the rules about what was observed, before it goes on to telemetry."""

from __future__ import annotations

import logging
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from autogen_vitals.crashes.reports import Crash, ProcessExit
from autogen_vitals.findings.catalogue import catalogue, watching
from autogen_vitals.findings.finding import Finding
from autogen_vitals.findings.rule import Rule, Surroundings, Trait
from autogen_vitals.guard import guarded, guarded_by_position
from autogen_vitals.lifecycle.connects import Connect
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.observation import Observation, Sink
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.startup import StartupReport
from autogen_vitals.vocabulary import ComponentKind, Operation, Phase, Severity, Stage

_logger = logging.getLogger("autogen_vitals")

_SEEN_LIMIT = 1000
_TRAITS: tuple[Trait, ...] = ("failed", "first_use", "networked", "on_loop")
_LEVELS: dict[Severity, int] = {
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.WARNING,
    "critical": logging.ERROR,
}
"""A finding is about the app; an ERROR of a library's would be taken for one of its own."""

_Ask = Callable[[Any], "Finding | None"]
_KindOfInit = tuple[ComponentKind, "Stage | None", Phase]
_KindOfRun = tuple[Operation, bool, bool, bool, bool]
"""Its operation, and which of ``_TRAITS`` it has."""
_KindOfRequest = tuple[bool, bool]
"""Whether it is served, and whether it has built anything."""
_Place = tuple[str, Severity, str, str, int, "str | None"]


class Findings:
    """A ``Sink`` in front of another one, to which everything goes on.

    A rule that fires is told of in full once for each site in a process, and counted from then on. What it is told to
    gets it before the observation that it is about ends, and so before the span does.

    State of the process: the rules, each with what it keeps, and where which has fired; anew in a forked child.

    Args:
        sink: the one behind.
        tell: is told of each finding, and whether it is the first of its kind; answers whether it has told anybody.
        mark: puts a rule's id on the sink's own span of something, if there is one.
        surroundings: what the rules may ask.
        silenced: ids and globs of rules that are not asked.
    """

    def __init__(
        self,
        sink: Sink,
        tell: Callable[[Finding, bool], bool | None],
        mark: Callable[[str, Any], object],
        surroundings: Surroundings,
        silenced: tuple[str, ...],
    ) -> None:
        self.active = True
        self._sink = sink
        self._tell = tell
        self._mark = mark
        self._surroundings = surroundings
        self._silenced = silenced
        # As they are: of each step of a run nothing is to be judged, and nothing may be spent.
        self.started, self.entered, self.left = sink.started, sink.entered, sink.left
        self.span_ids, self.recording, self.service = sink.span_ids, sink.recording, sink.service
        self.flush, self.deliver, self.last_chance = sink.flush, sink.deliver, sink.last_chance
        self._rules: list[Rule] = []
        self._taken: frozenset[str] = frozenset()
        self._seen: dict[_Place, int] = {}
        self._arrange()
        renew_after_fork(self, Findings._renew)

    @property
    def has_recorded(self) -> bool:
        """Whether anything has been recorded in this process."""
        return self._sink.has_recorded

    def switch_off(self) -> None:
        """Judge nothing more."""
        self.active = False

    @guarded
    def load(self) -> None:
        """Import the rules: when AutoGen is imported, which takes a hundred times as long, and not in a request."""
        self._take(watching())

    @guarded
    def _load_all(self) -> None:
        """Those too that are about failures: something has failed, maybe before AutoGen was imported."""
        self._take(catalogue())

    def _take(self, rules: dict[str, type[Rule]]) -> None:
        if len(self._taken) >= len(rules):
            return
        self._rules += [
            rule(self._surroundings)
            for identifier, rule in rules.items()
            if identifier not in self._taken and not any(fnmatchcase(identifier, pattern) for pattern in self._silenced)
        ]
        self._taken = frozenset(rules)
        self._arrange()

    def _renew(self) -> None:
        self._rules = [rule.inherited() for rule in self._rules]
        self._seen = {}
        self._arrange()

    def _arrange(self) -> None:
        """Sort them by what they are to be asked about."""
        # The first three by what tells those that a rule is about from others, when the first of them ends.
        self._of_inits: dict[_KindOfInit, tuple[_Ask, ...]] = {}
        self._of_runs: dict[_KindOfRun, tuple[_Ask, ...]] = {}
        self._of_requests: dict[_KindOfRequest, tuple[_Ask, ...]] = {}
        self._of_misuse = self._asked("misused")
        self._of_connects = self._asked("connect_failed")
        self._of_blocks = self._asked("loop_blocked")
        self._of_startup = self._asked("startup_ended")

    def _asked(self, method: str, is_concerned: Callable[[Rule], bool] = lambda rule: True) -> tuple[_Ask, ...]:
        return tuple(
            getattr(rule, method)
            for rule in self._rules
            if getattr(type(rule), method) is not getattr(Rule, method) and is_concerned(rule)
        )

    def _asked_of_init(self, of: _KindOfInit) -> tuple[_Ask, ...]:
        kind, stage, phase = of
        found = self._of_inits[of] = self._asked(
            "init_ended", lambda rule: kind in rule.kinds and stage in rule.stages and phase in rule.phases
        )
        return found

    def _asked_of_run(self, of: _KindOfRun) -> tuple[_Ask, ...]:
        operation, *has = of
        traits = {None, *(trait for trait, is_there in zip(_TRAITS, has, strict=True) if is_there)}
        found = self._of_runs[of] = self._asked(
            "run_ended", lambda rule: operation in rule.operations and rule.trait in traits
        )
        return found

    def _asked_of_request(self, of: _KindOfRequest) -> tuple[_Ask, ...]:
        is_served, has_built = of
        found = self._of_requests[of] = self._asked(
            "request_ended", lambda rule: is_served >= rule.served_only and has_built >= rule.building_only
        )
        return found

    # --- what is observed -----------------------------------------------------------------------------------------

    def ended(self, observation: Observation) -> None:
        """It is over: duration, error and facts are final."""
        questions: tuple[_Ask, ...] | None
        operation, error = observation.operation, observation.error
        if operation is None:
            init = observation.kind, observation.stage, observation.phase
            questions = self._of_inits.get(init)
            if questions is None:
                questions = self._asked_of_init(init)
        else:
            has_network, on_loop = observation.network is not None, observation.on_loop
            run = operation, error is not None, observation.first_use, has_network, on_loop
            questions = self._of_runs.get(run)
            if questions is None:
                questions = self._asked_of_run(run)
        if observation.misuse is not None:
            questions = (*self._of_misuse, *questions)
        if questions:
            self._judge(questions, observation)
        if error is not None and observation.parent is None:
            self._mark_failed(observation)
        self._sink.ended(observation)

    @guarded
    def _mark_failed(self, observation: Observation) -> None:
        """It is told as a crash when its span has ended: the rule that this falls under is put on the span before."""
        if not self.active or observation.category is None:
            return
        self._load_all()
        for rule in self._rules:
            if observation.category in rule.categories:
                self._mark(rule.id, observation.span)
                return

    def request_ended(self, request: Request) -> None:
        """A request that used AutoGen is over."""
        kind = request.is_served, bool(request.built)
        questions = self._of_requests.get(kind)
        if questions is None:
            questions = self._asked_of_request(kind)
        if questions:
            self._judge(questions, request)
        self._sink.request_ended(request)

    def connected(self, connect: Connect) -> None:
        """A connection has been made, or has failed."""
        if connect.error is not None:
            self._judge(self._of_connects, connect)
        self._sink.connected(connect)

    def loop_blocked(self, block: Block) -> None:
        """An event loop stood still."""
        self._judge(self._of_blocks, block)
        self._sink.loop_blocked(block)

    def startup_ended(self, report: StartupReport) -> None:
        """The cold start of this process is over."""
        self._judge(self._of_startup, report)
        self._sink.startup_ended(report)

    def crashed(self, crash: Crash) -> None:
        """An exception has got out."""
        self._load_all()
        # First, for it is the crash that has everything flushed.
        self._judge(tuple(rule.crashed for rule in self._rules if rule.concerns_crash(crash)), crash)
        self._sink.crashed(crash)

    def exited(self, exit: ProcessExit, *, repeated: bool = False) -> None:
        """A process is gone."""
        self._load_all()
        self._sink.exited(exit, repeated=repeated)
        if exit.is_crash and not repeated:
            self._judge(tuple(rule.exited for rule in self._rules if rule.concerns_exit(exit)), exit)

    # --- what comes of it -----------------------------------------------------------------------------------------

    @guarded_by_position
    def _judge(self, questions: tuple[_Ask, ...], matter: Any) -> None:
        if not self.active:
            return
        for ask in questions:
            found = ask(matter)
            if found is not None:
                self._found(found)

    def _found(self, finding: Finding) -> None:
        site = finding.site
        if site is None:
            # Such as the end of a process: what was going on tells it from others.
            key: _Place = finding.rule, finding.severity, finding.remedy, "", 0, finding.operation
        else:
            key = finding.rule, finding.severity, finding.remedy, site.file, site.line, finding.type
        is_first = key not in self._seen
        if is_first and len(self._seen) >= _SEEN_LIMIT:
            is_first = False
        else:
            self._seen[key] = self._seen.get(key, 0) + 1
        is_told = self._tell(finding, is_first)
        if is_first and not is_told:
            _log(finding)


def _log(finding: Finding) -> None:
    """For whoever has no logs pipeline."""
    site, where = finding.site, ""
    if site is not None:
        where = f" at {site.file}:{site.line} in {site.function}"
    _logger.log(
        _LEVELS[finding.severity],
        "autogen-vitals: %s %s: %s%s. %s (autogen-vitals explain %s)",
        finding.rule,
        finding.name,
        finding.evidence,
        where,
        finding.remedy[:1].upper() + finding.remedy[1:],
        finding.rule,
    )
