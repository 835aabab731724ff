"""Which file, and which process, a number means right now: numbers are used again."""

from __future__ import annotations

import os

FileIdentity = tuple[int, int]
"""Device and inode."""


def file_of(descriptor: int) -> FileIdentity | None:
    """The file behind a descriptor; ``None`` where it is not open."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def has_ended(pid: int) -> bool | None:
    """Whether the process of that number has ended, and only waits to be waited for; ``None``: there is none."""
    fields = _fields(pid)
    return None if fields is None else fields[0] in (b"Z", b"X")


def start_ticks(pid: int) -> int:
    """When the kernel made the process, in clock ticks since boot; 0 where it does not tell."""
    fields = _fields(pid)
    return 0 if fields is None else int(fields[19])


def is_alive(pid: int, ticks: int) -> bool:
    """Whether a process exists and has not ended; its parent may still have to be told.

    Args:
        pid: in this pid namespace.
        ticks: its ``start_ticks``; 0: unknown, then any process of that number is it.
    """
    fields = _fields(pid)
    return fields is not None and fields[0] not in (b"Z", b"X") and ticks in (0, int(fields[19]))


def _fields(pid: int) -> list[bytes] | None:
    """What ``/proc/<pid>/stat`` says, from the state on."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field, the command's name, may contain spaces and parentheses.
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return fields if len(fields) > 19 and fields[19].isdigit() else None
