"""AG606 only-first-request-slow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.latencies import ComparesLatencies

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.findings.rule import Surroundings
    from autogen_vitals.lifecycle.startup import StartupReport

_LITTLE_NS = 100_000_000


class OnlyFirstRequestSlow(ComparesLatencies):
    """The first request of the process took several times as long as later ones, and a tenth of a second more: what it
    has paid is the start's."""

    id = "AG606"
    name = "only-first-request-slow"
    severity = "info"
    remedy = "shorten the largest stage, or pay it before the first request: warm_up(), minimum replicas"
    threshold = 3
    unit = "times the median of the warm requests"
    enough = 5

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._report: StartupReport | None = None

    def startup_ended(self, report: StartupReport) -> None:
        """Keep it."""
        self._report = report

    def judge(self, cold_ns: int, warm_ns: int, count: int) -> Finding | None:
        """Fire, with what the cold start was made of."""
        if cold_ns <= self.limit * warm_ns or cold_ns - warm_ns <= _LITTLE_NS:
            return None
        evidence = (
            f"the first request of the process took {cold_ns / 1e6:.0f} ms, the median of {count} warm ones is "
            f"{warm_ns / 1e6:.0f} ms"
        )
        report = self._report
        if report is not None and report.stages:
            stage, stage_ns = max(report.stages.items(), key=lambda stage: stage[1])
            evidence += (
                f"; the whole cold start took {report.total_ns / 1e9:.2f} s, its largest stage, {stage}, "
                f"{stage_ns / 1e9:.2f} s"
            )
        return self.finding(evidence, phase="request", count=count, seconds=cold_ns / 1e9)


RULE = OnlyFirstRequestSlow
