"""The command as a child process that cannot tell that it is one: its output, its signals, its end."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

_FORWARDED = frozenset(
    getattr(signal, name)
    for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU", "SIGWINCH")
    if hasattr(signal, name)
)
_TERMINAL = frozenset({signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGWINCH, signal.SIGTTIN, signal.SIGTTOU})
_SI_USER_AT_MOST = 0
"""Codes above zero are the kernel's: the terminal has sent it, to the command as well."""

_POLL_SECONDS = 0.2
_PR_SET_PDEATHSIG = 1


class CannotStart(Exception):
    """The command cannot be run; ``code`` is what a shell would exit with."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class End:
    """How the command ended: ``code``, or the number of the signal that ended it."""

    code: int | None
    signal: int | None

    @property
    def signal_name(self) -> str:
        """Such as ``SIGKILL``; empty where there was none."""
        if self.signal is None:
            return ""
        try:
            return signal.Signals(self.signal).name
        except ValueError:
            return f"signal {self.signal}"


@contextmanager
def signals_held() -> Generator[set[Any], None, None]:
    """Let the signals that a command is to get wait until somebody takes them; what was blocked before is the value.

    To be entered before there is a thread: one that does not hold them would take them, and this process would end.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _FORWARDED)
    try:
        yield before
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Child:
    """A context manager that runs ``command`` in this terminal, and passes on the signals that this process gets.

    What Ctrl+C and its like send reaches the command from the terminal itself: that is not passed on, which would be
    twice.

    Args:
        command: with its arguments.
        environment: its whole environment.
        mask: what it blocks, of :func:`signals_held`.

    Raises:
        CannotStart: on entering.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], mask: set[Any]) -> None:
        self._command = command
        self._environment = environment
        self._mask = mask
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()

    def __enter__(self) -> Child:
        try:
            self._process = subprocess.Popen(
                self._command, env=self._environment, close_fds=False, preexec_fn=_as_if_alone(self._mask)
            )
        except OSError as error:
            raise _cannot_start(self._command[0], error) from error
        self._thread = threading.Thread(target=self._pass_on, name="autogen-vitals-signals", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join()

    def wait(self) -> End:
        """Wait until it has ended."""
        assert self._process is not None
        status = self._process.wait()
        self._over.set()
        return End(None, -status) if status < 0 else End(status, None)

    def _pass_on(self) -> None:
        while not self._over.is_set():
            for number, is_ours_alone in _signals_within(_POLL_SECONDS):
                if is_ours_alone and self._process is not None and self._process.returncode is None:
                    # send_signal() polls first, so that nobody else is meant who has got its number since.
                    self._process.send_signal(number)


def die_like(end: End) -> int:
    """End this process by the signal that ended the command; the exit status where there was none.

    Whoever waits for us, a shell or a supervisor, cannot tell the difference. A core dump there may be, but not ours.
    """
    if end.signal is None:
        return end.code or 0
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    sys.stdout.flush()
    sys.stderr.flush()
    if end.signal not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(end.signal, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {end.signal})
    os.kill(os.getpid(), end.signal)
    return 128 + end.signal


def _signals_within(seconds: float) -> list[tuple[int, bool]]:
    """The signals that came within that time: which, and whether it was sent to this process alone."""
    if not hasattr(signal, "sigtimedwait"):
        return _polled(seconds)
    info = signal.sigtimedwait(_FORWARDED, seconds)
    if info is None:
        return []
    from_terminal = info.si_code > _SI_USER_AT_MOST and info.si_signo in _TERMINAL
    return [(info.si_signo, not from_terminal)]


def _polled(seconds: float) -> list[tuple[int, bool]]:
    """Where the system does not say who sent it (macOS): a signal that terminals send is taken to be from one."""
    threading.Event().wait(seconds)
    pending = signal.sigpending() & _FORWARDED
    for number in pending:
        signal.sigwait({number})
    at_terminal = sys.stdin.isatty()
    return [(number, not (at_terminal and number in _TERMINAL)) for number in pending]


def _as_if_alone(mask: set[Any]) -> Callable[[], None]:
    """What the child does before the command: take signals again, and not outlive us when we are killed."""
    prctl = _prctl()

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if prctl is not None:
            prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))

    return prepare


def _prctl() -> Any:
    try:
        return ctypes.CDLL(None).prctl
    except (OSError, AttributeError):
        return None


def _cannot_start(program: str, error: OSError) -> CannotStart:
    if isinstance(error, FileNotFoundError):
        return CannotStart(
            f"{program}: there is no such command. Is the virtual environment that it is in active? "
            "A module is run as: autogen-vitals run -- python -m MODULE",
            127,
        )
    if isinstance(error, PermissionError):
        return CannotStart(
            f"{program} cannot be executed: {error.strerror}. A script is run as: "
            f"autogen-vitals run -- python {program}",
            126,
        )
    return CannotStart(f"{program} cannot be executed: {error.strerror or error}.", 126)
