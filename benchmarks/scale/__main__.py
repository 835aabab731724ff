"""What a fleet of workers costs: one worker's real output, replayed as many into a real Prometheus.

Usage: ``make scale ARGS="[--workers 10 30 100 300] [--write] [--same]"``

Records ``examples/fastapi_app`` and ``examples/cold_start/broken.py`` under two uvicorn workers each, replays two hours
of the healthy one at each size of fleet, and asks the boards' queries. Takes six to twelve minutes, 2 GB of memory and
1 GB of disk. Prints the tables; ``--write`` puts them into docs/scale.md and keeps the numbers in ``numbers.json``,
``--same`` makes the tables of those that are kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / folder) for folder in ("benchmarks/scale", "tests", "tests/dashboards")]

import fleet  # noqa: E402
import measuring  # noqa: E402
import page  # noqa: E402
import pytest  # noqa: E402
import recording  # noqa: E402
import replay  # noqa: E402
import views  # noqa: E402
from prometheus import tool  # noqa: E402

KEPT = Path(__file__).with_name("numbers.json")
FLEETS = (10, 30, 100, 300)
COMPARED = 100
PLAYED = 20


def main() -> None:
    """Measure, print, and keep what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", type=int, nargs="+", default=FLEETS, help="sizes of fleets to replay")
    parser.add_argument("--write", action="store_true", help="write docs/scale.md and numbers.json")
    parser.add_argument("--same", action="store_true", help="do not measure: take numbers.json")
    options = parser.parse_args()
    if len({*options.workers}) < 2:
        parser.error("--workers: what grows is told by two sizes at least")
    if options.same:
        numbers = json.loads(KEPT.read_text())
    else:
        try:
            tool("prometheus")
        except pytest.skip.Exception as missing:
            parser.error(str(missing))
        with tempfile.TemporaryDirectory() as scratch:
            numbers = measure(options.workers, Path(scratch))
    tables = page.tables(numbers)
    print("\n\n".join(f"## {name}\n\n{table}" for name, table in tables.items()))
    if options.write:
        KEPT.write_text(json.dumps(numbers, indent=1) + "\n")
        page.FILE.write_text(page.filled_in(page.FILE.read_text(), tables))


def measure(sizes: list[int], scratch: Path) -> dict[str, Any]:
    """All numbers, as JSON has them."""
    workers = {app.name: recording.record(app, scratch) for app in (recording.HEALTHY, recording.BROKEN)}
    healthy = workers["healthy"]
    exports = healthy.exports[-PLAYED:]
    series = replay.anonymous(replay.series_of(exports), healthy.instance, healthy.pid)
    jitter = replay.jitter_ms(exports, recording.EXPORT_SECONDS * 1000)
    replicas = replay.Replicas(series, measuring.moments_ms(jitter))
    slowest: list[measuring.Query] | None = None
    fleets = []
    for size in sorted(sizes):
        print(f"{size} workers", file=sys.stderr)
        one, asked = measuring.measure(replicas, size, len(exports), scratch / "prometheus", slowest)
        slowest = asked
        fleets.append({**asdict(one), "queries": [asdict(query) for query in asked]})
    labelled = replay.Replicas(replay.promoted(series, measuring.PROMOTED), measuring.moments_ms(jitter))
    size = max((size for size in sizes if size <= COMPARED), default=min(sizes))
    print(f"{size} workers with promoted attributes", file=sys.stderr)
    promoted, _ = measuring.measure(labelled, size, len(exports), scratch / "prometheus", [])
    return {
        "workers": {name: _facts(worker) for name, worker in workers.items()},
        "fleets": fleets,
        "promoted": asdict(promoted),
    }


def _facts(worker: recording.Worker) -> dict[str, Any]:
    return {
        "sets": fleet.sets_by_metric(worker.last),
        "series": fleet.series_by_metric(worker.last, {}),
        "cut_series": fleet.series_by_metric(worker.last, views.chosen()),
        "foreign_series": worker.foreign_series,
        "export_bytes": worker.export_bytes,
        "export_gzip_bytes": worker.export_gzip_bytes,
        "spans": worker.spans / worker.requests,
        "span_bytes": worker.span_bytes / worker.requests,
        "span_gzip_bytes": worker.span_gzip_bytes / worker.requests,
    }


main()
