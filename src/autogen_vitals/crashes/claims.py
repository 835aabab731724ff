"""Exit records of others: whose process is dead, and who reports it.

A record is claimed by its lock, which its process held while it lived. A reporter that is killed loses the lock with
its life, and leaves the record to the next one.
"""

from __future__ import annotations

import os
import re
import stat
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType

from autogen_vitals.crashes.files import is_alive
from autogen_vitals.crashes.layout import read
from autogen_vitals.crashes.native import read_stack
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.crashes.reports import Identity, LastWords
from autogen_vitals.records import replace

if sys.platform != "win32":  # where open_state_dir refuses before it is missed
    import fcntl

LOOK_LIMIT = 1000
"""Files that one call looks at."""
_NAME_LIMIT = 10_000
_PEEKS = 8

_STEM = r"(?P<group>[0-9a-f]{12})-(?P<pid>[0-9]+)-[0-9a-f]{8}"
_RECORD = _STEM + r"\.exit"
_STACK = _STEM + r"\.stack"
_UNFINISHED = r"\.[0-9a-f-]{12,64}\.new"
_FORGOTTEN_S = 7 * 24 * 3600
_UNFINISHED_S = 3600


class Claim:
    """The record of a dead process, which nobody else can claim meanwhile.

    As a context manager it is released at the end unless it is done.

    Attributes:
        words: what it says.
        path: of its file.
    """

    def __init__(self, lock: _Lock, path: Path, words: LastWords) -> None:
        self._lock = lock
        self.path = path
        self.words = words

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()

    def done(self) -> None:
        """It has been reported: remove it, and its stack file."""
        if not self._lock.is_held:
            return
        try:
            os.unlink(self.path)
        except OSError:
            # The folder has become read-only. What is empty is not reported again.
            os.ftruncate(self._lock.descriptor, 0)
        finally:
            _remove(self.path.with_suffix(".stack"))
            self._lock.release()

    def told_in_place_of(self) -> None:
        """It has been reported though its supervisor lives, which may still hear of its end: leave a sign, see
        ``was_told``."""
        if self._lock.is_held:
            os.ftruncate(self._lock.descriptor, 0)
            _remove(self.path.with_suffix(".stack"))
            self._lock.release()

    def release(self) -> None:
        """It has not: leave it to whoever comes next. Does nothing once it is done or released."""
        self._lock.release()


class _Lock:
    """An open file that this process has locked, or is about to."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._status = os.fstat(descriptor)
        _held.add(self)

    @property
    def is_held(self) -> bool:
        """Not released, and not closed by an app that closes all descriptors, whose own the number is since."""
        try:
            return self in _held and os.path.samestat(self._status, os.fstat(self.descriptor))
        except OSError:
            return False

    def release(self) -> None:
        """Unlock and close it. A child that was forked since it was opened may have it too: closing is not enough."""
        if self.is_held:
            fcntl.flock(self.descriptor, fcntl.LOCK_UN)
            self.close()

    def close(self) -> None:
        """In a forked child: leave the lock to the parent."""
        is_held = self.is_held
        _held.discard(self)
        if is_held:
            os.close(self.descriptor)


_held: set[_Lock] = set()
"""Bounded by who iterates over dead()."""


def _let_go() -> None:
    # A forked worker would hold its supervisor's claims after the supervisor's death.
    for lock in list(_held):
        lock.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def dead(directory: Path, group: str, *, pid: int | None = None) -> Iterator[Claim]:
    """Claim the records of dead processes, one after another; then remove what nobody will ever report.

    Args:
        directory: from ``open_state_dir``.
        group: of the service whose processes they are.
        pid: of the only one that is looked for; then nothing is removed.

    Raises:
        OSError: the folder cannot be read.
    """
    namespace = pid_namespace()
    wanted: list[Path] = []
    others: list[Path] = []
    for path in _paths(directory):
        match = _match(_RECORD, path)
        if match is not None and match["group"] == group and pid in (None, int(match["pid"])):
            wanted.append(path)
        elif pid is None:
            others.append(path)
    for path in wanted[:LOOK_LIMIT]:
        claim = _claim(path, namespace)
        if claim is not None:
            yield claim
    for path in others[: max(0, LOOK_LIMIT - len(wanted))]:
        _sweep(path)


def was_told(directory: Path, group: str, pid: int) -> bool:
    """Whether somebody else has reported the end of this process, in place of its supervisor; the sign is taken away.

    Raises:
        OSError: the folder cannot be read.
    """
    signs = [path for path in records_of(directory, group, pid) if _is_empty(path)]
    for path in signs:
        _remove(path)
    return bool(signs)


def records_of(directory: Path, group: str, pid: int) -> list[Path]:
    """The records of all processes that had this number, whatever has become of them."""
    return list(directory.glob(f"{group}-{pid}-*.exit"))


def supervised(directory: Path, group: str, identity: Identity) -> bool:
    """Whether the process that waits for ``identity`` lives, and says of itself that it waits for children.

    Raises:
        OSError: the folder cannot be read.
    """
    namespace = pid_namespace()
    parent = (identity.parent_pid, identity.parent_start_ticks)
    if not namespace or identity.pid_namespace != namespace or not is_alive(*parent):
        return False
    for path in _paths(directory):
        match = _match(_RECORD, path)
        if match is None or match["group"] != group or int(match["pid"]) != identity.parent_pid:
            continue
        words = _peek(path)
        if words is None or not words.supervises:
            continue
        found = words.identity
        if (found.pid, found.start_ticks) == parent and found.pid_namespace == namespace:
            return True
    return False


def living(directory: Path, group: str) -> list[LastWords]:
    """What the records of this group say whose processes are alive, in the pid namespace of this one.

    Raises:
        OSError: the folder cannot be read.
    """
    namespace = pid_namespace()
    found: list[LastWords] = []
    for path in _paths(directory):
        match = _match(_RECORD, path)
        words = _peek(path) if match is not None and match["group"] == group else None
        if words is None or not namespace or words.identity.pid_namespace != namespace:
            continue
        if is_alive(words.identity.pid, words.identity.start_ticks):
            found.append(words)
    return found


def pid_namespace() -> str:
    """The name of this process's; empty: unknown."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


# --- files ----------------------------------------------------------------------------------------------------------


def _paths(directory: Path) -> list[Path]:
    """The files of the folder, from another one on each time: where there are too many, each has its turn."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in islice(entries, _NAME_LIMIT)]
    start = int.from_bytes(os.urandom(4), "little") % max(1, len(names))
    return [directory / name for name in names[start:] + names[:start]]


def _open(path: Path) -> int | None:
    """A descriptor of the file, if it is one, and this user's; never of what a link leads to."""
    try:
        # Looked at first: opening a device may do something.
        if not _is_own(os.lstat(path)):
            return None
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    if _is_own(os.fstat(descriptor)):
        return descriptor
    os.close(descriptor)
    return None


def _is_own(status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid()


def _lock(path: Path) -> _Lock | None:
    """The file's lock, unless somebody has it, or had it and has removed the file since."""
    descriptor = _open(path)
    if descriptor is None:
        return None
    lock = _Lock(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(descriptor), os.lstat(path)):
            return lock
    except OSError:
        pass
    lock.release()
    return None


def _peek(path: Path) -> LastWords | None:
    """What the record of a living process says."""
    descriptor = _open(path)
    if descriptor is None:
        return None
    words = None
    for _ in range(_PEEKS):
        # It is written meanwhile: both halves may have been in the middle of that when they were read.
        words = words or _read(descriptor)
    os.close(descriptor)
    return words


def _claim(path: Path, namespace: str) -> Claim | None:
    lock = _lock(path)
    if lock is None:
        return None
    words = _read(lock.descriptor)
    if words is None:
        if _age_s(lock.descriptor) > _FORGOTTEN_S:
            _remove(path)
    elif words.identity.pid_namespace != namespace or not is_alive(words.identity.pid, words.identity.start_ticks):
        stack, stop_seen = read_stack(path.with_suffix(".stack"))
        return Claim(lock, path, replace(words, stack=stack, stop_seen=stop_seen))
    lock.release()
    return None


def _sweep(path: Path) -> None:
    """Remove what was never finished, and what another service has left for so long that it will not come back."""
    unfinished = _match(_UNFINISHED, path)
    if unfinished:
        limit_s = _UNFINISHED_S
    elif _match(_RECORD, path) or (_match(_STACK, path) and not path.with_suffix(".exit").exists()):
        limit_s = _FORGOTTEN_S
    else:
        return
    # Without a lock at first: somebody may be about to claim it. A mapping that is written to does not make the file
    # newer on each file system.
    if not _is_older(path, limit_s):
        return
    lock = _lock(path)
    if lock is None:
        return
    if unfinished or _age_s(lock.descriptor) > limit_s:
        _remove(path)
        _remove(path.with_suffix(".stack"))
    lock.release()


def _is_empty(path: Path) -> bool:
    try:
        return os.lstat(path).st_size == 0
    except OSError:
        return False


def _match(pattern: str, path: Path) -> re.Match[str] | None:
    return compiled(pattern).fullmatch(path.name)


def _is_older(path: Path, limit_s: int) -> bool:
    try:
        return time.time() - os.lstat(path).st_mtime > limit_s
    except OSError:
        return False


def _age_s(descriptor: int) -> float:
    """Since its last heartbeat; of what has none since its last change."""
    words = _read(descriptor)
    return time.time() - (os.fstat(descriptor).st_mtime if words is None else words.heartbeat_ns / 1e9)


def _read(descriptor: int) -> LastWords | None:
    try:
        return read(descriptor)
    except OSError:
        return None


def _remove(path: Path) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
