"""AG103 setup-per-request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rebuilding import Rebuilt, RebuiltPerRequest

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_MUCH_NS = 20_000_000


class SetupPerRequest(RebuiltPerRequest):
    """The same line sets up a tool, a workbench (an MCP session), a code executor or a memory in request after request,
    and that takes more than 20 ms. Less is nobody's business."""

    id = "AG103"
    name = "setup-per-request"
    severity = "warning"
    remedy = "set it up once, at start-up; keep what belongs to one user out of it"
    kinds = ("tool", "workbench", "code_executor", "memory")
    stages = ("construct", "start")

    def judge(self, observation: Observation, found: Rebuilt) -> Finding | None:
        """Fire, if it takes long; no more than worth knowing where each was set up with something else."""
        if found.init_ns / found.requests <= _MUCH_NS:
            return None
        return self.about_init(
            observation,
            self.evidence(observation, found),
            severity="info" if found.differ else None,
            count=found.count + 1,
            seconds=(found.init_ns + observation.duration_ns) / 1e9,
            share=found.share,
        )


RULE = SetupPerRequest
