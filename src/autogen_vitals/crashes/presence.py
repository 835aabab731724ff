"""Which folders this process works in, so that others of its user learn of it: by locks that the kernel lets go of when
the process is gone, however it ends."""

from __future__ import annotations

import hashlib
import os
import stat
import sys
import time
from pathlib import Path

from autogen_vitals.crashes.mapped_file import MappedFile

if sys.platform != "win32":  # where there is no folder for the locks
    import fcntl

_FOLDER_LIMIT = 64
_TRIES = 3
_OLD_SECONDS = 3600
_LOOKED_AT = 1000
_FLAGS = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class Presence:
    """One lock file for each folder, in the folder of the exit records; its name is a hash of the folder's.

    Everybody holds a shared lock on it, through a mapping and not through a descriptor that might become the app's. Who
    cannot have it exclusively is not alone. Keeps ``_FOLDER_LIMIT`` locks, for the life of the process. A forked child
    has none of its parent's, see ``leave_after_fork``.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], object] = {}

    def enter(self, directory: Path, folder: str) -> bool:
        """Work in ``folder`` from now on.

        Args:
            directory: that of the exit records.
            folder: without symbolic links.

        Returns:
            Whether another process does already; only the first time it is asked.

        Raises:
            OSError: the lock file cannot be had.
        """
        key, mine = (str(directory), folder), object()
        is_first = not self._held
        # Before the lock is taken: another thread's would be taken for another process's.
        if len(self._held) >= _FOLDER_LIMIT or self._held.setdefault(key, mine) is not mine:
            return False
        if is_first:
            _remove_old(directory)
        name = hashlib.blake2b(folder.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()
        self._held[key], is_shared = _locked(directory / f"work-{name}.lock")
        return is_shared

    def leave_after_fork(self) -> None:
        """In a forked child: let go of the parent's locks, which the parent keeps."""
        held, self._held = self._held, {}
        for file in held.values():
            if isinstance(file, MappedFile):
                file.close_after_fork()


def _locked(path: Path) -> tuple[MappedFile, bool]:
    """The file, with a lock on it, and whether somebody else has one."""
    for _ in range(_TRIES):
        descriptor = os.open(path, _FLAGS | os.O_CREAT, 0o600)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
                raise PermissionError(f"{path.name} is somebody else's")
            if not status.st_size:
                os.write(descriptor, b"\n")  # nothing can be mapped of an empty file
            os.utime(descriptor)
            is_shared = _lock(descriptor)
            if _is_at(path, status):
                return MappedFile(descriptor, 1), is_shared
        finally:
            os.close(descriptor)
    raise BlockingIOError(f"{path.name} is removed again and again")


def _lock(descriptor: int) -> bool:
    """Take a shared lock; whether somebody else has one. Waits for nobody: others have it exclusively no longer than it
    takes to see that they can."""
    is_shared = not _take(descriptor, fcntl.LOCK_EX)
    # A conversion drops the old lock first, and so may fail.
    for _ in range(_TRIES):
        if _take(descriptor, fcntl.LOCK_SH):
            break
    return is_shared


def _take(descriptor: int, lock: int) -> bool:
    try:
        fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), status)
    except OSError:
        return False


def _remove_old(directory: Path) -> None:
    """Lock files that nobody has locked, of processes that are gone: a folder for each run would leave many."""
    with os.scandir(directory) as entries:
        found = [Path(entry.path) for entry, _ in zip(entries, range(_LOOKED_AT), strict=False) if _is_old(entry)]
    for path in found:
        try:
            descriptor = os.open(path, _FLAGS)
        except OSError:
            continue
        try:
            status = os.fstat(descriptor)
            if _take(descriptor, fcntl.LOCK_EX) and _is_at(path, status):
                os.unlink(path)
        except OSError:
            pass
        finally:
            os.close(descriptor)


def _is_old(entry: os.DirEntry[str]) -> bool:
    if not (entry.name.startswith("work-") and entry.name.endswith(".lock")):
        return False
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _OLD_SECONDS
