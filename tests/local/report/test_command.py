"""``autogen-vitals report``: which run, in which form, and what is said where that cannot be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from autogen_vitals.cli import main
from autogen_vitals.local.report.command import write_reports
from autogen_vitals.local.store import RunWriter

from .builders import finding, recording, request


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Two runs, of which nothing was told."""
    for name in ("20261129-091233-first", "20261129-093000-second"):
        run = recording(id=name).run
        RunWriter(tmp_path / "runs", replace(run, ended_ns=0)).finish(run)
    return tmp_path / "runs"


def report(store: Path, *arguments: str) -> int:
    return main(["report", "--store", str(store), *arguments])


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ([], "20261129-093000-second"),
        (["20261129-0912"], "20261129-091233-first"),
        (["20261129-093000-second"], "20261129-093000-second"),
    ],
)
def test_the_run_that_was_asked_for_is_shown(
    asked: list[str], shown: str, store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The newest one where none was."""
    assert report(store, *asked) == 0
    out = capsys.readouterr().out
    assert shown in out
    assert "No process told anything." in out


def test_a_file_is_a_run_too(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its path, from anywhere."""
    assert main(["report", str(next(store.glob("*first*")))]) == 0
    assert "20261129-091233-first" in capsys.readouterr().out


def test_runs_are_listed(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With what they were."""
    assert report(store, "--list") == 0
    out = capsys.readouterr().out
    assert "20261129-091233-first" in out
    assert "20261129-093000-second" in out
    assert "exit 0" in out
    assert "uvicorn" in out


def test_where_no_run_is_there_is_said_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the standard error, but for the list, which is empty."""
    assert report(tmp_path) == 1
    assert "autogen-vitals run --" in capsys.readouterr().err
    assert report(tmp_path, "--list") == 0
    assert "autogen-vitals run --" in capsys.readouterr().out


@pytest.mark.parametrize("asked", ["20261129", "20300101", "nowhere.db"])
def test_a_run_that_is_not_there_is_no_traceback(asked: str, store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nor one of several."""
    assert report(store, asked) == 1
    err = capsys.readouterr().err
    assert asked in err
    assert "Traceback" not in err


def test_two_runs_are_compared(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As text, as JSON, or as a page."""
    assert report(store, "20261129-0912", "20261129-0930") == 0
    assert "A: 20261129-091233-first" in capsys.readouterr().out
    assert report(store, "20261129-0912", "20261129-0930", "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "comparison"
    page = store / "page.html"
    assert report(store, "20261129-0912", "20261129-0930", "--html", str(page)) == 0
    assert "20261129-091233-first" in page.read_text()
    assert capsys.readouterr().out == ""


def test_json_is_all_that_is_printed(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the standard output; or a file, and then its name."""
    assert report(store, "--json", "-") == 0
    assert json.loads(capsys.readouterr().out)["run"]["id"] == "20261129-093000-second"
    assert report(store, "--json", str(store / "report.json")) == 0
    assert json.loads((store / "report.json").read_text())["kind"] == "report"
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "report.json" in captured.err


def test_a_page_is_one_file(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whose name is told, with the verdict."""
    assert report(store, "--html", str(store / "page.html")) == 0
    assert "No process told anything." in (store / "page.html").read_text()
    assert "page.html" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_said(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By its name."""
    assert report(store, "--json", str(store / "nowhere" / "report.json")) == 1
    assert "report.json cannot be written" in capsys.readouterr().err


def test_after_a_run_the_standard_output_stays_the_command_s(capsys: pytest.CaptureFixture[str]) -> None:
    """The report goes to the standard error."""
    write_reports(recording(request(0, 90), finding("AG101")))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "AG101" in captured.err


@pytest.mark.e2e
def test_what_run_has_recorded_is_reported(tmp_path: Path) -> None:
    """A script that builds a client for each of its requests: by its line; after that what has become of the fix."""
    pytest.importorskip("autogen_ext.models.openai")
    program = """\
import asyncio, sys
import autogen_vitals
from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient

async def main():
    shared = OpenAIChatCompletionClient(model="gpt-4o-mini")
    for _ in range(5):
        with autogen_vitals.request("ask"):
            client = shared if sys.argv[1] == "fixed" else OpenAIChatCompletionClient(model="gpt-4o-mini")
            await AssistantAgent("a", client).run(task="hi")

asyncio.run(main())
"""
    (tmp_path / "app.py").write_text(program)

    def command(*arguments: str) -> str:
        cli = [sys.executable, "-c", "import sys; from autogen_vitals.cli import main; sys.exit(main())", *arguments]
        environment = {**os.environ, "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(tmp_path / "state")}
        done = subprocess.run(cli, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for how in ("broken", "fixed"):
        command("run", "--quiet", "--stub-model", "--", sys.executable, "app.py", how)
    broken, fixed = sorted(path.stem for path in (tmp_path / ".autogen-vitals").glob("*.db"))
    told = json.loads(command("report", broken, "--json", "-"))
    rebuilt = next(one for one in told["verdict"]["to_fix"] if one["rule"] == "AG101")
    assert rebuilt["site"] == {"file": "app.py", "line": 10, "function": "__main__.main"}
    assert rebuilt["cost"]["of_requests"] == "ask"
    assert "per request of ask" in rebuilt["saves"]
    assert sum(told["requests"][0]["starts"].values()) == 5
    assert told["run"]["exit_code"] == 0
    assert "AG101 app.py:10" in command("report", broken)
    assert "AG101 at app.py:10" in command("report", broken, fixed)
