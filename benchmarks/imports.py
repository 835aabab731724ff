"""What the import finder costs: CPU time of importing AutoGen in a fresh process, with it and without, in turn.

Usage: ``python benchmarks/imports.py [pairs]``, in an environment with autogen-agentchat and autogen-ext[openai].

A machine's mood drifts over the minutes; hence pairs, one right after the other, in alternating order, and the ratio
of each pair. The finder is told nothing but ends; its own import is not counted, its installation is.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

PROCESS = """
import sys, time
from autogen_vitals.lifecycle.imports import ImportFinder
begin = time.process_time()
if sys.argv[1] != "without":
    finder = ImportFinder(lambda begin, end: None, whole_tree=sys.argv[1] == "whole tree")
    finder.install()
import autogen_agentchat.agents
import autogen_ext.models.openai
print(time.process_time() - begin)
"""
WAYS = ("without", "top level", "whole tree")


def seconds(way: str) -> float:
    """CPU time of one fresh process."""
    ended = subprocess.run([sys.executable, "-c", PROCESS, way], capture_output=True, text=True, check=True)
    return float(ended.stdout)


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    seconds("without")  # bytecode and the page cache
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds):
        for way in WAYS if number % 2 else reversed(WAYS):
            times[way].append(seconds(way))
    print(f"{rounds} fresh processes each, Python {sys.version.split()[0]}, CPU time")
    print(f"{'finder':<12}{'median':>10}{'min':>10}{'ratio':>9}   quartiles of the ratio")
    for way, found in times.items():
        ratios = [one / without for one, without in zip(found, times["without"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        median, least = 1000 * statistics.median(found), 1000 * min(found)
        print(f"{way:<12}{median:>7.0f} ms{least:>7.0f} ms{middle:>9.3f}   {low:.3f} to {high:.3f}")


if __name__ == "__main__":
    main()
