"""When this package began to work, and what the wall clock showed at a reading of the monotonic one."""

from __future__ import annotations

import time

LOADED_NS = time.perf_counter_ns()
"""On the monotonic clock: the first line of ours that runs once we are asked for anything."""


def wall_ns(clock_ns: int) -> int:
    """``time.perf_counter_ns()`` → nanoseconds since the epoch, by what the wall clock says now: a step of it moves all
    that is converted after it alike."""
    return time.time_ns() - (time.perf_counter_ns() - clock_ns)
