"""A service under observation: a command in a child process, with its log, its readiness and its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

_ATTEMPT_SECONDS = 2.0
_PAUSE_SECONDS = 0.1
_STOP_SECONDS = 20.0
_TAIL_LINES = 20


class ServiceError(Exception):
    """The service did not do what it was started for; the message ends with the last lines of its log."""


class Service:
    """A context manager that runs ``command`` while it is entered and stops it with SIGTERM.

    Args:
        command: what to run; its output goes to ``log``.
        directory: where to run it.
        environment: its whole environment.
        url: where it will answer HTTP.
    """

    def __init__(
        self, command: Sequence[str], *, directory: Path, environment: Mapping[str, str], url: str, log: Path
    ) -> None:
        self._command = command
        self._directory = directory
        self._environment = environment
        self._url = url
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Service:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._directory,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl+C is for us; the service then gets its SIGTERM, and its workers nothing twice.
                start_new_session=True,
            )
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Ask the service to end and wait until it has; at once if it is over already."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _kill(self._process)

    def wait_for_workers(self, path: str, workers: int, timeout: float) -> None:
        """Wait until ``workers`` different processes have answered ``path``, which tells their ``pid`` in JSON.

        Raises:
            ServiceError: the service ended, or not all of them have answered within ``timeout`` seconds.
        """
        deadline = time.monotonic() + timeout
        answered: set[int] = set()
        with connections(self._url, _ATTEMPT_SECONDS) as http:
            while len(answered) < workers:
                if self._process is None or self._process.poll() is not None:
                    raise self.error("The service ended before it answered.")
                if time.monotonic() > deadline:
                    raise self.error(f"{len(answered)} of {workers} workers answered within {timeout:.0f} s.")
                try:
                    answered.add(http.get(path).raise_for_status().json()["pid"])
                except httpx.TransportError:
                    time.sleep(_PAUSE_SECONDS)
                except (httpx.HTTPStatusError, ValueError, KeyError) as error:
                    raise self.error(f"{path} does not answer as it should: {error}") from error

    def error(self, message: str) -> ServiceError:
        """``message`` and the last lines of the log, as an exception to raise."""
        lines = self._log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return ServiceError("\n".join([message, "", *(lines or ["(its log is empty)"])]))


def connections(url: str, timeout: float) -> httpx.Client:
    """A client that opens a connection for each request, so that the kernel spreads them over the workers."""
    return httpx.Client(
        base_url=url, timeout=timeout, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False
    )


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _kill(process: subprocess.Popen[bytes]) -> None:
    if hasattr(os, "killpg"):
        # Its workers as well: those of a dead supervisor would stay.
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
