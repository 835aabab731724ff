"""A healthy environment, in which a test makes one thing wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogen_vitals.local.doctor.checks import Flags, Group, Outcome, Surroundings
from autogen_vitals.local.doctor.examination import GROUPS, examine

VERSIONS = {
    "autogen-core": "0.7.5",
    "autogen-agentchat": "0.7.5",
    "autogen-ext": "0.7.5",
    "openai": "3.57.0",
    "httpx2": "2.16.2",
    "opentelemetry-api": "1.45.0",
    "opentelemetry-sdk": "1.45.0",
    "opentelemetry-exporter-otlp": "1.45.0",
    "opentelemetry-distro": "0.66b0",
    "autogen-vitals": "0.1.0",
}
ENVIRON = {"OPENAI_API_KEY": "sk-healthy", "PATH": "/usr/bin", "OTEL_SERVICE_NAME": "claims"}


def surroundings(root: Path, **changes: Any) -> Surroundings:
    """Healthy but for these fields; ``environ`` and ``versions`` are added to what is there, ``None`` takes away."""
    changes["environ"] = _changed(ENVIRON, changes.get("environ", {}))
    changes["versions"] = _changed(VERSIONS, changes.get("versions", {}))
    fields: dict[str, Any] = {
        "providers": lambda module: [],
        "entry_points": lambda group: ["autogen_vitals", "fastapi"],
        "which": lambda program: f"/usr/bin/{program}",
        "connect": lambda host, port: "",
        "python": (3, 11),
        "flags": Flags(),
        "cwd": root,
        "root": root,
    }
    return Surroundings(**{**fields, **changes})


def _changed(before: dict[str, str], changes: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in {**before, **changes}.items() if value is not None}


def outcomes(check: str, around: Surroundings, groups: Sequence[Group] = GROUPS) -> list[Outcome]:
    """What one check says."""
    (found,) = [result for result in examine(around, groups) if result.check.id == check]
    return list(found.outcomes)


def worst(check: str, around: Surroundings) -> Outcome:
    """The worst that it says."""
    order = ("fail", "warning", "skipped", "ok")
    return min(outcomes(check, around), key=lambda outcome: order.index(outcome.status))
