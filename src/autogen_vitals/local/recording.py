"""What was recorded of one run of a command: what it was, and all that its processes told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autogen_vitals.local.otlp import ReceivedLog, ReceivedPoint, ReceivedSpan

DIRECTORY = Path(".autogen-vitals")
"""Of all runs, in the directory that they are started in."""


@dataclass(frozen=True)
class Run:
    """One run of a command.

    Attributes:
        id: its name, such as ``20261129-091233-uvicorn``.
        command: with its arguments.
        directory: where it was run.
        started_ns, ended_ns: nanoseconds since the epoch; ``ended_ns`` is 0 where the recording was cut off.
        exit_code: what it ended with; ``None`` where a signal ended it, or the recording was cut off.
        signal: the signal that ended it, such as ``SIGKILL``; empty where none did.
        versions: of what matters: ``python``, ``autogen-vitals``.
        losses: what was not kept, and why, a sentence each; empty when nothing was lost.
    """

    id: str
    command: tuple[str, ...]
    directory: str
    started_ns: int
    ended_ns: int = 0
    exit_code: int | None = None
    signal: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    losses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recording:
    """A run and what its processes told: spans and events in order of arrival, of each series of points the newest."""

    run: Run
    spans: tuple[ReceivedSpan, ...]
    points: tuple[ReceivedPoint, ...]
    logs: tuple[ReceivedLog, ...]
