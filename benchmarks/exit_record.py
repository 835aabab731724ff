"""What an update of the exit record costs.

Usage: ``python benchmarks/exit_record.py [rounds]``

Each round times the updates in batches, one kind after the other, by the CPU time of the thread: a batch that another
process has interrupted counts like any other. Beside them the two things that any update has to do: read the clock, and
copy that many bytes into a mapping.
"""

from __future__ import annotations

import mmap
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from autogen_vitals.crashes.layout import SLOTS
from autogen_vitals.crashes.record import ExitRecord
from autogen_vitals.crashes.reports import Identity
from autogen_vitals.crashes.state_dir import open_state_dir

BATCH = 2000
BUDGET_US = 2.0
REQUEST, CHAT = b"POST /chat", b"chat gpt-4o"
TRACE_ID, SPAN_ID = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7


def kinds(record: ExitRecord) -> dict[str, Callable[[], None]]:
    """A batch of each kind of update."""
    now = time.time_ns()
    slot = record.begin(REQUEST, "request", TRACE_ID, SPAN_ID, now)
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    area, content = slice(0, SLOTS[0].stop - SLOTS[0].start), bytes(SLOTS[0].stop - SLOTS[0].start)

    def floor() -> None:
        for _ in range(BATCH):
            time.time_ns()
            memory[area] = content

    def begin_and_end() -> None:
        for _ in range(BATCH):
            record.end(record.begin(REQUEST, "request", TRACE_ID, SPAN_ID, now))

    def change() -> None:
        for _ in range(BATCH):
            record.change(slot, CHAT, "request", TRACE_ID, SPAN_ID, now)

    def note() -> None:
        for _ in range(BATCH):
            record.note(heartbeat_ns=now)

    return {"clock and copy": floor, "begin and end": begin_and_end, "change": change, "note": note}


def identity() -> Identity:
    """Of this process, with numbers of no meaning."""
    return Identity(uuid.uuid4().hex, os.getpid(), os.getppid(), 1, 1, "", time.time_ns(), "plain")


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory(dir=open_state_dir("")) as name:
        times: dict[str, list[float]] = {"create and remove": []}
        for _ in range(rounds):
            begin = time.thread_time_ns()
            ExitRecord.create(Path(name), "0" * 12, identity()).remove()
            times["create and remove"].append((time.thread_time_ns() - begin) / 1e3)
        record = ExitRecord.create(Path(name), "0" * 12, identity())
        batches = kinds(record)
        times.update({kind: [] for kind in batches})
        for _ in range(rounds):
            for kind, batch in batches.items():
                begin = time.thread_time_ns()
                batch()
                updates = BATCH * (2 if kind == "begin and end" else 1)
                times[kind].append((time.thread_time_ns() - begin) / updates / 1e3)
        record.remove()
    print(f"{rounds} rounds, Python {sys.version.split()[0]}, CPU time; an update may take {BUDGET_US} µs")
    for kind, found in times.items():
        _, middle, high = statistics.quantiles(found, n=4)
        print(f"{kind:<18} median {middle:8.2f} µs   min {min(found):8.2f} µs   upper quartile {high:8.2f} µs")


if __name__ == "__main__":
    main()
