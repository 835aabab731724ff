"""What an update of the exit record costs, in this package's own environment: one line of JSON.

python -m bench.probes.exit_record
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from exit_record import BATCH, identity, kinds

from autogen_vitals.crashes.record import ExitRecord
from autogen_vitals.crashes.state_dir import open_state_dir
from bench.timing import Sample, tell

BATCHES = 50


def main() -> None:
    """Measure each kind of update."""
    samples: dict[str, Sample] = {}
    with tempfile.TemporaryDirectory(dir=open_state_dir("")) as folder:
        record = ExitRecord.create(Path(folder), "0" * 12, identity())
        for kind, batch in kinds(record).items():
            batch()
            cpu, wall = time.thread_time(), time.perf_counter()
            for _ in range(BATCHES):
                batch()
            cpu, wall = time.thread_time() - cpu, time.perf_counter() - wall
            updates = BATCHES * BATCH * (2 if kind == "begin and end" else 1)
            samples[kind.replace(" ", "_")] = Sample(
                1e6 * cpu / updates, 1e6 * cpu / updates, 1e6 * wall / updates, updates
            )
        record.remove()
    tell(dict(samples))


if __name__ == "__main__":
    main()
