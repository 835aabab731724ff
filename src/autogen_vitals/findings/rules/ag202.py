"""AG202 use-after-fork."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation


class UseAfterFork(Rule):
    """A component is used that was built in another process, and came here by a fork.

    One that was used there shares its connections, or its conversation, with every other child. One that was not is
    harmless: what it opens it opens here.
    """

    id = "AG202"
    name = "use-after-fork"
    severity = "error"
    remedy = "build it in each worker, after the fork: in the lifespan, in post_fork or in worker_process_init"
    categories = ("use_after_fork",)

    def misused(self, observation: Observation) -> Finding | None:
        """The first run in this process of what was built in another."""
        misuse, birth = observation.misuse, observation.birth
        if misuse is None or not misuse.forked:
            return None
        built_by = "another process" if birth is None else f"process {birth.pid}"
        used = "had been used there" if misuse.used_before_fork else "had not been used there"
        return self.about_component(
            observation,
            f"{observation.type} was built by {built_by}, {used}, and is used in process {observation.pid} since a "
            f"fork{self.place_of_call('used at')}",
            severity=None if misuse.used_before_fork else "info",
        )

    def crashed(self, crash: Crash) -> Finding | None:
        """What the sharing of a connection has come to."""
        return self.about_crash(crash)


RULE = UseAfterFork
