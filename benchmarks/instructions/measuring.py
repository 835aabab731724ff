"""Runs the probes under callgrind and reads what they have counted.

Why callgrind: the kernel's own counter (``perf stat -e instructions:u``) is not to be had in most containers and
virtual machines, and a count of bytecode instructions does not see what one of them does, such as the copy of a
dictionary.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_HERE = Path(__file__).parent
_CACHE = _HERE.parents[1] / ".cache" / "system" / "bin"
_TIMEOUT = 300
PROBES = ("no_sdk", "sdk")

Counts = dict[str, dict[str, dict[str, int]]]
"""Probe → operation → way → instructions of one."""


class CannotCount(Exception):
    """Instructions cannot be counted here; the message says why."""


def valgrind() -> str:
    """The path of valgrind.

    Raises:
        CannotCount: there is none that works.
    """
    for path in (str(_CACHE / "valgrind"), shutil.which("valgrind")):
        if path and _works(path):
            return path
    raise CannotCount("needs valgrind: on PATH, or unpacked by scripts/system-tools, which says why it is not there")


def _works(path: str) -> bool:
    command = [path, "--tool=callgrind", "--callgrind-out-file=/dev/null", "true"]
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except OSError:
        return False


def measure(mutation: str = "", operations: tuple[str, ...] = (), probes: tuple[str, ...] = PROBES) -> Counts:
    """Instructions of each operation, or of those that are named, with a mutation of the hot path if one is.

    Raises:
        CannotCount: a probe has failed; the message has its last words.
    """
    program = valgrind()
    with ThreadPoolExecutor() as pool:
        counted = pool.map(lambda probe: _probed(program, [probe, mutation, *operations]), probes)
        return dict(zip(probes, counted, strict=True))


def _probed(program: str, arguments: list[str]) -> dict[str, dict[str, int]]:
    with tempfile.TemporaryDirectory() as folder:
        command = [program, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/counted"]
        done = subprocess.run(
            [*command, sys.executable, str(_HERE / "probe.py"), *arguments],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            # Nothing of this shell's may change what is done, or where names are in memory.
            env={"PYTHONHASHSEED": "0", "PATH": os.defpath, "HOME": folder, "LANG": "C.UTF-8"},
        )
        if done.returncode != 0:
            raise CannotCount(f"the probe {arguments[0]} failed:\n{done.stderr[-2000:]}")
        return _per_operation(_dumps(Path(folder)))


_TRIGGER = re.compile(r"^desc: Trigger: Client Request: (.+)$", re.MULTILINE)
_TOTAL = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


def _dumps(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for file in sorted(folder.glob("counted.*"), key=lambda file: int(file.suffix[1:] or 0)):
        text = file.read_text(errors="replace")
        trigger, total = _TRIGGER.search(text), _TOTAL.search(text)
        if trigger is not None and total is not None:
            found[trigger[1]] = int(total[1])
    return found


def _per_operation(dumps: dict[str, int]) -> dict[str, dict[str, int]]:
    """Of one: what so many more of them take, so that what is done once for all of them is not counted."""
    counts: dict[str, dict[str, dict[int, int]]] = {}
    for name, total in dumps.items():
        way, operation, times = name.split("/")
        counts.setdefault(operation, {}).setdefault(way, {})[int(times)] = total
    return {
        operation: {
            way: round((found[max(found)] - found[min(found)]) / (max(found) - min(found)))
            for way, found in ways.items()
        }
        for operation, ways in counts.items()
    }
