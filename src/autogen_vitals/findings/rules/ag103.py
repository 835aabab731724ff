"""AG103 setup-per-request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rebuilding import Rebuilt, RebuiltPerRequest
from autogen_vitals.vocabulary import EXECUTE_TOOL

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_MUCH_NS = 20_000_000


class SetupPerRequest(RebuiltPerRequest):
    """The same line sets up a tool, a workbench (an MCP session), a code executor or a memory in request after request,
    and that takes more than 20 ms. Less is nobody's business.

    A workbench's ``start()`` may return at once, as that of an MCP session does: then it is its first call that waits.
    """

    id = "AG103"
    name = "setup-per-request"
    severity = "warning"
    remedy = "set it up once, at start-up; keep what belongs to one user out of it"
    kinds = ("tool", "workbench", "code_executor", "memory")
    stages = ("construct", "start")
    operations = (EXECUTE_TOOL,)

    def judge(self, observation: Observation, found: Rebuilt) -> Finding | None:
        """Fire, if it takes long; no more than worth knowing where each was set up with something else."""
        if found.typical_ns <= _MUCH_NS:
            return None
        return self.about_init(
            observation,
            self.evidence(observation, found),
            severity="info" if found.differ else None,
            count=found.count + 1,
            seconds=(found.init_ns + observation.duration_ns) / 1e9,
            share=found.share,
        )

    def run_ended(self, observation: Observation) -> Finding | None:
        """The first call of what was started in this request, if it waits that long, request after request."""
        use, birth, request = observation.use, observation.birth, observation.request
        if use is None or request is None or use.started_for != request.number or use.runs != 1:
            return None
        site = None if birth is None else birth.site
        found = self.tallied(site, observation.type, "first call")
        if birth is None or found is None:
            return None
        found.add(1, observation.duration_ns, observation.duration_ns, birth.config)
        if found.requests < self.limit or found.typical_ns <= _MUCH_NS:
            return None
        return self.about_run(
            observation,
            f"{observation.type} was started by this line in {found.requests} requests, and each time its first call "
            f"had to wait for that: {found.init_ns / 1e6:.0f} ms in all",
            site=site,
            severity="info" if found.differ else None,
            count=found.requests,
            seconds=found.init_ns / 1e9,
        )


RULE = SetupPerRequest
