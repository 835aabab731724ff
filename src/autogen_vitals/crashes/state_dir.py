"""The folder of the exit records: which one will do."""

from __future__ import annotations

import errno
import os
import stat
import sys
import uuid
from pathlib import Path

from autogen_vitals.crashes.layout import blank
from autogen_vitals.crashes.mapped_file import MappedFile

SHARED_MEMORY = "/dev/shm"
_PRIVATE = 0o700


def open_state_dir(given: str) -> Path:
    """The folder for exit records, made if it is not there.

    Args:
        given: by the user, who may have several users or machines share it; empty: the first that will do of
            $XDG_RUNTIME_DIR, /dev/shm and the folder for temporary files, and there a folder of this user's own.

    Returns:
        Its absolute path.

    Raises:
        OSError: none will do; its ``strerror`` says why.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOTSUP, "exit records need Linux")
    if given:
        folder = Path(os.path.abspath(given))
        _open_shared(folder)
        return folder
    refusals: list[str] = []
    for folder in _candidates():
        try:
            _open_own(folder)
        except OSError as error:
            refusals.append(str(error))
        else:
            return folder
    raise OSError(errno.ENOENT, "no folder will do: " + "; ".join(refusals))


def _candidates() -> list[Path]:
    # Imported here: it brings half a dozen modules, which are rarely needed.
    from tempfile import gettempdir

    own = f"autogen-vitals-{os.geteuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    # As the XDG specification has it, one that is not absolute is to be ignored.
    first = [Path(runtime, "autogen-vitals")] if os.path.isabs(runtime) else []
    try:
        last = [Path(gettempdir(), own)]
    except OSError:
        last = []
    return [*first, Path(SHARED_MEMORY, own), *last]


def _open_own(folder: Path) -> None:
    """Make it, or make it private, unless somebody else did."""
    try:
        os.mkdir(folder, _PRIVATE)
    except FileExistsError:
        pass
    # Of what is looked at here the mode is changed, whatever the path leads to by then; O_PATH opens a folder of any
    # mode, so whatever the umask has left of it.
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        status = os.fstat(handle)
        if status.st_uid != os.geteuid():
            raise PermissionError(errno.EACCES, f"belongs to user {status.st_uid}", str(folder))
        if stat.S_IMODE(status.st_mode) != _PRIVATE:
            os.chmod(f"/proc/self/fd/{handle}", _PRIVATE)
    finally:
        os.close(handle)
    _try(folder)


def _open_shared(folder: Path) -> None:
    """Make it where it is missing. One that is there stays as it is, whoever it belongs to."""
    missing = [parent for parent in (folder, *folder.parents) if not os.path.lexists(parent)]
    for parent in reversed(missing):
        try:
            os.mkdir(parent, _PRIVATE)
            os.chmod(parent, _PRIVATE)  # whatever the umask
        except FileExistsError:
            # Another process makes it too.
            pass
    mode = os.lstat(folder).st_mode
    if not stat.S_ISDIR(mode):
        raise NotADirectoryError(errno.ENOTDIR, "is not a folder", str(folder))
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        # As the mount of an emptyDir is.
        reason = "everybody may remove the files of others there, give a folder inside it"
        raise PermissionError(errno.EACCES, reason, str(folder))
    _try(folder)


def _try(folder: Path) -> None:
    """Do there what a record needs: an exclusive file, a lock, room, a shared mapping."""
    path = folder / f".{uuid.uuid4().hex[:12]}.new"
    file = MappedFile.create(path, blank())
    file.close()
    os.unlink(path)
