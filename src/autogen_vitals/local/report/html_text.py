"""Numbers, moments and names as a page has them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from pathlib import PurePath

from markupsafe import Markup, escape

from autogen_vitals.local.recording import Run

UNKNOWN = "\N{EN DASH}"

_SPACE = "\N{NO-BREAK SPACE}"
_JOINTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[._/:])(?=\w)")


def command_of(run: Run) -> str:
    """A command as it would be typed, its program without the folder that it is in."""
    program, *arguments = run.command or ("",)
    return " ".join((PurePath(program).name, *arguments))


def milliseconds(ms: float | None) -> str:
    """Whole milliseconds; of what is below ten, a tenth; a dash where it is not known."""
    if ms is None:
        return UNKNOWN
    return f"{ms:,.0f}" if ms >= 9.95 or ms == 0 else "< 0.1" if ms < 0.05 else f"{ms:.1f}"


def whole(number: float | None) -> str:
    """Without decimals; a dash where it is not known."""
    return UNKNOWN if number is None else f"{number:,.0f}"


def duration(ms: float | None) -> str:
    """With its unit, from which no line break parts it: ``540 ms``, ``6.9 s``, ``3 min 5 s``."""
    if ms is None:
        return UNKNOWN
    if ms < 999.5:
        return f"{milliseconds(ms)}{_SPACE}ms"
    if ms < 119_950:
        return f"{ms / 1000:.1f}{_SPACE}s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes:,}{_SPACE}min {seconds}{_SPACE}s"


def percent(part: float) -> str:
    """Of a whole that is 1, without decimals."""
    return "< 1%" if 0 < part < 0.005 else f"{part:.0%}"


def utc(nanoseconds: int) -> str:
    """A moment: ``2026-11-29 09:12:33 UTC``; empty where it is not known."""
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, timezone.utc):%Y-%m-%d %H:%M:%S} UTC" if nanoseconds else ""


def since(nanoseconds: int, run: Run) -> str:
    """A moment, from the beginning of the run on: ``+3.2 s``; a dash where it is not known."""
    return f"{(nanoseconds - run.started_ns) / 1e9:+,.1f} s" if nanoseconds else UNKNOWN


def short_name(function: str) -> str:
    """A function as a reader calls it: without its module."""
    return "" if function in ("", "<module>") else function.rpartition(".")[2]


def breakable(name: str) -> Markup:
    """A long name that may be parted where its words meet, and is copied as it is: ``Open<wbr>AIChat<wbr>Client``."""
    return Markup("<wbr>").join(escape(part) for part in _JOINTS.split(name))
