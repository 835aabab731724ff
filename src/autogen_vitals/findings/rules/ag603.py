"""AG603 retries-dominate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CHAT, Category

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_TOLD_AS: tuple[Category, ...] = ("event_loop_closed", "bound_to_other_loop")
"""A loop's doing, not the provider's: AG204 tells of these."""


class RetriesDominate(Rule):
    """The model's SDK has tried again and again, and that is where the time of the call went.

    It says nothing of that itself, neither where a later try succeeded nor where none did. One that succeeded at the
    second try is no more than worth knowing. A call that failed at once has no such tries, and is no matter of this
    rule's, though its category leads to the same page.
    """

    id = "AG603"
    name = "retries-dominate"
    severity = "warning"
    remedy = "a timeout and max_retries that fit into the caller's time, and fewer calls at once"
    threshold = 30
    unit = "% of the call"
    categories = ("rate_limited", "timeout", "connection")
    operations = (CHAT,)
    trait = "networked"

    def run_ended(self, observation: Observation) -> Finding | None:
        """A call that has waited for tries more than for its reply."""
        network, duration_ns = observation.network, observation.duration_ns
        if network is None or not network.retry_count or network.retry_ns * 100 <= self.limit * duration_ns:
            return None
        if network.retry_category in _TOLD_AS:
            return None
        share = min(1.0, network.retry_ns / duration_ns)
        because = "" if network.retry_category is None else f", the last one because of {network.retry_category}"
        is_hiccup = observation.error is None and network.retry_count == 1
        outcome = "and succeeded" if observation.error is None else f"and failed with {observation.error}"
        times = "once" if network.retry_count == 1 else f"{network.retry_count} times"
        return self.about_run(
            observation,
            f"the SDK tried a model call again {times}{because}, {outcome}; tries that failed and the waiting for the "
            f"next took {network.retry_ns / 1e9:.2f} s, {share:.0%} of the call",
            severity="info" if is_hiccup else None,
            count=network.retry_count,
            seconds=network.retry_ns / 1e9,
            share=share,
        )


RULE = RetriesDominate
