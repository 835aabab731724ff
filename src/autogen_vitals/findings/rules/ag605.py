"""AG605 sync-call-in-loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CHAT, INVOKE_AGENT, INVOKE_WORKFLOW

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_REFUSALS = {
    "RuntimeError": (
        "asyncio.run() cannot be called from a running event loop",
        "This event loop is already running",
        "Cannot run the event loop while another loop is running",
    ),
    "AttributeError": ("no attribute 'run_sync'",),
}
"""Class → what it says: asyncio's, uvloop's, and that of a method which AutoGen has never had."""


class SyncCallInLoop(Rule):
    """What is made for code without an event loop is called on a running one.

    Classic AutoGen's synchronous calls go through, and nothing else does meanwhile. asyncio's are refused.
    """

    id = "AG605"
    name = "sync-call-in-loop"
    severity = "warning"
    remedy = "await it: agent.run(), and with classic AutoGen a_initiate_chat()"
    threshold = 50
    unit = "ms"
    operations = (INVOKE_WORKFLOW, INVOKE_AGENT, CHAT)
    trait = "on_loop"

    @classmethod
    def concerns_crash(cls, crash: Crash) -> bool:
        """By what the exception says, whatever of that may be told."""
        sayings = _REFUSALS.get(crash.error_type, ())
        return bool(sayings) and any(saying in str(crash.error) for saying in sayings)

    def run_ended(self, observation: Observation) -> Finding | None:
        """The outermost synchronous run on a loop that it has blocked."""
        if observation.duration_ns <= self.limit * 1e6:
            return None
        parent = observation.parent
        if parent is not None and parent.on_loop:
            return None
        milliseconds = observation.duration_ns / 1e6
        return self.about_run(
            observation,
            f"a synchronous call of {observation.type} ran on an event loop, which stood still for {milliseconds:.0f} "
            f"ms",
            seconds=observation.duration_ns / 1e9,
        )

    def crashed(self, crash: Crash) -> Finding | None:
        """asyncio has refused it, or there is no such method."""
        return self.about_crash(crash)


RULE = SyncCallInLoop
