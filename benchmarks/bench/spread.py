"""Medians, and how far the middle half of what was measured lies apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Standing = Literal["ahead", "level", "behind"]


@dataclass(frozen=True)
class Spread:
    """Of several measurements of one thing: the median and the quartiles; of fewer than four, the lowest and the
    highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """``None`` of nothing."""
        if not values:
            return None
        if len(values) < 4:
            return cls(statistics.median(values), min(values), max(values))
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high)


def differences(values: Sequence[float], references: Sequence[float]) -> list[float]:
    """Of each round's: the machine's mood is the same for both."""
    return [value - reference for value, reference in zip(values, references, strict=False)]


def ratios(values: Sequence[float], references: Sequence[float]) -> list[float]:
    """Likewise; a round whose reference is nothing has none."""
    return [value / reference for value, reference in zip(values, references, strict=False) if reference > 0]


def standing(ours: Sequence[float], theirs: Sequence[float]) -> Standing | None:
    """Whether less is spent on ours: ahead or behind only where the quartiles of the rounds' differences agree."""
    spread = Spread.of(differences(ours, theirs))
    if spread is None:
        return None
    if spread.high < 0:
        return "ahead"
    return "behind" if spread.low > 0 else "level"
