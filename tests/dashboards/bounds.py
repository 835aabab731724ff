"""Values that are to be expected, and how exactly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus import Sample
from truth import Truth

_EXACT = 1e-9
Key = tuple[str, ...]


@dataclass(frozen=True)
class Bounds:
    """A number, at least and at most."""

    low: float
    high: float

    def hold(self, value: float) -> bool:
        room = _EXACT * max(1.0, abs(value))
        return self.low - room <= value <= self.high + room

    def __str__(self) -> str:
        return f"{self.low:.6g}" if self.low == self.high else f"{self.low:.4g} … {self.high:.4g}"


def exactly(number: float) -> Bounds:
    return Bounds(number, number)


@dataclass(frozen=True)
class Rows:
    """The series that an answer is to have.

    Attributes:
        labels: those that tell them apart; an answer may have others.
        bounds: the value of each; one that may be 0 may be missing.
        whole: of all of them together.
        others: there may be more of them.
    """

    labels: Key
    bounds: Mapping[Key, Bounds]
    whole: Bounds | None = None
    others: bool = False

    def faults(self, samples: Iterable[Sample]) -> list[str]:
        """What is wrong with an answer, in a line each."""
        seen: dict[Key, float] = {}
        faults: list[str] = []
        for sample in samples:
            key = tuple(sample.labels.get(label, "") for label in self.labels)
            if key not in self.bounds and not sample.value > 0:
                continue
            if key in seen:
                faults.append(f"{self._named(key)} is there twice")
            seen[key] = sample.value
        for key, bounds in self.bounds.items():
            value = seen.get(key, math.nan)
            may_be_missing = bounds.low <= 0 and (key or bounds.high > 0)
            if not (bounds.hold(value) or (may_be_missing and math.isnan(value))):
                faults.append(f"{self._named(key)} is {value:.6g}, not {bounds}")
        if not self.others:
            unknown = {key: value for key, value in seen.items() if key not in self.bounds}
            faults += [f"{self._named(key)} is there: {value:.6g}" for key, value in unknown.items()]
        together = sum(seen.values())
        if self.whole is not None and not self.whole.hold(together):
            faults.append(f"together they are {together:.6g}, not {self.whole}")
        return faults

    def _named(self, key: Key) -> str:
        return ", ".join(f"{label}={value!r}" for label, value in zip(self.labels, key, strict=True)) or "the value"


Expectation = Callable[[Truth], Rows]


def one(bounds: Bounds | float) -> Rows:
    """A single number."""
    return Rows((), {(): _bounds(bounds)})


def none() -> Rows:
    """No series at all, or none but zeros."""
    return Rows((), {})


def rows(
    labels: str, values: Mapping[Any, Bounds | float], *, whole: Bounds | float | None = None, others: bool = False
) -> Rows:
    """Several numbers, by labels in a row; with a single one, keys need not be tuples."""
    bounds = {key if isinstance(key, tuple) else (str(key),): _bounds(value) for key, value in values.items()}
    return Rows(tuple(labels.split()), bounds, None if whole is None else _bounds(whole), others)


def quantile(q: float, low: Sequence[float], high: Sequence[float]) -> Bounds:
    """A quantile of numbers of which each is known to be between two: as PromQL's ``quantile`` has it."""
    return Bounds(_interpolated(q, low), _interpolated(q, high))


def bucket(q: float, low: Sequence[float], high: Sequence[float], boundaries: Sequence[float]) -> Bounds:
    """The bucket, or buckets, in which ``histogram_quantile`` must find it. It cannot know where in there."""
    return Bounds(_below(_ranked(q, low), boundaries), _above(_ranked(q, high), boundaries))


def ratio(numerator: Bounds | float, denominator: Bounds | float) -> Bounds:
    """One by the other."""
    above, below = _bounds(numerator), _bounds(denominator)
    return Bounds(above.low / below.high, above.high / below.low)


def mean(low: Sequence[float], high: Sequence[float]) -> Bounds:
    """The mean of numbers of which each is known to be between two."""
    return Bounds(sum(low) / len(low), sum(high) / len(high))


def _bounds(value: Bounds | float) -> Bounds:
    return value if isinstance(value, Bounds) else exactly(value)


def _interpolated(q: float, numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    rank = q * (len(ordered) - 1)
    lower, upper = math.floor(rank), math.ceil(rank)
    return ordered[lower] + (ordered[upper] - ordered[lower]) * (rank - lower)


def _ranked(q: float, numbers: Sequence[float]) -> float:
    return sorted(numbers)[max(math.ceil(q * len(numbers)), 1) - 1]


def _below(number: float, boundaries: Sequence[float]) -> float:
    return max((boundary for boundary in boundaries if boundary < number), default=0.0)


def _above(number: float, boundaries: Sequence[float]) -> float:
    # What is beyond the last boundary is told as the last boundary.
    return min((boundary for boundary in boundaries if boundary >= number), default=boundaries[-1])
