"""AG206 team-already-running."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import INVOKE_WORKFLOW

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation


class TeamAlreadyRunning(Rule):
    """One team is run while it runs. AutoGen refuses that; a classic group chat's manager does not, and mixes both."""

    id = "AG206"
    name = "team-already-running"
    severity = "error"
    remedy = "a team for each run, sharing the client"
    categories = ("team_already_running",)
    operations = (INVOKE_WORKFLOW,)

    def misused(self, observation: Observation) -> Finding | None:
        """Two runs at once that went on, both."""
        misuse = observation.misuse
        if misuse is None or not misuse.overlaps or observation.kind != "team":
            return None
        if observation.category == "team_already_running":
            return None  # told as a crash, if it comes to one
        return self.about_component(
            observation,
            f"{observation.type} is run for one request while it runs for another: both have one conversation",
        )

    def crashed(self, crash: Crash) -> Finding | None:
        """AutoGen has refused it."""
        return self.about_crash(crash)


RULE = TeamAlreadyRunning
