"""Processes that a command leaves behind when it ends."""

from __future__ import annotations

import os
import time
from pathlib import Path

from autogen_vitals.environment_variables import AUTOGEN_VITALS_ATTACHED

_GRACE_SECONDS = 1.0
_PAUSE_SECONDS = 0.05
_TOLD = 5
_HELPER = b"multiprocessing.resource_tracker"
"""Ends by itself, when those that it serves have ended."""


def leave_behind(endpoint: str) -> tuple[str, ...]:
    """Wait a moment for processes that are about to end as well; what is to be said of those that do not.

    Args:
        endpoint: by which they are known, for they have inherited it.
    """
    deadline = time.monotonic() + _GRACE_SECONDS
    while (left := _attached_to(endpoint)) and time.monotonic() < deadline:
        time.sleep(_PAUSE_SECONDS)
    if not left:
        return ()
    told = ", ".join(map(str, left[:_TOLD])) + (", …" if len(left) > _TOLD else "")
    many = "es" if len(left) > 1 else ""
    sentence = (
        f"The command has ended and left {len(left)} process{many} running ({told}); what is done there from then on "
        "is not in this recording. To watch a service that puts itself into the background, keep it in the foreground."
    )
    return (sentence,)


def _attached_to(endpoint: str) -> list[int]:
    mark = f"{AUTOGEN_VITALS_ATTACHED}={endpoint}".encode()
    found: list[int] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            # That of a zombie is empty.
            if int(process.name) == os.getpid() or _HELPER in (process / "cmdline").read_bytes():
                continue
            if mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
        except OSError:
            # Gone, or somebody else's.
            continue
    return sorted(found)
