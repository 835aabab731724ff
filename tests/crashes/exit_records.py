"""Processes that keep exit records, are killed, and claim each other's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.crashes.claims import pid_namespace
from autogen_vitals.crashes.record import ExitRecord
from autogen_vitals.crashes.reports import Identity

GROUP = "0123456789ab"


def start_ticks(pid: int) -> int:
    """When the kernel made that process."""
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])


def identity(**changes: Any) -> Identity:
    """Of the process that calls this."""
    facts: dict[str, Any] = {
        "uid": uuid.uuid4().hex,
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "start_ticks": start_ticks(os.getpid()),
        "parent_start_ticks": start_ticks(os.getppid()),
        "pid_namespace": pid_namespace(),
        "created_ns": 1_700_000_000_000_000_000,
        "server": "gunicorn",
        "service": {"service.name": "writers", "service.instance.id": "one"},
        "versions": {"autogen-agentchat": "0.7.5"},
    }
    return Identity(**{**facts, **changes})


class Child:
    """A forked process that runs ``body``, which is given a function that sends one line to the parent.

    As a context manager it is killed at the end.
    """

    def __init__(self, body: Callable[[Callable[[str], None]], object]) -> None:
        read, write = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(read)
                body(lambda line: os.write(write, f"{line}\n".encode()) and None)
            except BaseException as error:
                os.write(write, f"the child raised {error!r}\n".encode())
            finally:
                os._exit(0)
        os.close(write)
        self._lines = os.fdopen(read)

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        if self.pid:
            self.kill()

    def line(self) -> str:
        """The next one that it sends; empty when it has ended."""
        return self._lines.readline().rstrip("\n")

    def lines(self) -> list[str]:
        """All that it sends until it ends."""
        return self._lines.read().splitlines()

    def kill(self) -> None:
        """SIGKILL, and wait for it."""
        os.kill(self.pid, signal.SIGKILL)
        self.join()

    def join(self) -> None:
        """Wait for its end."""
        if self.pid:
            os.waitpid(self.pid, 0)
            self._lines.close()
            self.pid = 0


def in_a_process_of_its_own(check: Callable[[Path], None], folder: Path) -> None:
    """Call ``check``, a function of a test's module, in a fresh interpreter.

    For one that closes all descriptors: what other tests have left, such as providers of the SDK that start their
    threads again in each forked child, would go on to close what has its numbers.
    """
    program = f"import sys, pathlib, {check.__module__} as module; module.{check.__name__}(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", program, folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def keep_record(directory: Path, *, supervises: bool = False, **changes: Any) -> Child:
    """A process that has a record, has sent the name of its file, and lives until it is killed."""

    def body(send: Callable[[str], None]) -> None:
        record = ExitRecord.create(directory, GROUP, identity(**changes))
        record.note(supervises=supervises, heartbeat_ns=time.time_ns())
        send(record.path.name)
        signal.pause()

    return Child(body)


@contextmanager
def mounted(folder: Path, options: str) -> Iterator[None]:
    """A file system in memory there, where this user may mount one."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", folder], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("only root may mount")
    try:
        yield
    finally:
        # Lazily: a test that failed may still have a file of it mapped.
        subprocess.run(["umount", "--lazy", folder], check=True)
