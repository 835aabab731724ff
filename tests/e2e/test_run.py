"""``autogen-vitals run`` in front of real servers: the articles' services, broken and fixed, and what is said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.store import load

from .articles import Example
from .conftest import Start
from .harness import BIN, READY_SECONDS, Server, free_port

pytestmark = pytest.mark.e2e

FIRST_SCREEN = 24
"""Lines of a small terminal."""

UVICORN = "uvicorn {app}:app --port {{port}} --workers {workers} --timeout-worker-healthcheck 60"
GUNICORN = "gunicorn -w 2 -k gthread {flags} -b 127.0.0.1:{{port}} {app}:app"


@dataclass(frozen=True)
class Recorded:
    """A service under ``autogen-vitals run`` in the folder of its example."""

    server: Server
    folder: Path
    workers: int

    def get(self, path: str) -> int:
        """Ask, and answer the status, whatever that is."""
        url = f"http://127.0.0.1:{self.server.port}{path}"
        return httpx.get(url, timeout=READY_SECONDS, trust_env=False).status_code

    @property
    def first_screen(self) -> str:
        """What the report begins with: the command, and a line with the run's id."""
        lines = self.server.log.splitlines()
        (begin,) = (n for n, line in enumerate(lines) if line.startswith(f"{self.report['run']['id']}, "))
        return "\n".join(lines[begin - 1 :][:FIRST_SCREEN])

    @property
    def report(self) -> dict[str, Any]:
        """What it wrote as JSON."""
        return json.loads((self.folder / "report.json").read_text())

    @property
    def to_fix(self) -> list[tuple[str, int]]:
        """Rule and line of each of the verdict's points, in its order."""
        return [(each["rule"], (each["site"] or {"line": 0})["line"]) for each in self.report["verdict"]["to_fix"]]


def watched(start: Start, folder: Path, command: list[str], variables: dict[str, str], port: int = 0) -> Server:
    """A command of this environment's under ``autogen-vitals run``, in a folder, which gets its report."""
    run = [str(BIN / "autogen-vitals"), "run", "--json", "report.json", "--html", "report.html"]
    line = [*run, "--", str(BIN / command[0]), *command[1:]]
    return start.command(["sh", "-c", f'cd {folder} && exec "$@"', "sh", *line], variables, port=port)


@pytest.fixture
def record(start: Start, tmp_path: Path, receiver: Receiver) -> Callable[..., tuple[Example, Recorded]]:
    def run(example: str, command: str, workers: int, **variables: str) -> tuple[Example, Recorded]:
        copied = Example.copied(example, tmp_path, receiver)
        port = free_port()
        # A folder of its own: what is killed beside this is nothing to it.
        mine = {"OTEL_PYTHON_AUTOGEN_STATE_DIR": str(tmp_path / "state"), **variables}
        server = watched(start, copied.folder, command.format(port=port).split(), mine, port)
        return copied, Recorded(server.wait_ready(workers), copied.folder, workers)

    return run


Record = Callable[..., tuple[Example, Recorded]]


def test_the_broken_cold_start_is_named_in_the_first_screen(record: Record) -> None:
    """Four uvicorn workers: what is built in each request, shared, or blocks the loop, with its line."""
    example, served = record("cold_start", UVICORN.format(app="broken", workers=4), 4)
    for _ in range(3):
        served.server.get_all(["/prices?q=use the tool"] * 8)
        served.server.get_all(["/ask?q=hello"] * 12)
    assert served.server.stop() == 0

    marked = example.marked()
    told = set(served.to_fix)
    for rule in ("AG101", "AG205", "AG103", "AG604"):
        (expected,) = {(marked_rule, line) for marked_rule, line in marked if marked_rule == rule}
        assert expected in told
        assert f"{rule} " in served.first_screen, served.first_screen
        assert f"broken.py:{expected[1]}" in served.first_screen
    # On a busy machine much takes long that would not.
    assert told <= marked | {(rule, line) for rule, line in told if rule in ("AG106", "AG604", "AG606", "AG607")}
    assert len(served.report["cold_starts"]) == 4
    assert len(served.report["workers"]) >= 4
    prices = next(each for each in served.report["requests"] if each["name"] == "GET /prices")
    assert prices["count"] == 24
    page = re.sub("<[^>]*>", "", (served.folder / "report.html").read_text())
    assert f"broken.py:{example.line('    client = built(')}" in page
    assert prices["starts"]["rebuild"] + prices["starts"]["cold"] == 24


@pytest.mark.parametrize(
    "preload",
    [pytest.param(False, id="gthread", marks=pytest.mark.long), pytest.param(True, id="gthread-preload")],
)
def test_the_broken_scaling_crash_is_named_in_the_first_screen(preload: bool, record: Record) -> None:
    """gunicorn's threads share a chat, and with --preload the workers share its master's connection."""
    pytest.importorskip("autogen")
    example, served = record("scaling_crash", GUNICORN.format(app="broken", flags="--preload" if preload else ""), 2)
    for _ in range(3):
        # Workers that share a connection get each other's answers, or what is none: some of these fail, and some wait
        # until the example's client gives up, tries again, and has a connection of its own.
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(served.get, ["/chat?q=hello"] * 8))
            list(threads.map(served.get, [f"/code?number={n}" for n in range(4)]))
    assert served.server.stop() == 0
    marked = example.marked()
    rules = ["AG206", "AG401", *(["AG202"] if preload else [])]
    assert {"GET /chat", "GET /code"} <= {each["name"] for each in served.report["requests"]}
    for rule in rules:
        assert any(each in marked for each in served.to_fix if each[0] == rule), served.to_fix
        assert rule in served.first_screen, served.first_screen


@pytest.mark.parametrize(
    ("example", "command", "workers", "paths"),
    [
        pytest.param(
            "cold_start",
            UVICORN.format(app="fixed", workers=4),
            4,
            [["/prices?q=use the tool"] * 8, ["/ask?q=hello"] * 12],
            id="cold_start",
        ),
        pytest.param(
            "scaling_crash",
            GUNICORN.format(app="fixed", flags="--preload"),
            2,
            [["/chat?q=hello"] * 8, [f"/code?number={n}" for n in range(4)]],
            id="scaling_crash",
            marks=pytest.mark.long,
        ),
    ],
)
def test_what_was_put_right_has_nothing_to_fix(
    example: str, command: str, workers: int, paths: list[list[str]], record: Record
) -> None:
    """The same service, the same agents, under the same load."""
    if example == "scaling_crash":
        pytest.importorskip("autogen")
    _, served = record(example, command, workers)
    for _ in range(3):
        for each in paths:
            served.server.get_all(each)
    assert served.server.stop() == 0
    assert served.to_fix == []
    assert "Nothing to fix" in served.first_screen


def test_workers_that_cannot_start_are_the_verdict(tmp_path: Path, start: Start, receiver: Receiver) -> None:
    """Without its key no worker comes up; gunicorn gives up, and we exit with what it exits with."""
    pytest.importorskip("autogen")
    example = Example.copied("scaling_crash", tmp_path, receiver)
    command = [str(BIN / "autogen-vitals"), "run", "--json", "report.json", "--", str(BIN / "gunicorn"), "broken:app"]
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    environment["OTEL_PYTHON_AUTOGEN_STATE_DIR"] = str(tmp_path / "state")
    command += ["-w", "2", "-b", f"127.0.0.1:{free_port()}"]
    done = subprocess.run(command, cwd=example.folder, env=environment, capture_output=True, text=True, timeout=120)
    # gunicorn says 3; 1 where the second worker ends while it is giving up because of the first.
    assert done.returncode in (1, 3), done.stderr
    recorded = Recorded(start.servers[0] if start.servers else None, example.folder, 0)  # type: ignore[arg-type]
    assert recorded.to_fix[0] == ("AG301", example.line("API_KEY = "))
    assert recorded.report["run"]["exit_code"] == done.returncode


def test_ctrl_c_is_the_server_s_and_then_comes_the_report(record: Record) -> None:
    """SIGINT reaches uvicorn, which ends by it; so do we, after the report."""
    _, served = record("cold_start", "uvicorn fixed:app --port {port}", 1)
    served.server.get_all(["/ask?q=hello"] * 2)
    status = served.server.stop(signal.SIGINT)
    bare = served.report["run"]
    assert (bare["exit_code"], bare["signal"]) in ((0, ""), (None, "SIGINT"))
    assert status == (0 if bare["exit_code"] == 0 else -signal.SIGINT)
    assert "Nothing to fix" in served.server.log


def test_a_killed_run_leaves_what_it_had(record: Record) -> None:
    """The store can be read, and says that it was cut off."""
    _, served = record("cold_start", "uvicorn fixed:app --port {port}", 1)
    served.server.get_all(["/ask?q=hello"] * 2)
    runs = served.folder / ".autogen-vitals"
    assert served.server.stop(signal.SIGKILL) == -signal.SIGKILL
    recording = load(directory=runs)
    assert "cut off" in recording.run.losses[-1]


def run(folder: Path, code: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A program under ``autogen-vitals run``."""
    (folder / "program.py").write_text(code)
    command = [str(BIN / "autogen-vitals"), "run", *options, "--", sys.executable, "program.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170)


def test_what_uses_no_autogen_is_not_called_healthy(tmp_path: Path) -> None:
    """Nobody told anything: that is no "nothing to fix"."""
    done = run(tmp_path, "print('fine')")
    assert (done.returncode, done.stdout) == (0, "fine\n")
    assert "Nothing to fix" not in done.stderr
    assert "told" in done.stderr


def test_what_is_left_running_is_said(tmp_path: Path) -> None:
    """A command that puts itself into the background ends at once, as without us; what it does then is not here."""
    code = (
        "import os, time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "for fd in (0, 1, 2): os.close(fd)\n"
        "open('pid', 'w').write(str(os.getpid()))\n"
        "time.sleep(60)\n"
    )
    done = run(tmp_path, code)
    pid = int((tmp_path / "pid").read_text())
    os.kill(pid, signal.SIGKILL)
    assert done.returncode == 0
    assert f"({pid})" in done.stderr
    assert "in the foreground" in done.stderr.replace("\n", " ")


def test_a_hundred_children(tmp_path: Path) -> None:
    """Each of them is told of."""
    pytest.importorskip("autogen_ext.models.replay")
    code = (
        "import asyncio, os\n"
        "from autogen_agentchat.agents import AssistantAgent\n"
        "from autogen_ext.models.replay import ReplayChatCompletionClient\n"
        "def work():\n"
        "    agent = AssistantAgent('a', ReplayChatCompletionClient(['hi']))\n"
        "    asyncio.run(agent.run(task='x'))\n"
        "import multiprocessing\n"
        "fork = multiprocessing.get_context('fork')\n"
        "for _ in range(10):\n"
        "    children = [fork.Process(target=work) for _ in range(10)]\n"
        "    [child.start() for child in children]\n"
        "    [child.join() for child in children]\n"
        "assert all(child.exitcode == 0 for child in children)\n"
    )
    done = run(tmp_path, code, "--json", "report.json", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    report = json.loads((tmp_path / "report.json").read_text())
    assert len([worker for worker in report["workers"] if worker["requests"] == 1]) == 100


def test_a_store_that_cannot_be_written_to_is_replaced(tmp_path: Path) -> None:
    """The command runs all the same, and where the run is kept is said."""
    (tmp_path / ".autogen-vitals").write_text("a file")
    done = run(tmp_path, "print('fine')")
    assert (done.returncode, done.stdout) == (0, "fine\n")
    assert "is kept in" in done.stderr
