"""What an operation costs while other agents are alive, each with a tool of its own: one line of JSON.

    python -m bench.probes.growth SUBJECT

The names of the samples end with the number that is alive. For this package also what a worker's look for dead ones
takes, once a minute in a thread, where so many live.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench import enabling
from bench.subjects import OURS
from bench.timing import Sample, deferred, sample_of, tell

ALIVE = (1, 10, 100, 1000)


async def measure() -> dict[str, Sample]:
    """A run and a construction, with more and more alive."""
    from autogen_agentchat.agents import AssistantAgent
    from autogen_core.tools import FunctionTool

    from bench.workload import Workload, double, replay

    work = Workload()
    alive: list[Any] = []
    samples: dict[str, Sample] = {}
    for number in ALIVE:
        while len(alive) < number:
            tools = [FunctionTool(double, "Twice the number.")]
            alive.append(AssistantAgent(f"agent_{len(alive)}", replay("hello"), tools=tools))
            await alive[-1].run(task="hello")
        samples[f"run_{number}"] = await sample_of(work.run, enabling.flush)
        samples[f"construct_{number}"] = await sample_of(deferred(work.construct), enabling.flush)
    return samples


async def measure_looks() -> dict[str, Sample]:
    """The look for the dead among more and more living workers."""
    from exit_record import identity

    from autogen_vitals.crashes.claims import dead
    from autogen_vitals.crashes.record import ExitRecord
    from autogen_vitals.crashes.state_dir import open_state_dir

    samples: dict[str, Sample] = {}
    records: list[ExitRecord] = []
    with tempfile.TemporaryDirectory(dir=open_state_dir("")) as name:
        folder, group = Path(name), "0" * 12

        def look() -> None:
            assert not list(dead(folder, group))

        for number in ALIVE:
            records += [ExitRecord.create(folder, group, identity()) for _ in range(number - len(records))]
            samples[f"look_{number}"] = await sample_of(deferred(look), enabling.flush)
        for record in records:
            record.remove()
    return samples


def main() -> None:
    """Enable and measure."""
    subject = sys.argv[1]
    enabling.set_up(subject, "batch")
    samples = asyncio.run(measure())
    if subject == OURS:
        samples.update(asyncio.run(measure_looks()))
    tell(dict(samples))


if __name__ == "__main__":
    main()
