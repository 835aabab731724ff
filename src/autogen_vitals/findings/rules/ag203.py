"""AG203 loop-mismatch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import ComponentKind

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_BOUND: tuple[ComponentKind, ...] = ("model_client", "team", "workbench", "runtime", "memory")
"""An agent keeps nothing of a loop's but what these do."""


class LoopMismatch(Rule):
    """A component is used on another event loop than before: its connections, queues and locks belong to that one.

    A model client that has opened no connection there has nothing that could.
    """

    id = "AG203"
    name = "loop-mismatch"
    severity = "error"
    remedy = "one event loop for each process, one client for each event loop, one team for each run"

    def misused(self, observation: Observation) -> Finding | None:
        """A run on another loop than the one before."""
        misuse = observation.misuse
        if misuse is None or not misuse.other_loop or observation.kind not in _BOUND:
            return None
        if observation.kind == "model_client" and not misuse.was_connected:
            return None
        before = "is closed" if misuse.loop_closed else "still runs, or may run again"
        kept = ", where it had opened connections" if misuse.was_connected else ""
        where = self.place_of_call("at")
        return self.about_component(
            observation,
            f"{observation.type} is used on another event loop than before{kept}{where}; that loop {before}",
        )


RULE = LoopMismatch
