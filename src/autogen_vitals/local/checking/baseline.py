"""The baseline: a file for the repository, which says what a start took when it was good enough."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from autogen_vitals.local.checking.budgets import UsageError
from autogen_vitals.local.checking.sample import Request
from autogen_vitals.local.checking.summary import Summary
from autogen_vitals.version import __version__

SCHEMA = 1
_WATCHED = ("autogen", "ag2", "pyautogen", "openai", "anthropic", "httpx", "httpx2", "pydantic", "opentelemetry-sdk")


@dataclass(frozen=True)
class Known:
    """Seconds and number of one line's inits."""

    count: int
    seconds: float
    site: str
    type: str


@dataclass(frozen=True)
class Baseline:
    """What was measured once.

    Attributes:
        target: of what.
        calls: how often it was called.
        repeat: in how many fresh processes.
        machine: Python's version and the host's CPU.
        packages: versions of those that matter.
        measures: medians by measure, in its unit.
        stages: seconds by stage of the start.
        imports: seconds by top-level package.
        inits: by what stays the same of a line.
        reinits: the same, of what later calls built again.
    """

    target: str
    calls: int
    repeat: int
    machine: Mapping[str, str]
    packages: Mapping[str, str]
    measures: Mapping[str, float]
    stages: Mapping[str, float]
    imports: Mapping[str, float]
    inits: Mapping[str, Known] = field(default_factory=dict[str, Known])
    reinits: Mapping[str, Known] = field(default_factory=dict[str, Known])


def baseline_of(request: Request, summary: Summary) -> Baseline:
    """What has just been measured, as a baseline."""
    return Baseline(
        target=request.target,
        calls=request.calls,
        repeat=summary.repeat,
        machine=this_machine(),
        packages=installed(),
        measures={name: _rounded(spread.median) for name, spread in summary.measures.items()},
        stages={name: _rounded(seconds) for name, seconds in summary.stages.items()},
        imports={name: _rounded(seconds) for name, seconds in summary.packages.items()},
        inits=known_inits(summary),
        reinits=known_reinits(summary),
    )


def known_inits(summary: Summary) -> dict[str, Known]:
    """What was built until it was ready, by what stays the same of a line."""
    return _known(
        (init.key, Known(init.count, init.seconds, init.site, init.type)) for init in summary.inits if init.count
    )


def known_reinits(summary: Summary) -> dict[str, Known]:
    """What later calls have built again, though it need not be."""
    return _known(
        (init.key, Known(init.again, init.again_seconds, init.site, init.type))
        for init in summary.inits
        if init.again and init.needless
    )


def _known(items: Any) -> dict[str, Known]:
    found: dict[str, Known] = {}
    for key, one in items:
        other = found.get(key)
        # Two lines of one function.
        count, seconds = (
            (one.count, one.seconds)
            if other is None
            else (
                one.count + other.count,
                one.seconds + other.seconds,
            )
        )
        found[key] = Known(count, _rounded(seconds), one.site if other is None else other.site, one.type)
    return found


def read_baseline(path: Path) -> Baseline | None:
    """What the file says; ``None`` where there is none.

    Raises:
        UsageError: it is no baseline, or one of a version that this one does not know.
    """
    try:
        said: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UsageError(
            f"the baseline {path} cannot be read ({type(error).__name__}): --update writes it anew"
        ) from None
    try:
        schema = said.pop("schema")
        said.pop("autogen_vitals")
        if schema == SCHEMA:
            for name in ("inits", "reinits"):
                said[name] = {key: Known(**known) for key, known in said[name].items()}
            return Baseline(**said)
    except (AttributeError, KeyError, TypeError):
        raise UsageError(f"{path} is no baseline of this command: give another file, or --update") from None
    raise UsageError(
        f"the baseline {path} has schema {schema}, and this version knows {SCHEMA}: --update writes it anew"
    )


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Write the file, whole or not at all.

    Raises:
        UsageError: it cannot be written.
    """
    said = {"schema": SCHEMA, "autogen_vitals": __version__, **asdict(baseline)}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"the baseline {path} cannot be written: {error.strerror}") from None


def differences(baseline: Baseline, request: Request) -> list[str]:
    """Why what is measured now need not compare with it, a sentence each."""
    said: list[str] = []
    machine = this_machine()
    if baseline.target != request.target:
        said.append(f"the baseline is of {baseline.target}, this is {request.target}")
    if baseline.calls != request.calls:
        said.append(f"the baseline was measured with --calls {baseline.calls}, this with {request.calls}")
    for name, here in machine.items():
        there = baseline.machine.get(name)
        if there != here:
            said.append(f"the baseline is from another machine: {name} {there}, here {here}; --update on this one")
    return said


def drift(baseline: Baseline) -> list[str]:
    """Packages whose versions have changed since: ``openai 1.99 -> 2.0``."""
    now = installed()
    names = sorted({*now, *baseline.packages})
    return [
        f"{name} {baseline.packages.get(name, 'none')} -> {now.get(name, 'none')}"
        for name in names
        if baseline.packages.get(name) != now.get(name)
    ]


def this_machine() -> dict[str, str]:
    """Python's version, the CPU and how many of them this process may use."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 0
    return {"python": platform.python_version(), "cpu": _cpu_model(), "cpus": str(usable)}


def _cpu_model() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                name, _, value = line.partition(":")
                if name.strip() == "model name":
                    return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine() or "unknown"


def installed() -> dict[str, str]:
    """Versions of the packages that a start of AutoGen is made of."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = str(distribution.metadata["Name"] or "").lower()
        if (name in _WATCHED or name.startswith("autogen-")) and name != "autogen-vitals":
            found.setdefault(name, distribution.version)
    return dict(sorted(found.items()))


def _rounded(value: float) -> float:
    return round(value, 4)
