"""What a worker notes of itself, ten times a second, and how it is read: with us or without, the same.

Each worker writes a file of its own, a line of JSON for each beat. That its event loop stood still is known from how
late it wakes up.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from bench.probes.start import resident_mb

_STEP = 0.01
_STEPS = 10


@dataclass(frozen=True)
class Pulse:
    """One beat.

    Attributes:
        time: seconds since the epoch.
        cpu: CPU seconds of the process so far, its threads included.
        resident: MB.
        stall: milliseconds by which the loop was late since the last beat, at the most.
        waiting: ended spans in the batch processor's queue, and measurements in ours where it is there.
    """

    time: float
    cpu: float
    resident: float
    stall: float
    waiting: int


async def beat(folder: Path) -> None:
    """Note it until cancelled."""
    queues = _queues()
    with (folder / f"{os.getpid()}.jsonl").open("w", encoding="ascii", buffering=1) as file:
        while True:
            stall = 0.0
            for _ in range(_STEPS):
                before = time.perf_counter()
                await asyncio.sleep(_STEP)
                stall = max(stall, time.perf_counter() - before - _STEP)
            waiting = sum(map(len, queues))
            pulse = Pulse(time.time(), time.process_time(), resident_mb(), 1e3 * stall, waiting)
            file.write(json.dumps([round(value, 4) for value in astuple(pulse)]) + "\n")


def _queues() -> list[Any]:
    """Nobody tells how long they are: these are private names of the SDK's and ours."""
    from opentelemetry import metrics, trace

    active = getattr(trace.get_tracer_provider(), "_active_span_processor", None)
    processors = getattr(active, "_span_processors", ())
    batches = [each._batch_processor for each in processors if hasattr(each, "_batch_processor")]
    found: list[Any] = [batch._queue for batch in batches]
    try:
        from autogen_vitals.telemetry.metrics import Metrics
    except ImportError:
        return found
    ours = Metrics._of_provider.get(metrics.get_meter_provider())
    return found if ours is None else [*found, ours._queue]


def read(folder: Path) -> list[list[Pulse]]:
    """Of each worker so far."""
    return [
        [
            Pulse(*json.loads(line))
            for line in file.read_text(encoding="ascii").splitlines(keepends=True)
            if line[-1] == "\n"
        ]
        for file in sorted(folder.glob("*.jsonl"))
    ]


def between(pulses: Iterable[Pulse], began: float, ended: float) -> list[Pulse]:
    """From the last beat before to the last beat within."""
    found: list[Pulse] = []
    for pulse in pulses:
        if pulse.time <= began:
            found = [pulse]
        elif pulse.time <= ended:
            found.append(pulse)
    return found
