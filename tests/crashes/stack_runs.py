"""Pythons that have a stack file, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SOURCES = Path(__file__).parents[2] / "src"
PROLOGUE = """
import ctypes, faulthandler, os, resource, signal, sys, threading
from pathlib import Path
from autogen_vitals.crashes.native import StackFile
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
# As a shell leaves them, whatever runs the tests.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGTERM, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
path = Path(sys.argv[1])

def crash():
    ctypes.string_at(0)

def wait():
    print("waiting", flush=True)
    while True:
        signal.pause()
"""
OPEN = "stacks = StackFile.open(path)\n"
EXITS = "lambda *_: sys.exit(7)"


class Ended(NamedTuple):
    """How a process ended, and what it said."""

    status: int
    output: str
    errors: str


def run(path: Path, source: str, *numbers: int, wrapped: tuple[str, ...] = ()) -> Ended:
    """A Python that runs ``source``, is sent the signals once it waits, and ends."""
    # A Python that writes its stacks itself from its start on is another test.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV_"))}
    process = subprocess.Popen(
        [*wrapped, sys.executable, "-c", PROLOGUE + source, str(path)],
        env=kept | {"PYTHONPATH": str(SOURCES)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    first = process.stdout.readline() if numbers else ""
    for number in numbers:
        process.send_signal(number)
    output, errors = process.communicate(timeout=60)
    return Ended(process.returncode, first + output, errors)
