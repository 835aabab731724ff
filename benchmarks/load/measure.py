"""Two services side by side in each state of the exporter, under load in turn."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from bench.measure import memory_folder

from autogen_vitals.local.service import ServiceError
from load.clients import RAMP, Window
from load.numbers import LoadResults, percentile
from load.plan import SUBJECTS, WORKERS, Plan
from load.servers import Beside
from load.serving import Serving
from load.states import State

WARM_SECONDS = 3.0
STOP_SECONDS = 8.0
"""Kept free for the end of a state."""
LEAST_SECONDS = 1.0
"""Of a window."""


def measure(plan: Plan, pythons: Mapping[str, str], results: LoadResults) -> bool:
    """All states, one after the other.

    Args:
        pythons: the interpreter of each subject.
        results: what is measured is added to it.

    Returns:
        Whether it has come to its end.
    """
    # Only from before: the load average of what comes is our own.
    results.load = [round(os.getloadavg()[0], 2)]
    results.clients, results.model_seconds, results.rounds = plan.clients, plan.model_seconds, plan.rounds
    began = time.monotonic()
    until = began + 60 * plan.minutes
    try:
        with (
            tempfile.TemporaryDirectory(prefix="load-", dir=memory_folder()) as folder,
            Beside("model", str(plan.model_seconds)) as model,
        ):
            for number, state in enumerate(plan.states):
                share = (until - time.monotonic()) / (len(plan.states) - number)
                try:
                    _measure_state(state, plan, share, pythons, model.url, Path(folder) / state.name, results)
                except (ServiceError, RuntimeError) as error:
                    results.failures[state.name] = str(error).splitlines()[0]
                    say(f"{state.name}: {error}")
    except KeyboardInterrupt:
        say("stopped")
        return False
    finally:
        results.seconds = round(time.monotonic() - began)
    return True


def _measure_state(
    state: State,
    plan: Plan,
    share: float,
    pythons: Mapping[str, str],
    model_url: str,
    folder: Path,
    results: LoadResults,
) -> None:
    until = time.monotonic() + share
    with ExitStack() as stack:
        served = {
            subject.name: stack.enter_context(Serving(pythons[subject.name], state, model_url, folder / subject.name))
            for subject in SUBJECTS
        }
        for one in served.values():
            one.wait_ready()
        for one in served.values():
            one.window(min(WARM_SECONDS, share / 20), plan.clients, "warm")
        left = until - time.monotonic() - STOP_SECONDS
        seconds = max(LEAST_SECONDS, left / (len(SUBJECTS) * plan.rounds) - RAMP - 2 * plan.model_seconds)
        say(f"exporter {state.title}: {plan.rounds} rounds of {len(SUBJECTS)} windows of {seconds:.0f} s")
        for number in range(plan.rounds):
            _round(number, seconds, plan.clients, state, served, results)
        # Together, so that one does not have its workers gone while the other's still work.
        with ThreadPoolExecutor(len(served)) as threads:
            ends = dict(zip(served, threads.map(Serving.stop, served.values()), strict=True))
    for name, one in served.items():
        results.add(state.name, name, "batch", {"stop": ends[name], "exports": one.exports})


def _round(
    number: int, seconds: float, clients: int, state: State, served: Mapping[str, Serving], results: LoadResults
) -> None:
    names = list(served)
    began = time.time()
    windows = {
        name: served[name].window(seconds, clients, f"round {number}")
        for name in (names if number % 2 == 0 else names[::-1])
    }
    ended = time.time()
    for name, window in windows.items():
        told = {**_told(window), **_pulse(served[name], window, began, ended)}
        results.add(state.name, name, "batch", told)
        rounded = [round(latency, 1) for latency in window.latencies]
        results.latencies.setdefault(f"{state.name} {name}", []).append(rounded)
        if window.failures:
            say(f"{state.name}, {name}: {len(window.failures)} without an answer, the first: {window.failures[0]}")
    each = ", ".join(f"{name} {window.throughput:.1f}/s" for name, window in windows.items())
    say(f"{state.name}, round {number + 1}: {each}")


def _told(window: Window) -> dict[str, float]:
    return {
        "answers": len(window.latencies),
        "failures": len(window.failures),
        "throughput": window.throughput,
        "p50": percentile(window.latencies, 0.5),
        "p99": percentile(window.latencies, 0.99),
    }


def _pulse(serving: Serving, window: Window, began: float, ended: float) -> dict[str, float]:
    """Of a window, and of its round: what is exported after a window is part of what it costs.

    Raises:
        ServiceError: a worker is gone.
    """
    within, around = serving.pulses(window.began, window.ended), serving.pulses(began, ended)
    if len(within) != WORKERS or len(around) != WORKERS:
        raise serving.error(f"{len(around)} workers instead of {WORKERS} have a pulse.")
    cpu = sum(worker[-1].cpu - worker[0].cpu for worker in around)
    return {
        "cpu": 1e3 * cpu / max(1, len(window.latencies)),
        "resident_before": sum(worker[0].resident for worker in within) / WORKERS,
        "resident": sum(worker[-1].resident for worker in within) / WORKERS,
        "stall": max(pulse.stall for worker in within for pulse in worker[1:]),
        "waiting": max(pulse.waiting for worker in around for pulse in worker),
    }


def say(text: str) -> None:
    """Progress."""
    print(f"load: {text}", flush=True, file=sys.stderr)
