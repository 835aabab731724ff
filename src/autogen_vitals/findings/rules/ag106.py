"""AG106 first-use-warm-up-in-request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CHAT

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation


class FirstUseWarmUpInRequest(Rule):
    """The first call of a kind of model client was made in a served request, which paid for the imports and the models
    that the SDK builds then. In a script somebody has to pay, and nobody else waits."""

    id = "AG106"
    name = "first-use-warm-up-in-request"
    severity = "warning"
    remedy = "await autogen_vitals.warm_up(model_client, ...) at start-up"
    threshold = 100
    unit = "ms"
    operations = (CHAT,)
    trait = "first_use"

    def run_ended(self, observation: Observation) -> Finding | None:
        """The first call."""
        request, warm_up_ns = observation.request, observation.warm_up_ns
        if warm_up_ns <= self.limit * 1e6 or request is None or not request.is_served:
            return None
        duration_ns = observation.duration_ns
        return self.about_run(
            observation,
            f"the first call of {observation.type} in this process was made in a request, and spent "
            f"{warm_up_ns / 1e6:.0f} of its {duration_ns / 1e6:.0f} ms on what it does once: {observation.modules} "
            f"modules imported, and models built; the event loop stood still meanwhile",
            seconds=warm_up_ns / 1e9,
            share=min(1.0, warm_up_ns / duration_ns),
        )


RULE = FirstUseWarmUpInRequest
