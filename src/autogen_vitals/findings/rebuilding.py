"""What three rules have in common: the same line builds the same class again, request after request."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.records import Record

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.requests import Built, Request
    from autogen_vitals.lifecycle.sites import Site

_SITE_LIMIT = 4096
_CONFIG_LIMIT = 16


class Rebuilt(Record, eq=False):
    """What one site has built of one class in requests that are over.

    Attributes:
        requests: how many requests.
        count: how many objects.
        init_ns, request_ns: nanoseconds of building them, and of these requests.
        most_ns: of building them in the request in which that took longest.
        configs: what they were built with, as far as that is known; ``_CONFIG_LIMIT`` of them.
    """

    requests: int = 0
    count: int = 0
    init_ns: int = 0
    request_ns: int = 0
    most_ns: int = 0
    configs: set[int] = field(default_factory=set[int])

    def add(self, count: int, init_ns: int, request_ns: int, config: int) -> None:
        """One more request has built so many."""
        self.requests += 1
        self.count += count
        self.init_ns += init_ns
        self.request_ns += request_ns
        self.most_ns = max(self.most_ns, init_ns)
        if config and len(self.configs) < _CONFIG_LIMIT:
            self.configs.add(config)

    @property
    def typical_ns(self) -> float:
        """Nanoseconds of building them in a request, but for the slowest: once a machine has been busy elsewhere."""
        return (self.init_ns - self.most_ns) / (self.requests - 1) if self.requests > 1 else self.init_ns

    @property
    def share(self) -> float:
        """Of these requests' time, 0 to 1."""
        return min(1.0, self.init_ns / self.request_ns) if self.request_ns else 0.0

    @property
    def differ(self) -> bool:
        """No two of them, as far as can be said, were built with the same."""
        return len(self.configs) > 1 and len(self.configs) >= min(self.count, _CONFIG_LIMIT)


class RebuiltPerRequest(Rule):
    """Fires when a site builds in its ``threshold``-th request, and in each one after it.

    The evidence is what the requests before have paid: of the one that goes on it is not known yet what it comes to.
    Keeps ``_SITE_LIMIT`` sites.
    """

    stages = ("construct",)
    building_only = True
    threshold = 3
    unit = "requests"

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._sites: dict[tuple[str, int, str, str], Rebuilt] = {}

    def request_ended(self, request: Request) -> None:
        """Add up what it has built."""
        for built in self._concerned(request):
            found = self.tallied(built.tally.site, built.type, built.tally.stage)
            if found is not None:
                found.add(built.count, built.duration_ns, request.duration_ns, built.config)

    def tallied(self, site: Site | None, type_name: str, stage: str) -> Rebuilt | None:
        """What this site has built; ``None`` where there are too many."""
        key = ("", 0, type_name, stage) if site is None else (site.file, site.line, type_name, stage)
        found = self._sites.get(key)
        if found is None and len(self._sites) < _SITE_LIMIT:
            found = self._sites[key] = Rebuilt()
        return found

    def _concerned(self, request: Request) -> Iterator[Built]:
        for built in request.built.values():
            # What an agent builds for itself is the agent's; a client is never cheap, whoever builds it.
            is_own = not built.inside_init or built.kind == "model_client"
            if is_own and built.kind in self.kinds and built.tally.stage in self.stages:
                yield built

    def init_ended(self, observation: Observation) -> Finding | None:
        """Fire, if it is one too many."""
        request, tally = observation.request, observation.tally
        if request is None or tally is None or observation.error is not None:
            return None
        found = self._sites.get((tally.site.file, tally.site.line, observation.type, tally.stage))
        if found is None or found.requests < self.limit - 1:
            return None
        return self.judge(observation, found)

    def judge(self, observation: Observation, found: Rebuilt) -> Finding | None:
        """What it means that this site has built all this before."""
        raise NotImplementedError

    def evidence(self, observation: Observation, found: Rebuilt) -> str:
        """The same sentence for all of them."""
        return (
            f"{observation.type} was built by this line in {found.requests} requests before this one: {found.count} "
            f"times, {found.init_ns / 1e6:.1f} ms in all, {found.share:.0%} of these requests' time"
        )
