"""AG607 always-slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.latencies import ComparesLatencies

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding

_HARDLY_MORE = 1.5


class AlwaysSlow(ComparesLatencies):
    """Requests that pay nothing are slow, and the first one was hardly slower: whatever it is, it is not the start."""

    id = "AG607"
    name = "always-slow"
    severity = "info"
    remedy = "look at what the requests wait for: the model, its tokens, the turns of a team, tools"
    threshold = 2
    unit = "s"
    enough = 10

    def judge(self, cold_ns: int, warm_ns: int, count: int) -> Finding | None:
        """Fire."""
        if warm_ns <= self.limit * 1e9 or cold_ns >= _HARDLY_MORE * warm_ns:
            return None
        return self.finding(
            f"the median of {count} warm requests is {warm_ns / 1e9:.2f} s, and the first request of the process took "
            f"{cold_ns / 1e9:.2f} s: no start is in that",
            phase="request",
            count=count,
            seconds=warm_ns / 1e9,
        )


RULE = AlwaysSlow
