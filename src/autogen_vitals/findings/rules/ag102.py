"""AG102 agent-rebuilt-per-request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rebuilding import Rebuilt, RebuiltPerRequest

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_MUCH_NS = 50_000_000
_MUCH = 0.05
_CHEAP = "nothing to change: an agent for each request is the right isolation while it is cheap"


class AgentRebuiltPerRequest(RebuiltPerRequest):
    """The same line builds an agent or a team in request after request: right, unless that is expensive."""

    id = "AG102"
    name = "agent-rebuilt-per-request"
    severity = "info"
    remedy = "keep the agent for each request, and build at start-up what makes it expensive"
    kinds = ("agent", "team", "runtime")

    def judge(self, observation: Observation, found: Rebuilt) -> Finding | None:
        """A warning from 50 ms and 5 % of the request on, whichever is more."""
        is_expensive = found.typical_ns > max(_MUCH_NS, _MUCH * found.request_ns / found.requests)
        return self.about_init(
            observation,
            self.evidence(observation, found),
            severity="warning" if is_expensive else None,
            remedy="" if is_expensive else _CHEAP,
            count=found.count + 1,
            seconds=(found.init_ns + observation.duration_ns) / 1e9,
            share=found.share,
        )


RULE = AgentRebuiltPerRequest
