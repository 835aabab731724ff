"""AG604 loop-blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CHAT, Phase

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.loops import Block

_NOBODY_WAITS: tuple[Phase, ...] = ("import", "startup", "draining")


class LoopBlocked(Rule):
    """An event loop that runs AutoGen stood still: whatever else it serves waited.

    How long it may is the watchdog's setting. Nobody waits before the process serves, or after. And what the first call
    of a model client blocks the loop for is AG106's.
    """

    id = "AG604"
    name = "loop-blocked"
    severity = "warning"
    remedy = "await what can be awaited, and put the rest into a thread: await asyncio.to_thread(...)"

    def loop_blocked(self, block: Block) -> Finding | None:
        """Fire; no more than worth knowing where the cgroup's quota has taken most of that time."""
        observation, site, seconds = block.observation, block.site, block.duration_ns / 1e9
        where = "" if site is None else f" by {site.function}"
        evidence = f"the event loop stood still for at least {seconds:.2f} s, blocked{where}"
        if site is None:
            evidence = f"the event loop stood still for at least {seconds:.2f} s, in C code that let no other code run"
        is_throttled = block.throttled_ns * 2 >= block.duration_ns
        if is_throttled:
            evidence += f"; for {block.throttled_ns / 1e9:.2f} s of them the cgroup's CPU quota was used up"
        severity = "info" if is_throttled else None
        remedy = "a higher CPU limit, or fewer workers under the one there is" if is_throttled else ""
        if observation is None:
            return self.finding(evidence, site=site, seconds=seconds, severity=severity, remedy=remedy)
        is_first_use = observation.first_use and observation.operation is CHAT
        if is_first_use or observation.phase in _NOBODY_WAITS:
            return None
        return self.about_run(observation, evidence, site=site, seconds=seconds, severity=severity, remedy=remedy)


RULE = LoopBlocked
