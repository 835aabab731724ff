"""What the rules add to a warm run: an agent that asks a model and calls a tool, in a request.

Usage: ``python benchmarks/findings.py [rounds]``

Two engines stand in front of a sink that does nothing, one with all rules, one with none, and are told of the same run
again and again, as a warm process has it: nothing is built, nothing connects, nothing fails. Beside them the sink
alone, and what is kept of each component's use. Each round times a batch of each, one after the other, by the CPU time
of the thread; what findings add is all that is not the sink's.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
import weakref
from collections.abc import Callable
from typing import Any

from autogen_vitals.findings.engine import Findings
from autogen_vitals.findings.rule import Surroundings
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.lifecycle.uses import Use
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, INVOKE_AGENT, ComponentKind, Operation

BATCH = 1000
BUDGET_US = 3.0


class Nothing:
    """A sink that takes no time."""

    has_recorded = False

    def ended(self, observation: Observation) -> None:
        """It is over."""

    def request_ended(self, request: Request) -> None:
        """It is over, too."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return _nothing


def _nothing(*_: Any, **__: Any) -> None:
    return


def engine(silenced: tuple[str, ...]) -> Findings:
    """The rules that are not silenced."""
    sink: Any = Nothing()
    found = Findings(
        sink,
        lambda finding, is_first: True,
        _nothing,
        Surroundings(SiteFinder(()), list, _nothing, list, _nothing, {}),  # type: ignore[arg-type]
        silenced,
    )
    found.load()
    return found


def warm_run() -> tuple[Request, list[Observation]]:
    """A request and what was observed in it, as it is when it is over."""
    request = Request(os.getpid(), time.perf_counter_ns(), is_served=True, used=True)
    request.duration_ns = 1_000_000_000
    parts: list[tuple[Operation, ComponentKind, str]] = [
        (CHAT, "model_client", "OpenAIChatCompletionClient"),
        (EXECUTE_TOOL, "tool", "FunctionTool"),
        (INVOKE_AGENT, "agent", "AssistantAgent"),
    ]
    observations = [
        Observation(kind, type, operation, None, "openai", object(), os.getpid(), "request", 0, None, request)
        for operation, kind, type in parts
    ]
    for observation in observations:
        observation.duration_ns = 500_000_000
        observation.ended = True
    return request, observations


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    request, observations = warm_run()
    asked, silent = engine(()), engine(("*",))

    def told(findings: Any) -> None:
        for _ in range(BATCH):
            for observation in observations:
                findings.ended(observation)
            findings.request_ended(request)

    loop: Any = weakref.WeakSet()
    pid, uses = os.getpid(), [Use() for _ in observations]

    def used() -> None:
        for _ in range(BATCH):
            for use in uses:
                use.begins(pid, loop, request, pid)
                use.ends()

    nothing = Nothing()
    batches = {
        "all rules": lambda: told(asked),
        "no rules": lambda: told(silent),
        "the sink": lambda: told(nothing),
        "uses": used,
    }
    times: dict[str, list[float]] = {name: [] for name in batches}
    for _ in range(rounds):
        for name, batch in batches.items():
            begin = time.thread_time_ns()
            batch()
            times[name].append((time.thread_time_ns() - begin) / BATCH / 1e3)
    times["added"] = [
        with_rules - bare + use
        for with_rules, bare, use in zip(times["all rules"], times["the sink"], times["uses"], strict=True)
    ]
    print(f"{rounds} rounds, Python {sys.version.split()[0]}, CPU time of a run with three parts")
    print(f"{BUDGET_US} µs may be added")
    for name, found in times.items():
        _, middle, high = statistics.quantiles(found, n=4)
        print(f"{name:<10} median {middle:6.2f} µs   min {min(found):6.2f} µs   upper quartile {high:6.2f} µs")


if __name__ == "__main__":
    main()
