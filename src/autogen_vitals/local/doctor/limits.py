"""What the control group allows: memory and CPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from autogen_vitals.crashes.memory import oom_kills
from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, ok, skipped, warning
from autogen_vitals.local.doctor.server import server_of

_WORKER_BYTES = 150_000_000
"""About what a worker of AutoGen's with one client occupies; ``autogen-vitals check`` measures yours."""


def _memory(around: Surroundings) -> Iterator[Outcome]:
    limit = _limit(around.root, "memory.max", "memory", "memory.limit_in_bytes")
    if limit is None:
        yield skipped("no limit of memory is visible")
        return
    workers = server_of(around).workers
    told = f"the limit is {limit / 1e6:,.0f} MB"
    if workers * _WORKER_BYTES > limit:
        yield warning(
            f"{told}; {workers:.0f} worker{'s' if workers > 1 else ''} of some {_WORKER_BYTES / 1e6:.0f} MB need more",
            "more memory, or fewer workers; autogen-vitals check --budget rss=… says what one needs",
            "AG505",
        )
    else:
        yield ok(told)


def _kills(around: Surroundings) -> Iterator[Outcome]:
    kills = oom_kills(around.root)
    if kills:
        yield warning(f"{kills} processes of this control group were killed for want of memory", "raise it", "AG505")


def _cpu(around: Surroundings) -> Iterator[Outcome]:
    cpus = _cpus(around.root)
    machine = os.cpu_count() or 1
    if cpus is None:
        yield skipped("no limit of CPU is visible")
    elif cpus < 1:
        yield warning(
            f"{cpus:.2f} CPU of {machine}: a cold start takes {1 / cpus:.1f} times as long, and loops stand still",
            "1 CPU while it starts, as Cloud Run's boost or Kubernetes' in-place resize have it",
            "AG104, AG604",
        )
    else:
        yield ok(f"{cpus:.1f} CPUs of {machine}")


def _cpus(root: Path) -> float | None:
    words = _read(root / "sys/fs/cgroup/cpu.max").split()
    if not words:
        folder = root / "sys/fs/cgroup/cpu"
        words = [_read(folder / name).strip() for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
    try:
        quota, period = int(words[0]), int(words[1])
    except (IndexError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _limit(root: Path, second: str, controller: str, first: str) -> int | None:
    mount = root / "sys/fs/cgroup"
    for path in (mount / second, mount / controller / first):
        said = _read(path).strip()
        # Version 1 says "none" by a number beyond all memory.
        if said.isdigit() and int(said) < 1 << 60:
            return int(said)
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


LIMITS = Group(
    "Limits",
    (
        Check("memory-limit", "memory", _memory),
        Check("oom-kills", "killed", _kills),
        Check("cpu-limit", "CPU", _cpu),
    ),
)
