"""Process facts: who am I, since when, under which server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from autogen_vitals.clock import LOADED_NS, wall_ns
from autogen_vitals.crashes import files
from autogen_vitals.lifecycle import process
from autogen_vitals.lifecycle.process import CreationTime, ProcessFacts

linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this system has no /proc")
TICK_NS = 10_000_000
TOLERANCE_NS = 20_000_000


def test_pid_and_parent() -> None:
    """As the system has them."""
    facts = ProcessFacts(LOADED_NS)
    assert (facts.pid, facts.parent_pid, facts.is_fork_server) == (os.getpid(), os.getppid(), False)


PRINT_CREATION = """
from autogen_vitals.lifecycle.process import current
created = current.facts.creation_time
print(created.wall_ns, created.exact)
"""


@linux
def test_creation_time_is_when_the_process_was_spawned() -> None:
    """Between the moments before and after the spawn, less a clock tick; long imports since do not move it."""
    before = time.time_ns()
    with subprocess.Popen([sys.executable, "-c", PRINT_CREATION], stdout=subprocess.PIPE, text=True) as child:
        after = time.time_ns()
        output, _ = child.communicate(timeout=60)
    created, exact = output.split()
    assert exact == "True"
    assert before - TICK_NS - TOLERANCE_NS <= int(created) <= after + TOLERANCE_NS


@linux
def test_creation_time_is_the_same_each_time() -> None:
    """It is read once, and read anew it is the same within a tick."""
    facts = ProcessFacts(LOADED_NS)
    assert facts.creation_time is facts.creation_time
    assert abs(facts.creation_time.wall_ns - ProcessFacts(LOADED_NS).creation_time.wall_ns) < TICK_NS


@linux
def test_a_forked_child_has_its_own_facts(in_fork: Callable[..., Any]) -> None:
    """Pid, parent, creation time; and it is no fork server because its parent is one."""
    parents = process.current.facts
    parents.is_fork_server = True
    assert parents.creation_time.exact
    before = time.time_ns()

    def facts() -> list[Any]:
        current = process.current.facts
        created = current.creation_time.wall_ns
        return [current.pid == os.getpid(), current.parent_pid, current.is_fork_server, created]

    is_own, parent, is_fork_server, created = in_fork(facts)
    assert (is_own, parent, is_fork_server) == (True, os.getpid(), False)
    assert before - TICK_NS - TOLERANCE_NS <= created <= time.time_ns()
    assert process.current.facts is parents


def test_without_proc_the_first_that_is_known_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """When this package was loaded, or the fork was seen; it is said not to be exact."""

    def missing(*args: Any) -> None:
        raise FileNotFoundError(args[0])

    monkeypatch.setattr(files, "open", missing, raising=False)
    created = ProcessFacts(LOADED_NS).creation_time
    assert (created.clock_ns, created.exact) == (LOADED_NS, False)
    assert abs(created.wall_ns - wall_ns(LOADED_NS)) < TOLERANCE_NS


@pytest.mark.parametrize("text", [b"", b"no such format", b"1 (python) S 1 2 3", b"1 (python) S " + b"x " * 40])
def test_a_strange_proc_is_as_good_as_none(text: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A stat file of another format is no reason to fail."""
    (tmp_path / "stat").write_bytes(text)
    monkeypatch.setattr(files, "open", lambda path, mode: (tmp_path / "stat").open(mode), raising=False)
    assert ProcessFacts(LOADED_NS).creation_time.exact is False


def test_a_system_without_a_boot_clock_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS has no CLOCK_BOOTTIME."""
    monkeypatch.setattr(process.time, "clock_gettime_ns", None)
    monkeypatch.delattr(process.time, "CLOCK_BOOTTIME", raising=False)
    assert ProcessFacts(LOADED_NS).creation_time.exact is False


NAMED = """
import sys
from autogen_vitals.clock import LOADED_NS
from autogen_vitals.lifecycle.process import ProcessFacts
before = ProcessFacts(LOADED_NS).creation_time
with open("/proc/self/comm", "w") as file:
    file.write(sys.argv[1])
after = ProcessFacts(LOADED_NS).creation_time
print(open("/proc/self/comm").read().strip() == sys.argv[1], after.exact, abs(after.wall_ns - before.wall_ns) < 1e7)
"""


@linux
@pytest.mark.parametrize("name", [") (", "a) S 1 (b", "x) 1 2 3", "a b c"])
def test_a_command_name_may_contain_anything(name: str) -> None:
    """A worker that calls itself ") (" has the creation time it has under another name."""
    command = [sys.executable, "-c", NAMED, name]
    output = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert output.split() == ["True", "True", "True"]


def test_isoformat_is_utc_with_milliseconds() -> None:
    """As process.creation.time wants it."""
    assert CreationTime(0, 1_700_000_000_125_000_000, exact=True).isoformat() == "2023-11-14T22:13:20.125Z"
    assert CreationTime(0, 0, exact=True).isoformat() == "1970-01-01T00:00:00.000Z"


# --- the server -------------------------------------------------------------------------------------------------------

SERVER_MODULES = ("uvicorn.server", "gunicorn.arbiter", "celery.apps.worker", "celery.bin.worker")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets which of the server's modules are imported, and how multiprocessing started this process."""

    def imported(*names: str, child: str | None = None) -> None:
        for name in SERVER_MODULES:
            monkeypatch.delitem(sys.modules, name, raising=False)
        for name in names:
            monkeypatch.setitem(sys.modules, name, ModuleType(name))
        child_process = type(child or "MainProcess", (), {})()
        fake: Any = SimpleNamespace(
            parent_process=lambda: None if child is None else object(), current_process=lambda: child_process
        )
        monkeypatch.setitem(sys.modules, "multiprocessing.process", fake)

    return imported


@pytest.mark.parametrize(
    ("names", "child", "server"),
    [
        ((), None, "plain"),
        (("uvicorn.server",), None, "uvicorn"),
        (("gunicorn.arbiter",), None, "gunicorn"),
        # gunicorn's uvicorn workers
        (("gunicorn.arbiter", "uvicorn.server"), None, "gunicorn"),
        (("celery.apps.worker",), None, "celery"),
        (("celery.bin.worker",), None, "celery"),
        # uvicorn's own workers
        (("uvicorn.server",), "SpawnProcess", "uvicorn"),
        ((), "SpawnProcess", "multiprocessing"),
        ((), "ForkProcess", "multiprocessing"),
        # a pool of an app's that uvicorn runs
        (("uvicorn.server",), "ForkProcess", "multiprocessing"),
        (("gunicorn.arbiter",), "ForkProcess", "multiprocessing"),
    ],
)
def test_the_server(names: tuple[str, ...], child: str | None, server: str, modules: Callable[..., None]) -> None:
    """By what is imported, and by how multiprocessing started the process."""
    modules(*names, child=child)
    assert ProcessFacts(LOADED_NS).server == server


def test_the_server_may_come_later(modules: Callable[..., None]) -> None:
    """A script that starts uvicorn is plain until it imports it."""
    facts = ProcessFacts(LOADED_NS)
    modules()
    assert facts.server == "plain"
    modules("uvicorn.server")
    assert facts.server == "uvicorn"


def test_without_multiprocessing_there_is_no_parent(modules: Callable[..., None], monkeypatch: Any) -> None:
    """A process that has not imported it is no child of it."""
    modules()
    monkeypatch.delitem(sys.modules, "multiprocessing.process")
    assert ProcessFacts(LOADED_NS).server == "plain"
