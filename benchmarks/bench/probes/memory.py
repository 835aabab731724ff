"""Memory after a thousand runs, and, if asked, what a million inits and a hundred thousand lines that build leave.

    python -m bench.probes.memory SUBJECT MODE [scale]

One line of JSON: resident MB at each point. The lines that build are generated modules of a thousand lines each.
"""

from __future__ import annotations

import asyncio
import gc
import sys

from bench import enabling
from bench.probes.start import resident_mb
from bench.timing import tell

RUNS = 1000
INITS = 1_000_000
SITES, LINES = 100_000, 1000


async def after_runs() -> dict[str, float]:
    """After one run and after many."""
    from bench.workload import Workload

    work = Workload()
    await work.run()
    found = {"first_run": resident_mb()}
    for _ in range(RUNS):
        await work.run()
    enabling.flush()
    gc.collect()
    return {**found, "runs": resident_mb()}


async def after_inits() -> dict[str, float]:
    """MB that inits have added: a million of one line, then one of each of many lines."""
    from autogen_core.tools import BaseTool

    class Tool(BaseTool):  # type: ignore[type-arg]
        """The cheapest component to build: it does nothing."""

        def __init__(self) -> None:
            pass

        async def run(self, args: object, cancellation_token: object) -> None:
            """Not called."""

    def settled() -> float:
        enabling.flush()
        gc.collect()
        return resident_mb()

    for _ in range(10_000):
        Tool()
    await asyncio.sleep(0)
    before = settled()
    for done in range(INITS):
        Tool()
        if done % 10_000 == 0:
            # As a service would; its metrics are collected every minute.
            await asyncio.sleep(0)
            enabling.flush()
    found = {"inits": settled() - before}
    before = settled()
    for module in range(SITES // LINES):
        code = compile("Tool()\n" * LINES, f"/srv/app/module_{module}.py", "exec")
        exec(code, {"__name__": f"app.module_{module}", "Tool": Tool})
        enabling.flush()
    return {**found, "sites": settled() - before}


def main() -> None:
    """Enable, run, look."""
    subject, mode, *scale = sys.argv[1:]
    enabling.set_up(subject, mode)  # type: ignore[arg-type]
    tell(asyncio.run(after_inits() if scale else after_runs()))


if __name__ == "__main__":
    main()
