"""What ``autogen-vitals run`` adds to a command, beside what ``opentelemetry-instrument`` adds.

Usage: ``python benchmarks/run.py [rounds]``

The command starts, imports AutoGen, and has an agent ask a stub model 20 times. Each round runs it bare, under
``opentelemetry-instrument`` with a receiver that is up already, and under ``autogen-vitals run``, one after the other,
so that what else the machine does hits all alike. Wall time is from the start of what is typed to its end; for ``run``
once without and once with the report. Limit: 5 % above ``opentelemetry-instrument``, without the report.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

LIMIT = 1.05
BIN = Path(sys.executable).parent
PROGRAM = """
import asyncio
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

async def main():
    client = OpenAIChatCompletionClient(model="gpt-4o-mini")
    for _ in range(20):
        await AssistantAgent("assistant", client).run(task="hello")

asyncio.run(main())
"""


def seconds(command: list[str], environment: dict[str, str], folder: Path) -> float:
    """How long it takes."""
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return time.perf_counter() - began


def main(rounds: int) -> int:
    """Measure, print, and fail over the limit."""
    with tempfile.TemporaryDirectory() as scratch, Receiver() as receiver, StubModel(think_seconds=0.1) as model:
        folder = Path(scratch)
        (folder / "program.py").write_text(PROGRAM)
        plain = {**os.environ, "OPENAI_API_KEY": "none", "OPENAI_BASE_URL": model.base_url}
        plain.pop("PYTHONDONTWRITEBYTECODE", None)
        program, run = [sys.executable, "program.py"], [str(BIN / "autogen-vitals"), "run"]
        subjects = {
            "bare": (program, plain),
            "opentelemetry-instrument": (
                [str(BIN / "opentelemetry-instrument"), *program],
                {**plain, **receiver.environment("benchmark")},
            ),
            "run --quiet": ([*run, "--quiet", "--", *program], plain),
            "run": ([*run, "--", *program], plain),
        }
        times: dict[str, list[float]] = {name: [] for name in subjects}
        for number in range(rounds + 1):
            for name, (command, environment) in subjects.items():
                taken = seconds(command, environment, folder)
                # The first round writes bytecode and fills caches.
                if number:
                    times[name].append(taken)
    # Of each round, for rounds differ more than their parts.
    ratios = [a / b for a, b in zip(times["run --quiet"], times["opentelemetry-instrument"], strict=True)]
    for name, values in times.items():
        print(f"{name:26} {statistics.median(values):6.2f} s  ({min(values):.2f} to {max(values):.2f})")
    ratio = statistics.median(ratios)
    spread = f"{min(ratios):.3f} to {max(ratios):.3f}"
    print(f"run --quiet / opentelemetry-instrument: {ratio:.3f} ({spread}), limit {LIMIT}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 9))
