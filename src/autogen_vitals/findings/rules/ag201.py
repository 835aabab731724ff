"""AG201 import-time-construction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.lifecycle.process import current as process

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.sites import Site

_SITE_LIMIT = 1000


class ImportTimeConstruction(Rule):
    """A client, an agent or a team is built while its module is imported.

    In a process that imports the app for itself that is worth knowing: the import pays for it, and so does every script
    and test that imports the module. In one that forks workers it is a warning: all of them have the same object. So it
    is in a forked child that uses what its parent has built.

    Keeps ``_SITE_LIMIT`` sites; a child knows its parent's.
    """

    id = "AG201"
    name = "import-time-construction"
    severity = "info"
    remedy = "build it in a function that start-up calls: the lifespan, post_fork or worker_process_init"
    kinds = ("model_client", "agent", "team")
    stages = ("construct",)
    phases = ("import",)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._sites: set[Site] = set()
        self._of_parent: frozenset[Site] = frozenset()

    def inherited(self) -> Rule:
        """With what the parent, and its own, have built."""
        child = ImportTimeConstruction(self.about)
        child._of_parent = self._of_parent | self._sites
        return child

    def init_ended(self, observation: Observation) -> Finding | None:
        """One of its own, not part of another one's."""
        tally = observation.tally
        if tally is None or observation.inside_init or observation.error is not None:
            return None
        if len(self._sites) < _SITE_LIMIT:
            self._sites.add(tally.site)
        forks = process.facts.is_fork_server
        where = ", in a process that forks workers" if forks else ""
        return self.about_init(
            observation,
            f"{observation.type} was built while a module was imported{where}; it took "
            f"{observation.duration_ns / 1e6:.1f} ms",
            severity="warning" if forks else None,
            seconds=observation.duration_ns / 1e9,
        )

    def misused(self, observation: Observation) -> Finding | None:
        """The first run in a forked child of what came with the fork."""
        misuse, birth = observation.misuse, observation.birth
        if misuse is None or not misuse.forked or birth is None or birth.site not in self._of_parent:
            return None
        return self.about_run(
            observation,
            f"{observation.type} was built while a module was imported in process {birth.pid}, and is used in process "
            f"{observation.pid}, which that one has forked",
            site=birth.site,
            severity="warning",
        )


RULE = ImportTimeConstruction
