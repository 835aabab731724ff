"""The scenario as Prometheus would have seen it, had it taken an hour and not a minute."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path

import openmetrics
import prometheus
from scenario import Played

STRETCH = 60
"""A second of the scenario is a minute of the history: its processes export every second, those of real services every
minute, and boards and rules look at minutes and hours. Only when something happened is stretched, not how long it took:
a request of 0.1 s is one of 0.1 s, and what is measured in seconds per second is a sixtieth."""

END = datetime(2024, 6, 1, 1, 59, tzinfo=timezone.utc).timestamp()
"""When the steady time of the scenario is over: one block of Prometheus's, from midnight to two, has all before it."""


class Clock:
    """When something of the scenario has happened in the history."""

    def __init__(self, played: Played) -> None:
        self._end_ns = played.steady_ns[1]

    def at(self, time_ns: int) -> float:
        """A moment, in Unix seconds."""
        return END - (self._end_ns - time_ns) / 1e9 * STRETCH

    def begin(self, played: Played) -> float:
        """A moment before the first export."""
        return self.at(min(point.time_ns for point in played.arrived.points)) - STRETCH


def write(played: Played, folder: Path) -> None:
    """A data folder with everything that was exported until the end."""
    points = (point for point in played.arrived.points if point.time_ns <= played.steady_ns[1])
    prometheus.write_history(openmetrics.exposition(points, Clock(played).at), folder)


def serve(written: Path, folder: Path) -> prometheus.Prometheus:
    """A server on a copy: it locks its folder."""
    shutil.copytree(written, folder)
    return prometheus.Prometheus(folder)
