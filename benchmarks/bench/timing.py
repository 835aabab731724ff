"""The clocks: how long one operation takes, in a loop long enough to be measured."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import Any

SECONDS = 0.2
_WARM, _WARM_SECONDS = 50, 0.1
_TRIES = 5
_MOST = 1_000_000
_BREATH = 0.01
"""Seconds after which the event loop gets its turn: one that never does is blocked, which is told, and costs."""


@dataclass(frozen=True)
class Sample:
    """What one operation took, microseconds.

    Attributes:
        cpu: CPU time of the process: that of exporters and watchdogs in their threads, and of the flush at the end,
            is in it. This is what is compared.
        path: CPU time of the thread that did it, without the flush: what the caller waits for at least.
        wall: by the clock on the wall, without the flush.
        count: how many were timed.
    """

    cpu: float
    path: float
    wall: float
    count: int


async def sample_of(
    operation: Callable[[], Awaitable[object]], flush: Callable[[], object], seconds: float = SECONDS
) -> Sample:
    """Time an operation of an event loop: repeated for some ``seconds``, garbage collection as in production."""
    count = max(1, round(seconds / await _warm(operation)))
    for _ in range(_TRIES):
        sample = await _sample(operation, flush, count)
        taken = sample.wall * sample.count / 1e6
        if taken >= 0.8 * seconds or count >= _MOST:
            break
        count = min(_MOST, max(count + 1, round(count * min(20, seconds / max(taken, 1e-6)))))
    return sample


async def _warm(operation: Callable[[], Awaitable[object]]) -> float:
    """A few times, or for as long as that is short; answers the seconds of the fastest."""
    until = time.perf_counter() + _WARM_SECONDS
    fastest = _WARM_SECONDS
    for _ in range(_WARM):
        began = time.perf_counter()
        await operation()
        now = time.perf_counter()
        fastest = min(fastest, now - began)
        if now > until:
            break
    await asyncio.sleep(0)
    return max(fastest, 1e-7)


async def _sample(operation: Callable[[], Awaitable[object]], flush: Callable[[], object], count: int) -> Sample:
    flush()
    gc.collect()
    turn = time.perf_counter() + _BREATH
    cpu, path, wall = time.process_time(), time.thread_time(), time.perf_counter()
    for _ in range(count):
        await operation()
        if time.perf_counter() > turn:
            await asyncio.sleep(0)
            turn = time.perf_counter() + _BREATH
    path, wall = time.thread_time() - path, time.perf_counter() - wall
    flush()
    cpu = time.process_time() - cpu
    return Sample(1e6 * cpu / count, 1e6 * path / count, 1e6 * wall / count, count)


def deferred(operation: Callable[[], object]) -> Callable[[], Awaitable[object]]:
    """A plain call as an operation of an event loop; it adds some 0.1 µs to every subject alike."""

    async def call() -> object:
        return operation()

    return call


def tell(samples: dict[str, Any]) -> None:
    """Print a probe's result: one line of JSON, the last on stdout."""
    found = {name: asdict(each) if isinstance(each, Sample) else each for name, each in samples.items()}
    print(json.dumps(found), flush=True)
    sys.stdout.flush()
