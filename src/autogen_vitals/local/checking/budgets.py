"""What is measured, in which units it is said, and what it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from autogen_vitals.local.checking.sample import Sample

Unit = Literal["s", "MB", "count"]

_SECONDS = {"": 1.0, "s": 1.0, "ms": 0.001}
_MEGABYTES = {"": 1.0, "mb": 1.0, "kb": 0.001, "gb": 1000.0}
_PLAIN = {"": 1.0}
_FACTORS: dict[Unit, dict[str, float]] = {"s": _SECONDS, "MB": _MEGABYTES, "count": _PLAIN}
_ACCEPTED: dict[Unit, str] = {
    "s": "seconds or milliseconds, such as 1.5s or 300ms",
    "MB": "megabytes, such as 80MB",
    "count": "a plain number, such as 0",
}


class UsageError(Exception):
    """What was asked makes no sense; the message says what would."""


@dataclass(frozen=True)
class Measure:
    """One number of a start.

    Attributes:
        name: as in ``--budget``.
        unit: in which it is kept.
        of: reads it off a sample.
        slack: how much more than the baseline is no regression, whatever the tolerance: below that it is the machine.
        meaning: for the help.
    """

    name: str
    unit: Unit
    of: Callable[[Sample], float]
    slack: float
    meaning: str


MEASURES: tuple[Measure, ...] = (
    Measure("total", "s", lambda sample: sample.total, 0.05, "from the import until it is ready"),
    Measure("imports", "s", lambda sample: sample.imports, 0.05, "importing, outside inits"),
    Measure("init", "s", lambda sample: sample.init, 0.02, "inits of AutoGen's components"),
    Measure("reinit", "count", lambda sample: sample.reinit, 0, "built again by later calls, though it need not be"),
    Measure("reinit_time", "s", lambda sample: sample.reinit_time, 0.02, "what these took"),
    Measure("modules", "count", lambda sample: sample.modules, 5, "modules imported"),
    Measure("rss", "MB", lambda sample: sample.rss / 1e6, 3, "memory the process grew by"),
)
BY_NAME: Mapping[str, Measure] = {measure.name: measure for measure in MEASURES}


def parse_budgets(words: Iterable[str]) -> dict[str, float]:
    """``["init=300ms,imports=1.5s", "reinit=0"]`` as numbers by measure, in its unit.

    Raises:
        UsageError: an unknown measure, or a value that is none.
    """
    budgets: dict[str, float] = {}
    for pair in (pair.strip() for word in words for pair in word.split(",") if pair.strip()):
        name, equals, value = pair.partition("=")
        measure = BY_NAME.get(name.strip())
        if measure is None:
            near = get_close_matches(name.strip(), BY_NAME, n=1)
            meant = f"; did you mean {near[0]!r}?" if near else ""
            raise UsageError(f"there is no budget {name.strip()!r}{meant} There are: {', '.join(BY_NAME)}")
        if not equals:
            raise UsageError(f"the budget {measure.name!r} has no value: it takes {_ACCEPTED[measure.unit]}")
        budgets[measure.name] = _number(measure, value)
    return budgets


def _number(measure: Measure, value: str) -> float:
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?|\.\d+)\s*([A-Za-z]*)\s*", value)
    factor = None if found is None else _FACTORS[measure.unit].get(found[2].lower())
    if found is None or factor is None:
        raise UsageError(f"the budget {measure.name}={value.strip()} is none: it takes {_ACCEPTED[measure.unit]}")
    return float(found[1]) * factor


def parse_tolerance(value: str) -> float:
    """``20%`` or ``0.2`` as 0.2.

    Raises:
        UsageError: it is neither.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(%?)\s*", value)
    if found is None or (not found[2] and float(found[1]) > 1):
        # "--tolerance 20" would let a start take twenty-one times as long.
        raise UsageError(f"the tolerance {value.strip()!r} is none: it takes a share, such as 20% or 0.2")
    return float(found[1]) / (100 if found[2] else 1)


def amount(value: float, unit: Unit) -> str:
    """A value as people read it."""
    if unit == "MB":
        return f"{value:,.1f} MB"
    if unit == "s":
        return f"{value:,.2f} s" if value >= 1 else f"{value * 1000:,.0f} ms"
    return f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
