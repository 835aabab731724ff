"""AG105 slow-import-in-request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.vocabulary import CHAT

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.imports import ImportRecord
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.requests import Request

_FIRST_USE_LIMIT = 16


class SlowImportInRequest(Rule):
    """The first request of a process imports a package that start-up could have imported.

    After that request imports are not timed any more. What the first call of a model client imports is AG106's: of
    ``_FIRST_USE_LIMIT`` of these it is kept when their code ran.
    """

    id = "AG105"
    name = "slow-import-in-request"
    severity = "warning"
    remedy = "import it at the top of a module, or build what imports it at start-up"
    threshold = 20
    unit = "ms"
    operations = (CHAT,)
    trait = "first_use"
    served_only = True

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._first_uses: list[list[tuple[int, int]]] = []

    def run_ended(self, observation: Observation) -> None:
        """Note when a first use ran."""
        if observation.steps and len(self._first_uses) < _FIRST_USE_LIMIT:
            self._first_uses.append(observation.steps)

    def request_ended(self, request: Request) -> Finding | None:
        """Of the first one: the slowest of its slow imports, and how many more there are."""
        if not request.cold:
            return None
        slow = [record for record in self.about.imports() if self._is_slow(record, request)]
        if not slow:
            return None
        worst = max(slow, key=lambda record: record.duration_ns)
        others = ", ".join(f"{record.name} {record.duration_ns / 1e6:.0f} ms" for record in slow if record is not worst)
        in_all_ns = sum(record.duration_ns for record in slow)
        return self.finding(
            f"{worst.name} was imported for the first time in a request, which took {worst.duration_ns / 1e6:.0f} ms"
            + (f"; and so were {others}" if others else ""),
            site=worst.site,
            operation=f"import {worst.name}",
            phase="request",
            count=len(slow),
            seconds=in_all_ns / 1e9,
            share=min(1.0, in_all_ns / request.duration_ns) if request.duration_ns else None,
            span=request.span,
        )

    def _is_slow(self, record: ImportRecord, request: Request) -> bool:
        began_ns = record.begin_ns
        if record.parent is not None or record.duration_ns <= self.limit * 1e6 or began_ns < request.clock_ns:
            return False
        steps = (step for steps in self._first_uses for step in steps)
        return not any(begin_ns <= began_ns <= end_ns for begin_ns, end_ns in steps)


RULE = SlowImportInRequest
