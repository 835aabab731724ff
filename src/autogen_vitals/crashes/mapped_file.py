"""A small file that is locked for as long as it is mapped, and written through the mapping only.

The mapping itself holds the lock, on Linux: an app that closes all descriptors takes nothing from it. No descriptor of
ours is ever written to: its number may be the app's by then.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from autogen_vitals.crashes.files import file_of

if TYPE_CHECKING:
    import mmap

if sys.platform != "win32":  # where open_state_dir refuses before it is missed
    import fcntl

_spared: list[mmap.mmap] = []
"""Mappings that must not be closed, see MappedFile.close; one a process, if any."""


class MappedFile:
    """The mapping, and which file it is.

    Attributes:
        mapping: of the whole file, shared.
    """

    __slots__ = ("_descriptor", "_file", "mapping")

    def __init__(self, descriptor: int, size: int) -> None:
        # Here, for not every process is of interest.
        import mmap

        self._file = file_of(descriptor)
        self._descriptor: int | None = None
        if sys.version_info >= (3, 13):
            self.mapping = mmap.mmap(descriptor, size, trackfd=False)
        else:
            self.mapping = mmap.mmap(descriptor, size)
            self._descriptor = _duplicate_of(descriptor)

    @classmethod
    def create(cls, path: Path, content: bytes | bytearray) -> MappedFile:
        """A new file of mode 0600, locked, filled, and mapped.

        Raises:
            OSError: it is there, or cannot be made, locked, filled or mapped. Nothing is left behind then.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(descriptor, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A hole would have its blocks when the mapping is written, or SIGBUS where there are none left.
            written = 0
            while written < len(content):
                written += os.write(descriptor, content[written:])
            return cls(descriptor, len(content))
        except BaseException:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Unmap it, and with that unlock it unless another process has it mapped.

        Before Python 3.13 the mapping closes a descriptor that it keeps. Where that number is the app's by now, it
        stays mapped: a close would also drop the app's locks on its file.
        """
        if self._is_taken():
            _spared.append(self.mapping)
        else:
            self.mapping.close()

    def close_after_fork(self) -> None:
        """Unmap it in the forked child, whatever its descriptor has become.

        Called while the child has one thread, and no lock on any file.
        """
        if self._descriptor is None or not self._is_taken():
            self.mapping.close()
            return
        inheritable = os.get_inheritable(self._descriptor)
        theirs = fcntl.fcntl(self._descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
        self.mapping.close()
        os.dup2(theirs, self._descriptor, inheritable)
        os.close(theirs)

    def _is_taken(self) -> bool:
        """Whether the number of its descriptor is another file's."""
        return self._descriptor is not None and file_of(self._descriptor) not in (None, self._file)


def _duplicate_of(descriptor: int) -> int | None:
    """The one that the mapping has made of it."""
    file = file_of(descriptor)
    for name in os.listdir("/proc/self/fd"):
        if int(name) != descriptor and file_of(int(name)) == file:
            return int(name)
    return None
