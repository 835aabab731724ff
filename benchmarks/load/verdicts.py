"""What is asked of each state, and the numbers that decide it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from bench.spread import Spread

from load import reasons
from load.numbers import LoadResults
from load.plan import ALONE, OURS
from load.states import State

PERCENT = 3.0
GROWTH_MB = 2.0
"""What a worker may grow by more than with the SDK alone: the pages of two processes differ by as much."""
STALL_MS = 200.0
"""What the longest stall may be longer by: from there on this package calls a loop blocked. An exporter that was waited
for would show in seconds."""
STOP_SECONDS = 3.5
"""What the end may take longer by: ``flush_timeout``, and a little."""


@dataclass(frozen=True)
class Miss:
    """Something is beyond its limit.

    Attributes:
        what: in a few words.
        why: the reason, where it is known.
        is_doubtful: whether the rounds do not agree: it may be chance.
    """

    what: str
    why: str = ""
    is_doubtful: bool = False


def slowness(results: LoadResults, state: State) -> list[Miss] | None:
    """Whether throughput and p99 are within 3 % of the SDK alone; ``None`` where nothing was measured."""
    fewer = [-change for change in results.change(state, "throughput")]
    longer = results.change(state, "p99")
    if not (fewer and longer):
        return None
    found: list[Miss] = []
    for values, what, why in ((fewer, "throughput", reasons.THROUGHPUT), (longer, "p99", reasons.P99)):
        spread = Spread.of(values)
        assert spread is not None
        # Where nobody was answered there is no p99, which is not within anything.
        if not spread.median <= PERCENT:
            found.append(Miss(what, why, is_doubtful=spread.low <= PERCENT))
    return found


def harm(results: LoadResults, state: State) -> list[Miss] | None:
    """Whether memory is flat, nothing blocks and no answer is lost; ``None`` where nothing was measured."""
    if not results.values(state, OURS.name, "stall"):
        return None

    def more(name: str, of: Callable[[list[float]], float]) -> float:
        ours, alone = (of(results.values(state, subject.name, name)) for subject in (OURS, ALONE))
        return ours - alone

    asked = {
        "memory grows": results.grown(state, OURS.name) - results.grown(state, ALONE.name) > GROWTH_MB,
        "the loop stands still": more("stall", max) > STALL_MS,
        "requests without an answer": more("failures", sum) > 0,
        "it takes longer to stop": more("stop", longest) > STOP_SECONDS,
    }
    return [Miss(what) for what, is_so in asked.items() if is_so]


def longest(values: list[float]) -> float:
    """Of those that there are."""
    return max(values, default=math.nan)
