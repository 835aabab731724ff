"""AG104 startup-regressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.startup import StartupReport

_TOLD = 3


class StartupRegressed(Rule):
    """A cold start took longer than the user allows it to. Without a number of the user's it never fires: what is long
    for one service is nothing for another."""

    id = "AG104"
    name = "startup-regressed"
    severity = "warning"
    remedy = "look at what its largest stage is made of, and at what has come since it was fast"
    threshold = 0
    unit = "s"

    def startup_ended(self, report: StartupReport) -> Finding | None:
        """One that ended with a request."""
        seconds = report.total_ns / 1e9
        if not self.limit or not report.complete or seconds <= self.limit:
            return None
        stages = sorted(report.stages.items(), key=lambda stage: stage[1], reverse=True)
        imports = sorted(self.about.imports(), key=lambda record: record.self_ns, reverse=True)
        evidence = f"the cold start took {seconds:.2f} s, and may take {self.limit:g} s: " + ", ".join(
            f"{stage} {nanoseconds / 1e9:.2f} s" for stage, nanoseconds in stages
        )
        if imports:
            evidence += "; the slowest imports: " + ", ".join(
                f"{record.name} {record.self_ns / 1e6:.0f} ms" for record in imports[:_TOLD]
            )
        return self.finding(evidence, operation="autogen.startup", phase="startup", seconds=seconds)


RULE = StartupRegressed
