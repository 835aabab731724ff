"""The figures that are kept, and what they are good for."""

from __future__ import annotations

import json
import platform
import sys
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from measuring import Counts

FILE = Path(__file__).with_name("baseline.json")

_PACKAGES = ("autogen-agentchat", "wrapt", "opentelemetry-sdk")
_PARTS = ("lifecycle", "telemetry", "exit record", "metric", "collected metric")

_LIMIT, _PART_LIMIT = 0.10, 0.03
"""Of what an app does, and of a part of ours, by how much more may be added than was. Two measurements of the same code
differ by a few tenths of a percent."""


@dataclass(frozen=True)
class Figure:
    """One operation, in one probe, in instructions.

    Attributes:
        base: without us, and without AutoGen's own spans.
        ours: with us.
        native: without us, AutoGen's own spans included; what the app had before.
        kept: what was added when the baseline was written, ``None`` for an operation that is new; on another build of
            the same Python, what it would have been there.
        is_exact: it was on this very build.
    """

    probe: str
    operation: str
    base: int
    ours: int
    native: int
    kept: int | None
    is_exact: bool

    @property
    def added(self) -> int:
        """What we add."""
        return self.ours - self.base

    @property
    def change(self) -> float | None:
        """By how much more that is than it was."""
        return None if self.kept is None else self.added / self.kept - 1

    @property
    def is_too_much(self) -> bool:
        """Whether that is more than it may be."""
        limit = _PART_LIMIT if self.is_exact and self.operation in _PARTS else _LIMIT
        return self.change is not None and self.change > limit


def surroundings() -> dict[str, str]:
    """What the figures depend on: other than these they have nothing to say about."""
    return {
        "machine": platform.machine(),
        "python": ".".join(map(str, sys.version_info[:2])),
        **{package: version(package) for package in _PACKAGES},
    }


def build() -> str:
    """Python as it was compiled: with other options it takes other instructions for the same."""
    return f"{platform.python_version()} {platform.python_compiler()} {sysconfig.get_config_var('CONFIG_ARGS')}"


def mismatch(kept: dict[str, Any]) -> str:
    """Why figures of this installation cannot be compared with the baseline; empty if they can."""
    here, there = surroundings(), kept["surroundings"]
    return ", ".join(f"{name} is {here[name]}, not {there.get(name)}" for name in here if here[name] != there.get(name))


def load() -> dict[str, Any]:
    """The baseline."""
    return json.loads(FILE.read_text())


def save(counts: Counts) -> None:
    """Make these the baseline."""
    kept = {"surroundings": surroundings(), "build": build(), "counts": counts}
    FILE.write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")


def compared(counts: Counts, kept: dict[str, Any]) -> list[Figure]:
    """Each operation beside what was kept of it."""
    is_exact = kept["build"] == build()
    scale = 1.0 if is_exact else _yardstick(counts) / _yardstick(kept["counts"])
    figures: list[Figure] = []
    for probe, operations in counts.items():
        for operation, ways in operations.items():
            if "ours" in ways:
                before = kept["counts"].get(probe, {}).get(operation)
                added = None if before is None else round((before["ours"] - before.get("base", 0)) * scale)
                base = ways.get("base", 0)
                figures.append(Figure(probe, operation, base, ways["ours"], ways.get("native", 0), added, is_exact))
    return figures


def _yardstick(counts: Counts) -> int:
    """The instructions of what is not ours: AutoGen's, whose version is the same."""
    return sum(counts["no_sdk"][operation]["base"] for operation in ("agent run", "tool call", "agent init"))
