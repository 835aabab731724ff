"""What was measured: every sample of every round, as it is kept in ``results.json``."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Values = dict[str, list[float]]


def machine() -> dict[str, Any]:
    """What it was measured on."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }


@dataclass
class Results:
    """Samples by probe, subject and mode; each a list of the rounds' values by name.

    A sample with several clocks has several names: ``run.cpu``, ``run.path``, ``run.wall``.

    Attributes:
        versions: of the packages in each subject's environment.
        failures: why a subject, or one of its probes, told nothing.
    """

    rounds: int
    machine: dict[str, Any] = field(default_factory=machine)
    load: list[float] = field(default_factory=list)
    seconds: float = 0.0
    versions: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    samples: dict[str, Values] = field(default_factory=dict)

    def add(self, probe: str, subject: str, mode: str, told: dict[str, Any]) -> None:
        """What one process has told."""
        values = self.samples.setdefault(f"{probe} {subject} {mode}", {})
        for name, value in told.items():
            each = (
                {f"{name}.{clock}": number for clock, number in value.items()}
                if isinstance(value, dict)
                else {name: value}
            )
            for key, number in each.items():
                values.setdefault(key, []).append(round(float(number), 4))

    def of(self, probe: str, subject: str, mode: str, name: str) -> list[float]:
        """The rounds' values; none if it was not measured. Of one with several clocks, the CPU time is meant."""
        values = self.samples.get(f"{probe} {subject} {mode}", {})
        return values.get(name) or values.get(f"{name}.cpu") or []

    def write(self, path: Path) -> None:
        """As JSON, the samples of a name on one line."""
        text = json.dumps(asdict(self), indent=1)
        path.write_text(_compact(text) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Results:
        """What ``write`` wrote."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def _compact(text: str) -> str:
    """Lists of numbers on one line."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if inside:
            lines[-1] += line.strip() if line.strip()[0] == "]" else f"{line.strip()} "
            lines[-1] = lines[-1].replace(" ]", "]")
        else:
            lines.append(line)
        if line.endswith("["):
            inside = True
        elif line.strip().startswith("]"):
            inside = False
    return "\n".join(lines)
