"""AG101 client-rebuilt-per-request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rebuilding import Rebuilt, RebuiltPerRequest

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_LITTLE_NS = 1_000_000


class ClientRebuiltPerRequest(RebuiltPerRequest):
    """The same line builds a model client in request after request.

    Worth knowing and no more is one that costs next to nothing, such as a replayed one; or where no two were built with
    the same arguments: it may be a client for each tenant, with a key of its own.
    """

    id = "AG101"
    name = "client-rebuilt-per-request"
    severity = "warning"
    remedy = "one client for each process and event loop, built at start-up, after any fork"
    kinds = ("model_client",)

    def judge(self, observation: Observation, found: Rebuilt) -> Finding | None:
        """Fire."""
        evidence = self.evidence(observation, found)
        if found.differ:
            evidence += "; no two with the same arguments"
        is_cheap = found.typical_ns < _LITTLE_NS * found.count / found.requests
        return self.about_init(
            observation,
            evidence,
            severity="info" if found.differ or is_cheap else None,
            count=found.count + 1,
            seconds=(found.init_ns + observation.duration_ns) / 1e9,
            share=found.share,
        )


RULE = ClientRebuiltPerRequest
