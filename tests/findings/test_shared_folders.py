"""AG401: code that is run in one folder by two at once."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from guilty_lines import guilty, named
from observed import Vitals

import autogen_vitals
from autogen_vitals.crashes import presence
from autogen_vitals.crashes.presence import Presence
from autogen_vitals.findings.rules import ag401
from autogen_vitals.lifecycle.forking import renew_after_fork

pytestmark = pytest.mark.filterwarnings("ignore:Using LocalCommandLineCodeExecutor:UserWarning")

SLOW = CodeBlock(code="import time; time.sleep(0.5)", language="python")
QUICK = CodeBlock(code="print('CANARY')", language="python")
OTHER = """\
import asyncio, os, sys, warnings
warnings.simplefilter("ignore")
import autogen_vitals
autogen_vitals.enable(state_dir=sys.argv[1])
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
executor = LocalCommandLineCodeExecutor(work_dir=sys.argv[2])
asyncio.run(executor.execute_code_blocks([CodeBlock(code="1", language="python")], CancellationToken()))
if sys.argv[3] == "forks" and os.fork():
    os._exit(0)
print("has run code", flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _own_presence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each test, for the folders of a process are limited in number."""
    own = Presence()
    renew_after_fork(own, Presence.leave_after_fork)
    monkeypatch.setattr(ag401, "_presence", own)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The folder of the exit records."""
    return tmp_path / "state"


@pytest.fixture
def vitals(silent_vitals: Vitals, state: Path) -> Vitals:
    """Enabled with a folder that only this test has."""
    silent_vitals.enable(state_dir=str(state))
    return silent_vitals


async def execute(executor: Any, code: CodeBlock = QUICK) -> None:
    with autogen_vitals.request("run"):
        result = await executor.execute_code_blocks([code], CancellationToken())
        assert result.exit_code == 0, result.output


# --- in one process ---------------------------------------------------------------------------------------------------


async def test_two_executors_at_once_in_one_folder_are_named(vitals: Vitals, tmp_path: Path) -> None:
    """Whatever it is called; with the line that builds the one that was the last to end."""
    (tmp_path / "coding").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "coding")
    one = LocalCommandLineCodeExecutor(work_dir=tmp_path / "coding")
    other = LocalCommandLineCodeExecutor(work_dir=str(tmp_path / "link"))  # AG401
    long = CodeBlock(code="import time; time.sleep(1.5)", language="python")
    await asyncio.gather(execute(one, SLOW), execute(other, long))
    found = vitals.finding("AG401")
    assert named(found) == guilty(__file__, "AG401")
    assert (found["autogen.finding.severity"], found["autogen.finding.confidence"]) == ("error", "observed")
    assert f"{tmp_path}/coding " in found["autogen.finding.evidence"]
    assert "for another executor" in found["autogen.finding.evidence"]


async def test_one_executor_that_serves_two_requests_at_once_is_named(vitals: Vitals, tmp_path: Path) -> None:
    """Its folder is theirs both."""
    executor = LocalCommandLineCodeExecutor(work_dir=tmp_path)
    await asyncio.gather(execute(executor, SLOW), execute(executor, SLOW))
    assert "for another request" in vitals.finding("AG401")["autogen.finding.evidence"]


async def test_folders_of_ones_own_are_right(vitals: Vitals, tmp_path: Path) -> None:
    """AutoGen's default, a temporary one; two folders; one after another in one; all of a request's in one."""
    default = inspect.signature(LocalCommandLineCodeExecutor).parameters["work_dir"].default
    # Before 0.5 it was the current folder.
    own = [{"work_dir": tmp_path / name} for name in ("a", "b")] if default is not None else [{}, {}]
    for folder in own:
        if folder:
            folder["work_dir"].mkdir()
    await asyncio.gather(*(execute(LocalCommandLineCodeExecutor(**folder), SLOW) for folder in own))
    folders = [tmp_path / name for name in ("one", "other")]
    await asyncio.gather(*(execute(LocalCommandLineCodeExecutor(work_dir=folder), SLOW) for folder in folders))
    for _ in range(2):
        await execute(LocalCommandLineCodeExecutor(work_dir=tmp_path))
    executor = LocalCommandLineCodeExecutor(work_dir=tmp_path)
    with autogen_vitals.request("run"):
        runs = (executor.execute_code_blocks([SLOW], CancellationToken()) for _ in range(2))
        await asyncio.gather(*runs)
    assert len(vitals.spans("execute_code")) == 8
    assert not vitals.findings("AG401")


async def test_where_nothing_can_be_written_nothing_is_overwritten(
    vitals: Vitals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of scripts that is mounted to be read."""

    def access(path: Any, mode: int) -> bool:
        return not (mode == os.W_OK and str(path) == str(tmp_path))

    monkeypatch.setattr(os, "access", access)
    executor = LocalCommandLineCodeExecutor(work_dir=tmp_path)
    await asyncio.gather(execute(executor, SLOW), execute(executor, SLOW))
    assert not vitals.findings("AG401")
    assert not list((tmp_path / "state").glob("work-*"))


def test_classic_agents_and_executors_in_one_folder_are_named(vitals: Vitals, tmp_path: Path) -> None:
    """Whether the folder is the executor's or stands in an agent's code_execution_config."""
    autogen: Any = pytest.importorskip("autogen")
    coding: Any = importlib.import_module("autogen.coding")
    sleeps = "import time; time.sleep(1)"
    config = {"work_dir": str(tmp_path), "use_docker": False}
    agent = autogen.ConversableAgent("a", llm_config=False, human_input_mode="NEVER", code_execution_config=config)
    executor = coding.LocalCommandLineCodeExecutor(work_dir=tmp_path)

    async def both() -> None:
        await asyncio.gather(
            asyncio.to_thread(agent.execute_code_blocks, [("python", sleeps)]),
            asyncio.to_thread(executor.execute_code_blocks, [coding.CodeBlock(code=sleeps, language="python")]),
        )

    asyncio.run(both())
    assert str(tmp_path) in vitals.finding("AG401")["autogen.finding.evidence"]


# --- in several -------------------------------------------------------------------------------------------------------


_EXPORTERS = ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER")


@contextmanager
def another_process(state: Path, folder: Path, then: str = "stays") -> Iterator[subprocess.Popen[str]]:
    """One that has run code in ``folder`` and is alive, or whose child is."""
    command = [sys.executable, "-c", OTHER, str(state), str(folder), then]
    # Without exporters, for there is no backend: the oldest SDK tries for a minute to tell it of the end.
    environment = {**os.environ, **dict.fromkeys(_EXPORTERS, "none")}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "has run code\n"
        yield process
        process.communicate(timeout=60)


async def test_two_live_processes_in_one_folder_are_named(vitals: Vitals, state: Path, tmp_path: Path) -> None:
    """By the one that comes second, once; what its code has written is told nowhere."""
    folder = tmp_path / "coding"
    with another_process(state, folder):
        executor = LocalCommandLineCodeExecutor(work_dir=folder)  # AG401 processes
        for _ in range(2):
            await execute(executor)
    found = vitals.finding("AG401")
    assert named(found) == guilty(__file__, "AG401 processes")
    assert found["autogen.finding.severity"] == "error"
    assert "another process that is alive" in found["autogen.finding.evidence"]
    assert [point.value for point in vitals.points("autogen.findings")] == [1]
    assert "CANARY" not in json.dumps(vitals.findings())
    (lock,) = state.glob("work-*.lock")
    assert lock.stat().st_mode & 0o777 == 0o600


async def test_a_process_that_is_gone_or_elsewhere_shares_nothing(vitals: Vitals, state: Path, tmp_path: Path) -> None:
    """However it ended."""
    folder = tmp_path / "coding"
    with another_process(state, folder) as process:
        process.kill()
    with another_process(state, tmp_path / "elsewhere"):
        await execute(LocalCommandLineCodeExecutor(work_dir=folder))
    assert not vitals.findings("AG401")


async def test_a_child_that_runs_no_code_keeps_nothing_of_its_dead_parents(
    vitals: Vitals, state: Path, tmp_path: Path
) -> None:
    """A lock would otherwise live as long as any process that the fork has given it to."""
    folder = tmp_path / "coding"
    with another_process(state, folder, "forks"):
        await execute(LocalCommandLineCodeExecutor(work_dir=folder))
    assert not vitals.findings("AG401")


def test_a_forked_child_in_its_parents_folder_is_another_process(
    vitals: Vitals, tmp_path: Path, in_fork: Callable[[Callable[[], Any]], Any]
) -> None:
    """The parent has run code there, and lives."""
    asyncio.run(execute(LocalCommandLineCodeExecutor(work_dir=tmp_path)))
    assert not vitals.findings("AG401")

    def run() -> int:
        asyncio.run(execute(LocalCommandLineCodeExecutor(work_dir=tmp_path)))
        return len(vitals.findings("AG401"))

    assert in_fork(run) == 1


# --- the locks --------------------------------------------------------------------------------------------------------


def test_a_process_is_not_another_one_to_itself(tmp_path: Path) -> None:
    """However often it asks."""
    mine = Presence()
    assert [mine.enter(tmp_path, "/coding") for _ in range(3)] == [False] * 3
    assert Presence().enter(tmp_path, "/coding")  # as another process would see it
    assert not Presence().enter(tmp_path, "/elsewhere")


def test_a_lock_file_that_is_a_link_or_no_file_is_not_followed(tmp_path: Path) -> None:
    """Nor written to."""
    Presence().enter(tmp_path, "/coding")
    (lock,) = tmp_path.glob("work-*")
    precious = tmp_path / "precious"
    precious.touch()
    lock.unlink()
    lock.symlink_to(precious)
    with pytest.raises(OSError, match="symbolic"):
        Presence().enter(tmp_path, "/coding")
    assert not precious.read_bytes()
    lock.unlink()
    os.mkfifo(lock)
    with pytest.raises(PermissionError):
        Presence().enter(tmp_path, "/coding")


def test_locks_of_the_dead_are_removed_and_their_number_is_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old ones, that nobody holds; what somebody holds stays, however old; no process holds more than some."""
    holds = Presence()
    holds.enter(tmp_path, "/held")
    (held,) = tmp_path.glob("work-*")
    dead, young = tmp_path / "work-dead.lock", tmp_path / "work-young.lock"
    long_ago = time.time() - 2 * presence._OLD_SECONDS
    for path in (dead, young):
        path.touch()
    for path in (dead, held):
        os.utime(path, (long_ago, long_ago))
    monkeypatch.setattr(presence, "_FOLDER_LIMIT", 2)
    comes = Presence()
    for number in range(9):
        comes.enter(tmp_path, f"/folder/{number}")
    left = set(tmp_path.glob("work-*"))
    assert dead not in left
    assert {held, young} <= left
    assert len(left) == 4
