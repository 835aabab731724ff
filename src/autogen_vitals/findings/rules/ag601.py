"""AG601 tool-connects-on-first-use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import EXECUTE_TOOL

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.sites import Site

_LATER_CALLS = 3
_LITTLE_NS = 20_000_000
_TOOL_LIMIT = 256


class _FirstCall(Record, eq=False):
    """The first call of a tool, which opened connections, and what is known of those after it."""

    site: Site | None
    end_ns: int
    duration_ns: int
    connect_ns: int
    slowest_ns: int = 0
    left: int = _LATER_CALLS
    connecting: int = 0


class ToolConnectsOnFirstUse(Rule):
    """The first call of a tool in a served request opened a connection, and took much longer than the next ones.

    Told with the third of these. A connection that is opened later, because the other side has hung up or two calls
    need one at once, is not meant; nor is a tool that opens one time and again: three times later on.

    Keeps the first calls of ``_TOOL_LIMIT`` tools, until they are judged.
    """

    id = "AG601"
    name = "tool-connects-on-first-use"
    severity = "warning"
    remedy = "open its connection at start-up, and keep it for the life of the process"
    threshold = 3
    unit = "times the slowest of the next three calls"
    operations = (EXECUTE_TOOL,)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._first: dict[tuple[str, str | None], _FirstCall] = {}

    def run_ended(self, observation: Observation) -> Finding | None:
        """Keep a first call that connected; compare it with the third of the next."""
        key, network = (observation.type, observation.subject), observation.network
        if observation.first_use:
            request = observation.request
            is_served = request is not None and request.is_served
            if is_served and network is not None and network.connect_count and len(self._first) < _TOOL_LIMIT:
                birth = observation.birth
                site = self.about.sites.caller() if birth is None else birth.site
                end_ns = observation.clock_ns + observation.duration_ns
                self._first[key] = _FirstCall(site, end_ns, observation.duration_ns, network.connect_ns)
            return None
        first = self._first.get(key)
        if first is None or observation.clock_ns < first.end_ns or observation.error is not None:
            return None
        if network is not None and network.connect_count:
            first.connecting += 1
            if first.connecting >= _LATER_CALLS:
                self._first.pop(key, None)  # not only on first use
            return None
        first.slowest_ns = max(first.slowest_ns, observation.duration_ns)
        first.left -= 1
        if first.left > 0:
            return None
        self._first.pop(key, None)
        if first.duration_ns <= max(_LITTLE_NS, self.limit * first.slowest_ns):
            return None
        return self.about_run(
            observation,
            f"the first call of the tool opened a connection in a request and took {first.duration_ns / 1e6:.0f} ms, "
            f"{first.connect_ns / 1e6:.0f} ms of them to connect; of the next three that opened none, none took more "
            f"than {first.slowest_ns / 1e6:.0f} ms",
            site=first.site,
            seconds=first.duration_ns / 1e9,
        )


RULE = ToolConnectsOnFirstUse
