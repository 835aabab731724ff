"""The stack of a native crash, and that the process was asked to stop: what ``faulthandler`` can still write then.

``faulthandler`` exists once in a process and belongs to the app: what the app uses of it is left alone, before and
afterwards. It keeps the file that it was given alive, and hence a weak reference tells whether it still has ours.

What it has installed is never taken back: that would set the actions of then over whatever the app, its server or a
native library has set since. What it writes leads nowhere instead. Linux only.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import stat
import sys
import threading
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autogen_vitals.crashes.files import file_of
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.guard import guarded

_CREATE = (
    os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
)
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_FATAL_SIGNALS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, getattr(signal, "SIGBUS", 7))
_LOWEST_DESCRIPTORS = (700, 200, 100)
_READ_LIMIT = 262_144
_LINE_LIMIT = 40
_TEXT_LIMIT = 8192

_FATAL = r"(?m)^Fatal Python error: [^\n]{1,200}"
_FRAME = r"(?m)^  (File \"[^\n]{1,1100}\", line (?:\d{1,9}|\?\?\?) in [^\n]{1,600})$"


class _Target:
    """What ``faulthandler`` is given for a file."""

    __slots__ = ("__weakref__", "_descriptor")

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def fileno(self) -> int:
        """As of a file."""
        return self._descriptor

    def flush(self) -> None:
        """Nothing is held back."""


class StackFile:
    """A file that the stack goes to when a native crash, or a signal to stop, ends this process.

    Signals to stop are watched only while they have their default action, below Python: the exit status stays what it
    would have been, ``signal.getsignal`` answers what it would have answered, and a handler that the app sets simply
    takes the place of ours.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor
        self._file = file_of(descriptor)
        self._crashes: weakref.ref[_Target] | None = None
        self._stops: dict[int, weakref.ref[_Target]] = {}

    @classmethod
    def open(cls, path: Path) -> StackFile | None:
        """Create the file at ``path`` and write to it from now on.

        ``None`` where nothing could be written, be it that the app uses ``faulthandler`` itself and handles its
        signals, or that the file cannot be created. Never raises.
        """
        return _open(path)

    def watch(self, *, crashes: bool, stops: Iterable[int]) -> None:
        """Have stacks written; where ``faulthandler`` has been at it already, it only gets another file.

        Args:
            crashes: of native crashes.
            stops: when one of these signals arrives.
        """
        if crashes:
            target = _Target(self._descriptor)
            # The stack of a crash in C would be unwound by what may be broken: Python's own is enough.
            more: dict[str, Any] = {"c_stack": False} if sys.version_info >= (3, 14) else {}
            faulthandler.enable(file=target, all_threads=False, **more)
            self._crashes = weakref.ref(target)
        for number in stops:
            target = _Target(self._descriptor)
            faulthandler.register(number, file=target, all_threads=False, chain=True)
            self._stops[number] = weakref.ref(target)

    @property
    def crashes(self) -> bool:
        """Whether it is here that stacks of native crashes go to."""
        return self._crashes is not None and self._crashes() is not None and faulthandler.is_enabled()

    @property
    def stops(self) -> list[int]:
        """The signals to stop whose stacks go to here."""
        return [number for number, target in self._stops.items() if target() is not None]

    @guarded
    def abandon(self) -> None:
        """In a forked child: write no more into what is the parent's."""
        self._lead_nowhere()

    @guarded
    def close(self) -> None:
        """Write no more, and remove the file."""
        self._lead_nowhere()
        self._path.unlink(missing_ok=True)

    @guarded
    def forget(self) -> None:
        """Let go of the descriptor, when nothing is written to it any more."""
        descriptor, self._descriptor = self._descriptor, -1
        if self._is_ours(descriptor):
            os.close(descriptor)

    def _lead_nowhere(self) -> None:
        global _left
        _left = self
        if self._is_ours(self._descriptor):
            nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
            os.dup2(nowhere, self._descriptor, inheritable=False)
            os.close(nowhere)
            self._file = file_of(self._descriptor)

    def _is_ours(self, descriptor: int) -> bool:
        # The app may have closed it and have got the number for something else.
        return descriptor >= 0 and self._file is not None and file_of(descriptor) == self._file


_left: StackFile | None = None
"""The one before, which leads nowhere; in a forked child the parent's. What ``faulthandler`` has of it is ours."""


@guarded
def _open(path: Path) -> StackFile | None:
    global _left
    if sys.platform != "linux":
        return None
    before = _left
    caught = _caught()
    crashes = _uncaught(_FATAL_SIGNALS, caught) and not faulthandler.is_enabled()
    stops = [number for number in _unhandled() if _uncaught((number,), caught)]
    if before is not None:
        crashes, stops = crashes or before.crashes, [*before.stops, *stops]
    if not crashes and not stops:
        return None
    try:
        descriptor = os.open(path, _CREATE, 0o600)
    except OSError:
        return None
    file = StackFile(path, _moved_up(descriptor))
    try:
        file.watch(crashes=crashes, stops=stops)
    except BaseException:
        file.close()
        raise
    if before is not None:
        before.forget()
    _left = None
    return file


def _unhandled() -> list[int]:
    """Signals to stop that Python does not handle; none on a thread that may not ask for it."""
    if threading.current_thread() is not threading.main_thread():
        return []
    return [
        number
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
        if signal.getsignal(number) is signal.SIG_DFL
    ]


def _uncaught(numbers: Iterable[int], caught: int) -> bool:
    # By nothing below Python either: a native library, or the app's own faulthandler.register.
    return not any(caught >> (number - 1) & 1 for number in numbers)


def _caught() -> int:
    """The signals that have a handler, as the kernel knows it: bit 0 is signal 1."""
    with open("/proc/self/status", "rb") as status:
        for line in status:
            if line.startswith(b"SigCgt:"):
                return int(line[7:], 16)
    return -1


def _moved_up(descriptor: int) -> int:
    """The file under a high number: apps close the low ones, and what is opened next must not get a stack."""
    import fcntl

    for lowest in _LOWEST_DESCRIPTORS:
        try:
            high = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, lowest)
        except OSError:
            # Above what the process may have.
            continue
        os.close(descriptor)
        return high
    return descriptor


def read_stack(path: Path) -> tuple[str, bool]:
    """What a process left in its stack file. Never raises.

    Returns:
        Of a native crash its error and its frames, the innermost first, a line each, up to 40 lines and 8 KiB; else
        empty. And whether a signal to stop had arrived.
    """
    content = _content(path) or ""
    fatal = compiled(_FATAL).search(content)
    end = len(content) if fatal is None else fatal.start()
    stop_seen = bool(content[:end].strip())
    if fatal is None:
        return "", stop_seen
    lines = [fatal[0], *(frame[1] for frame in compiled(_FRAME).finditer(content, fatal.end()))]
    return _cut(lines[:_LINE_LIMIT]), stop_seen


@guarded
def _content(path: Path) -> str:
    try:
        descriptor = os.open(path, _READ)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return file.read(_READ_LIMIT).decode("ascii", "replace")


def _cut(lines: list[str]) -> str:
    while sum(map(len, lines)) + len(lines) > _TEXT_LIMIT:
        lines.pop()
    return "\n".join(lines)
