"""AG204 loop-closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CHAT

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation


class LoopClosed(Rule):
    """A connection, a queue or a lock has outlived the event loop that it belonged to: an exception says so, or the
    model's SDK has swallowed it and tried again."""

    id = "AG204"
    name = "loop-closed"
    severity = "error"
    remedy = "one event loop for each process: await instead of asyncio.run() for each call; close clients before it"
    categories = ("event_loop_closed", "bound_to_other_loop")
    operations = (CHAT,)
    trait = "networked"

    def run_ended(self, observation: Observation) -> Finding | None:
        """One whose SDK has tried again because of it, and which nobody else hears of."""
        network = observation.network
        if network is None or network.retry_category not in self.categories or observation.error is not None:
            return None
        return self.about_run(
            observation,
            f"the first try of a model call failed on a closed event loop; the SDK tried again, which took "
            f"{network.retry_ns / 1e6:.0f} ms and told nobody",
            count=network.retry_count,
            seconds=network.retry_ns / 1e9,
            share=min(1.0, network.retry_ns / observation.duration_ns) if observation.duration_ns else None,
        )

    def crashed(self, crash: Crash) -> Finding | None:
        """While the process is being stopped, it is no more than noise."""
        return self.about_crash(crash, severity="info" if crash.phase == "draining" else None)


RULE = LoopClosed
