"""The runs that there are, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console

from autogen_vitals.local.recording import Run
from autogen_vitals.local.report.tables import cut, figure, table

_COMMAND = 60


def show_runs(runs: Sequence[Run], console: Console) -> None:
    """Print them, the newest last; what to do where there are none."""
    if not runs:
        console.print("There are no runs here. To record one: autogen-vitals run -- <your command>", highlight=False)
        return
    made = table("run", "began", "s", "ended")
    made.columns[0].no_wrap = True
    made.add_column("command", overflow="fold")
    for run in runs:
        seconds = (run.ended_ns - run.started_ns) / 1e9 if run.ended_ns else None
        ended = run.signal or ("cut off" if run.exit_code is None else f"exit {run.exit_code}")
        began = datetime.fromtimestamp(run.started_ns / 1e9).astimezone()
        made.add_row(run.id, f"{began:%m-%d %H:%M}", figure(seconds, 1), ended, cut(" ".join(run.command), _COMMAND))
    console.print(made, highlight=False)
