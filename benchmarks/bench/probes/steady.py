"""What an operation costs in a process that is warm: one line of JSON, see ``timing.Sample``.

python -m bench.probes.steady SUBJECT MODE [ROW ...]
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from bench import enabling
from bench.timing import Sample, deferred, sample_of, tell


async def measure(rows: list[str]) -> dict[str, Sample]:
    """Each of the rows."""
    from bench.workload import LONG, SHORT, Workload

    work = Workload()
    operations: dict[str, Any] = {
        "run": work.run,
        "short_stream": work.short_stream,
        "long_stream": work.long_stream,
        "tool": work.tool,
        "team": work.team_run,
        "construct": deferred(work.construct),
        "construct_client": deferred(work.construct_client),
    }
    samples = {
        name: await sample_of(operation, enabling.flush)
        for name, operation in operations.items()
        if not rows or name in rows
    }
    if "short_stream" in samples and "long_stream" in samples:
        short, long = samples["short_stream"], samples["long_stream"]
        per_item = [(getattr(long, name) - getattr(short, name)) / (LONG - SHORT) for name in ("cpu", "path", "wall")]
        samples["item"] = Sample(*per_item, long.count * (LONG - SHORT))
    return samples


def main() -> None:
    """Enable, import AutoGen, measure."""
    subject, mode, *rows = sys.argv[1:]
    enabling.set_up(subject, mode)  # type: ignore[arg-type]
    tell(dict(asyncio.run(measure(rows))))


if __name__ == "__main__":
    main()
