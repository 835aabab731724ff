"""What was measured, and what it says: of each state and subject, the value of each round."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.results import Results
from bench.spread import differences, ratios

from load.plan import ALONE, OURS
from load.states import State


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest that so large a share of them does not exceed; nothing's is not a number."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)] if values else math.nan


@dataclass
class LoadResults(Results):
    """The samples of ``Results``, and what they are made of.

    Attributes:
        latencies: of each state and subject, a list for each window, milliseconds.
        clients, model_seconds: of the plan.
    """

    latencies: dict[str, list[list[float]]] = field(default_factory=dict)
    clients: int = 0
    model_seconds: float = 0.0

    def values(self, state: State, subject: str, name: str) -> list[float]:
        """The rounds' values; none if it was not measured."""
        return self.of(state.name, subject, "batch", name)

    def pooled(self, state: State, subject: str, share: float) -> float:
        """A percentile of all latencies of a state."""
        windows = self.latencies.get(f"{state.name} {subject}", [])
        return percentile([latency for window in windows for latency in window], share)

    def change(self, state: State, name: str) -> list[float]:
        """By how many percent ours differs from the SDK alone, round by round."""
        pairs = self.values(state, OURS.name, name), self.values(state, ALONE.name, name)
        return [100 * (ratio - 1) for ratio in ratios(*pairs)]

    def added(self, state: State, name: str) -> list[float]:
        """By ours to the SDK alone, round by round."""
        return differences(self.values(state, OURS.name, name), self.values(state, ALONE.name, name))

    def grown(self, state: State, subject: str) -> float:
        """MB that a worker has grown by, from the end of the second window on, by when its queues have filled."""
        resident = self.values(state, subject, "resident")
        return resident[-1] - resident[1 if len(resident) > 2 else 0] if resident else math.nan
