"""AG205 agent-shared-between-requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation


class AgentSharedBetweenRequests(Rule):
    """Different requests run one agent, or one team, after another or at once: its conversation is everybody's.

    That raises nothing. One after another is a warning, since it may be one user's own; a component that was reset, or
    given another state, follows nobody, and what keeps no conversation is no matter.
    """

    id = "AG205"
    name = "agent-shared-between-requests"
    severity = "error"
    remedy = "an agent for each request or session, sharing the client; or load_state() before and save_state() after"
    categories = ("agent_shared",)

    def misused(self, observation: Observation) -> Finding | None:
        """A run that overlaps another request's, or follows it."""
        misuse = observation.misuse
        if misuse is None or observation.kind not in ("agent", "team") or not observation.remembers:
            return None
        if misuse.overlaps and observation.kind == "agent":
            severity, how = None, "while another request is served by it"
        elif misuse.follows and not _is_part_of_another(observation):
            severity, how = "warning", "after another request was, and has not been reset"
        else:
            return None
        return self.about_component(
            observation,
            f"{observation.type} is run for one request{self.place_of_call('at')} {how}: both have one conversation",
            severity=severity,
            confidence=None if severity is None else "inferred",
        )

    def crashed(self, crash: Crash) -> Finding | None:
        """Two runtimes own it."""
        return self.about_crash(crash)


def _is_part_of_another(observation: Observation) -> bool:
    """Of a team, say, which is told of itself."""
    parent = observation.parent
    return parent is not None and parent.misuse is not None and parent.misuse.follows


RULE = AgentSharedBetweenRequests
