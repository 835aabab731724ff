"""What ``autogen-vitals run`` says while a command runs: in a terminal whole lines, elsewhere nothing."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .harness import BIN

pytestmark = pytest.mark.e2e

PROGRAM = """
import asyncio
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient

async def main():
    agent = AssistantAgent("assistant", ReplayChatCompletionClient(["a reply"]))
    print((await agent.run(task="hello")).messages[-1].content)
    try:
        await agent.run(task="there is no second reply")
    except Exception:
        print("failed")

asyncio.run(main())
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("autogen_ext.models.replay")
    (tmp_path / "program.py").write_text(PROGRAM)
    return tmp_path


def in_a_terminal(folder: Path, *options: str, **variables: str) -> tuple[int, list[str]]:
    """Exit code, and the lines that a terminal shows."""
    command = [str(BIN / "autogen-vitals"), "run", *options, "--", sys.executable, "program.py"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execve(command[0], command, {**os.environ, "TERM": "xterm-256color", **variables})
    shown = b""
    while True:
        try:
            read = os.read(terminal, 65536)
        except OSError:
            # Linux says so when the last process that had it open is gone.
            break
        if not read:
            break
        shown += read
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), shown.decode().splitlines()


def test_in_a_terminal_whole_lines_tell_what_happens(folder: Path) -> None:
    """A first request, and a crash; between the command's own lines, none of which is touched."""
    code, lines = in_a_terminal(folder)
    assert code == 0
    told = [line for line in lines if line.startswith("autogen-vitals | ")]
    assert any(re.search(r"process \d+ has served its first request: cold start \d+\.\d\d s$", line) for line in told)
    assert any(re.search(r"process \d+: \w+ in phase request, ", line) for line in told)
    assert "a reply" in lines
    assert "failed" in lines


def test_quiet_is_quiet(folder: Path) -> None:
    """Only the command is heard."""
    code, lines = in_a_terminal(folder, "--quiet")
    assert code == 0
    assert [line for line in lines if "autogen-vitals" in line] == []


def test_no_colour_is_no_colour(folder: Path) -> None:
    """NO_COLOR is respected, in a terminal that could."""
    _, colourful = in_a_terminal(folder)
    _, plain = in_a_terminal(folder, NO_COLOR="1")
    # Not what moves or makes bold: colours.
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    assert colour.search("\n".join(colourful))
    assert not colour.search("\n".join(plain))


def test_elsewhere_nothing_is_said_before_the_end(folder: Path) -> None:
    """A log gets the report, after the command's own lines, and no control characters."""
    command = [str(BIN / "autogen-vitals"), "run", "--", sys.executable, "program.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0
    assert done.stdout.splitlines() == ["a reply", "failed"]
    assert "autogen-vitals | " not in done.stderr
    assert "\x1b" not in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 120
