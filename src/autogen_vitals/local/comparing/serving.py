"""The app in its own session: until it answers, who its workers are, what they weigh, and that nothing stays."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

import httpx

from autogen_vitals import semconv
from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.service import Service, connections

_ATTEMPT_SECONDS = 2.0
_PAUSE_SECONDS = 0.02
_STOP_SECONDS = 10.0
_INTERRUPTED_SECONDS = 2.0
_EVERYBODY_SECONDS = 30.0
_SILENCE_SECONDS = 4.0


class Served(Service):
    """A service whose whole session is gone when it has been left, workers of a dead master included."""

    def __enter__(self) -> Served:
        super().__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        # After Ctrl+C nobody waits for requests that are under way.
        self._end(_INTERRUPTED_SECONDS if isinstance(exc_info[1], KeyboardInterrupt) else _STOP_SECONDS)

    def stop(self) -> None:
        """Ask it to end, wait, and then kill what has not."""
        self._end(_STOP_SECONDS)

    @property
    def is_running(self) -> bool:
        """Whether what was started is still there."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """What it ended with; ``None`` while it runs."""
        return None if self._process is None else self._process.poll()

    def wait_for_answer(self, path: str, timeout: float) -> None:
        """Wait until anything answers HTTP, whatever its status.

        Raises:
            ServiceError: it ended, or has not answered within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        with connections(self._url, _ATTEMPT_SECONDS) as http:
            while True:
                if not self.is_running:
                    raise self.error(f"The server ended with {self.exit_code} before it answered.")
                if time.monotonic() > deadline:
                    raise self.error(f"Nothing answered within {timeout:.0f} s.")
                with suppress(httpx.HTTPError):
                    http.get(path)
                    return
                time.sleep(_PAUSE_SECONDS)

    def wait_for_everybody(self, workers: int, receiver: Receiver) -> None:
        """Wait until so many workers have told that they are there, which cannot be seen from outside.

        Gives up on it where nobody tells anything: an app that never imports AutoGen, or forked workers, which are
        there at once and tell when they are first used.
        """

        def told(receiver: Receiver) -> set[int]:
            return self.workers(receiver) - (self._own if workers > 1 else set())

        def everybody(receiver: Receiver) -> bool:
            return len(told(receiver)) >= workers or not self.is_running

        if not receiver.wait_for(everybody, _SILENCE_SECONDS) and told(receiver):
            receiver.wait_for(everybody, _EVERYBODY_SECONDS)

    def workers(self, receiver: Receiver) -> set[int]:
        """The pids of those that have told they are workers; of a master only where nobody else has."""
        told = {
            int(point.attributes[semconv.PROCESS_PID])
            for point in receiver.points
            if point.metric == semconv.WORKER_INFO.name
        }
        return told - self._own or told

    def children(self) -> set[int]:
        """The pids of the processes that it has started itself; none where there is no ``/proc``."""
        parents = {str(pid) for pid in self._own}
        pids = (int(folder.name) for folder in Path("/proc").glob("[0-9]*"))
        return {pid for pid in pids if _status(pid).get("PPid") in parents}

    def _end(self, patience: float) -> None:
        if self._process is None:
            return
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(patience)
        # A worker that hangs, be it in a call that another one has got the answer to.
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, signal.SIGKILL)
            else:
                self._process.kill()
        self._process.wait()

    @property
    def _own(self) -> set[int]:
        return set() if self._process is None else {self._process.pid}


def living(pids: Iterable[int]) -> set[int]:
    """Those that run; a zombie does not."""
    return {pid for pid in pids if _is_alive(pid)}


def weights(pids: Iterable[int]) -> tuple[float, ...]:
    """Resident memory of each in MiB, largest last; nothing where there is no ``/proc``."""
    found = (_status(pid).get("VmRSS", "") for pid in pids)
    return tuple(sorted(int(text.split()[0]) / 1024 for text in found if text))


def kill(pid: int) -> bool:
    """SIGKILL; whether there was such a process."""
    try:
        os.kill(pid, getattr(signal, "SIGKILL", signal.SIGTERM))
    except (ProcessLookupError, PermissionError):
        return False
    return True


def wait_until(holds: Callable[[], bool], timeout: float) -> bool:
    """Whether it held within ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _is_alive(pid: int) -> bool:
    if Path("/proc/self/status").exists():
        return _status(pid).get("State", "Z")[0] not in "ZX"
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _status(pid: int) -> dict[str, str]:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}
