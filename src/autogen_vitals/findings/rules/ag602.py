"""AG602 new-connection-each-call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import CHAT

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.uses import Use

_KEPT_NS = 5_000_000_000
"""How long httpx keeps an idle connection, ``keepalive_expiry``, unless it is told otherwise."""
_ENOUGH_CALLS = 10
_CLIENT_LIMIT = 256
_CLASS_LIMIT = 64


class _Calls(Record, eq=False):
    """Of one class of clients: the calls that could have had a connection ready, and those that opened one."""

    count: int = 0
    connecting: int = 0
    connect_ns: int = 0


class NewConnectionEachCall(Rule):
    """Clients open a connection for nearly every call, although the one before is hardly over.

    A call counts that could have had one ready: its client's last call had ended, less than 5 s ago, on this event
    loop. The first call of a client never counts, so that clients that are built for each request are AG101's.

    Keeps when each of ``_CLIENT_LIMIT`` clients was last called, and the counts of ``_CLASS_LIMIT`` classes.
    """

    id = "AG602"
    name = "new-connection-each-call"
    severity = "warning"
    remedy = (
        "keep connections alive: one HTTP client, its limits as they are, and a server or proxy that does not close"
    )
    threshold = 0.5
    unit = "connections a call"
    operations = (CHAT,)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        # The use itself is kept with its time: else another client's may come to have its address.
        self._last: dict[int, tuple[Use, int]] = {}
        self._classes: dict[str, _Calls] = {}

    def run_ended(self, observation: Observation) -> Finding | None:
        """Count it, and fire from the tenth on."""
        use = observation.use
        if use is None or observation.cached:
            return None
        end_ns = observation.clock_ns + observation.duration_ns
        used, last_ns = self._last.get(id(use), (None, 0))
        if used is None and len(self._last) >= _CLIENT_LIMIT:
            self._last.pop(next(iter(self._last)), None)
        self._last[id(use)] = use, end_ns
        idle_ns = observation.clock_ns - last_ns
        if used is not use or use.running or not 0 <= idle_ns < _KEPT_NS:
            return None
        misuse, network = observation.misuse, observation.network
        if observation.error is not None or (misuse is not None and misuse.other_loop):
            return None
        if network is not None and network.retry_count:
            return None  # whatever the failed try has cost it
        return self._judge(observation)

    def _judge(self, observation: Observation) -> Finding | None:
        network = observation.network
        calls = self._classes.get(observation.type)
        if calls is None:
            if len(self._classes) >= _CLASS_LIMIT:
                return None
            calls = self._classes[observation.type] = _Calls()
        calls.count += 1
        if network is None or not network.connect_count:
            return None
        calls.connecting += 1
        calls.connect_ns += network.connect_ns
        if calls.count < _ENOUGH_CALLS or calls.connecting <= self.limit * calls.count:
            return None
        return self.about_component(
            observation,
            f"{calls.connecting} of {calls.count} calls of {observation.type} opened a connection, although the "
            f"client's call before had ended less than 5 s ago; connecting took {calls.connect_ns / 1e6:.0f} ms in all",
            count=calls.connecting,
            seconds=calls.connect_ns / 1e9,
        )


RULE = NewConnectionEachCall
