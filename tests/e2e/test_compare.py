"""``autogen-vitals compare`` on the examples: which failure it is, and whether it takes several workers.

One boot of each variant, and few requests: whether boots agree is what the judging is tested for.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.cli import main

EXAMPLES = Path(__file__).parents[2] / "examples"
ONE_AT_A_TIME = "-k sync --threads 1"

pytestmark = pytest.mark.e2e


class Compared:
    """A comparison that has been made of a copy of an example."""

    def __init__(self, folder: Path, app: str, request: str, *arguments: str) -> None:
        given = ["--app-dir", str(folder), "--workers", "1,2", "--repeat", "1", "--request", request]
        self.junit = folder / "compare.xml"
        file = folder / "compare.json"
        self.status = main(["compare", app, *given, *arguments, "--json", str(file), "--junit", str(self.junit)])
        self.said: dict[str, Any] = json.loads(file.read_text())

    def failed(self, variant: str) -> set[str]:
        """The checks that a variant has failed."""
        (one,) = (one for one in self.said["variants"] if one["name"] == variant)
        return {name for name, check in one["checks"].items() if check["failed"]}

    def boot(self, variant: str) -> dict[str, Any]:
        """What its one boot came to."""
        (one,) = (one for one in self.said["variants"] if one["name"] == variant)
        (boot,) = one["boots"]
        return boot


@pytest.fixture
def example(tmp_path: Path) -> Callable[[str], Path]:
    """A copy, whose apps leave their files there."""

    def copied(name: str) -> Path:
        return Path(
            shutil.copytree(EXAMPLES / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "coding"))
        )

    return copied


@dataclass(frozen=True)
class Failing:
    """What fails with several workers.

    Attributes:
        variant: the only one that fails.
        check: that it fails.
        came_with: rules that are told beside it.
    """

    request: str
    arguments: tuple[str, ...]
    variant: str
    check: str
    cause: str
    came_with: frozenset[str] | None = None


# With --preload only: the master has used the client, and no agent is shared by two requests at once.
CROSS_TALK = Failing(
    "GET /chat?q={word}", ("-n", "12", "--request-timeout", "5"), "2 preload", "fork", "fork cross-talk"
)
# One worker runs one program after the other; two run them in one folder.
WORK_DIR = Failing(
    "GET /code?number={id}", ("-n", "8", "--no-preload"), "2", "work-dir", "a shared work_dir", frozenset({"AG401"})
)


@pytest.mark.parametrize(
    "failing",
    [pytest.param(CROSS_TALK, id="cross-talk"), pytest.param(WORK_DIR, id="work-dir", marks=pytest.mark.long)],
)
def test_what_takes_several_workers_is_told(
    failing: Failing, example: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """With the variant that fails, and why: the others pass."""
    pytest.importorskip("autogen")
    arguments = ("--server", "gunicorn", "--server-args", ONE_AT_A_TIME, "--no-kill", *failing.arguments)
    compared = Compared(example("scaling_crash"), "broken:app", failing.request, *arguments)
    assert compared.status == 1
    names = [one["name"] for one in compared.said["variants"]]
    assert {name for name in names if compared.failed(name)} == {failing.variant}
    assert failing.check in compared.failed(failing.variant)
    (finding,) = compared.said["findings"]
    assert (finding["rule"], finding["variant"], finding["causes"]) == ("AG701", failing.variant, [failing.cause])
    assert failing.cause in capsys.readouterr().out
    if failing.came_with is not None:
        assert {found["rule"] for found in finding["came_with"]} == failing.came_with


def test_a_shared_agent_is_told_and_is_not_the_number_of_workers(example: Callable[[str], Path]) -> None:
    """One worker mixes up its users as well as two do."""
    pytest.importorskip("autogen_agentchat")
    compared = Compared(example("cold_start"), "broken:app", "GET /ask?q={word}", "--no-kill", "-n", "16")
    assert compared.status == 3
    assert compared.said["outcome"] == "one-worker-fails"
    for variant in ("1", "2"):
        assert {"sharing", "sessions"} <= compared.failed(variant) <= {"sharing", "sessions", "answers"}
        assert compared.boot(variant)["mixed_prompts"]
    assert compared.said["findings"] == []


def test_a_sound_app_passes_with_a_worker_killed_too(example: Callable[[str], Path]) -> None:
    """What was under way in it is excused, another comes, and everything is measured."""
    pytest.importorskip("autogen_agentchat")
    compared = Compared(example("fastapi_app"), "app:app", "GET /shared-client?q={word}", "-n", "24")
    assert (compared.status, compared.said["outcome"]) == (0, "passes")
    assert [one["name"] for one in compared.said["variants"]] == ["1", "2", "2 kill"]
    boot = compared.boot("2 kill")
    assert boot["killed"]
    assert boot["replaced"]
    assert {check["result"] for check in boot["checks"]} == {"passed"}
    plain = compared.boot("2")
    assert plain["cold"]["count"] + plain["warm"]["count"] == 24
    assert plain["inits_per_request"] == 1
    assert len(plain["rss_mib"]) == 2 or not Path("/proc/self/status").exists()
    assert "<failure" not in compared.junit.read_text()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("app = 1", "With one worker all 4 requests failed"),
        ("async def app(scope, receive, send): raise KeyError('OPENAI')", "the first with 500"),
    ],
    ids=["not-importable", "no-app", "always-fails"],
)
def test_an_app_that_one_worker_cannot_serve_is_not_compared(
    source: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Why is told, with the end of its log or with what it answered, and after one boot."""
    (tmp_path / "wrong.py").write_text(source)
    compared = Compared(tmp_path, "wrong:app", "GET /ask?q={word}", "-n", "4", "--server-args", "--lifespan off")
    assert (compared.status, compared.said["outcome"]) == (3, "not-compared")
    out = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "Not compared." in out
    assert said in out
    assert len([boot for one in compared.said["variants"] for boot in one["boots"]]) == 1


def test_an_app_that_never_answers_is_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """After the time that it was given."""
    (tmp_path / "slow.py").write_text("import time; print('still loading', flush=True); time.sleep(60)")
    compared = Compared(tmp_path, "slow:app", "GET /", "--start-timeout", "8")
    assert compared.status == 3
    out = capsys.readouterr().out
    assert "Nothing answered within 8 s." in out
    assert "still loading" in out


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks for the processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_nothing_is_left_when_it_is_stopped(number: signal.Signals, tmp_path: Path) -> None:
    """Ctrl+C, or a CI server that gives up: the app and its workers end, and 130 is what it ends with."""
    (tmp_path / "endless.py").write_text(
        "import asyncio, os, pathlib\n"
        "async def app(scope, receive, send):\n"
        "    if scope['type'] != 'http' or scope['path'] == '/':\n"
        "        raise RuntimeError\n"
        "    pathlib.Path(f'asked-{os.getpid()}').touch()\n"
        "    await asyncio.sleep(60)\n"
    )
    code = "import sys; from autogen_vitals.cli import main; sys.exit(main())"
    arguments = ["compare", "endless:app", "--request", "GET /wait"]
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], cwd=tmp_path, env={**os.environ}, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        while not (asked := list(tmp_path.glob("asked-*"))):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
    assert [path.name for path in asked if Path("/proc", path.name.removeprefix("asked-")).exists()] == []
