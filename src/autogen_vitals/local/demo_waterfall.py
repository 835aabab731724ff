"""The demo's cold starts, in the terminal: a waterfall of stages for each worker, and what the first request took."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from autogen_vitals.local.demo_startup import ColdStarts
from autogen_vitals.local.report.waterfall import LEGEND, print_waterfall


def show_cold_starts(as_it_is: ColdStarts, warmed_up: ColdStarts, console: Console) -> None:
    """Print the waterfalls of the app without and with ``warm_up``, and what that comes to."""
    # One scale for all: a bar that is longer took longer.
    longest_ms = max((worker.total_ms for worker in (*as_it_is.workers, *warmed_up.workers)), default=0.0)
    for heading, starts in (
        ("Cold start without warm_up", as_it_is),
        ("Cold start with warm_up in the lifespan", warmed_up),
    ):
        if starts.workers:
            console.print()
            console.print(Text(heading, style="bold"))
            print_waterfall(starts.workers, longest_ms, console)
    if longest_ms:
        console.print()
        console.print(Text(LEGEND, style="dim"))
    if as_it_is.workers and warmed_up.workers:
        console.print()
        console.print(Panel(comparison(as_it_is, warmed_up), title="First request", border_style="green"))


def comparison(as_it_is: ColdStarts, warmed_up: ColdStarts) -> str:
    """What a worker's first request takes without and with ``warm_up``, against a warm one, and what that costs."""
    warm = (*as_it_is.warm_ms, *warmed_up.warm_ms)
    warm_up = [worker.warm_up_ms for worker in warmed_up.workers if worker.warm_up_ms is not None]
    text = (
        f"The first request of a worker took {_listed(_first_requests(as_it_is))} without "
        f"warm_up, {_listed(_first_requests(warmed_up))} with it"
    )
    if warm:
        text += f"; a warm request takes {median(warm):,.0f} ms (median of {len(warm)})"
    text += ". The wait for the model is in all of them."
    if warm_up:
        text += f" warm_up itself took {_listed(warm_up)}, before the worker was ready."
    return text


def _first_requests(starts: ColdStarts) -> list[float]:
    return [worker.first_request_ms or 0.0 for worker in starts.workers]


def _listed(milliseconds: Iterable[float]) -> str:
    *others, last = [f"{ms:,.0f}" for ms in milliseconds]
    return f"{', '.join(others)} and {last} ms" if others else f"{last} ms"
