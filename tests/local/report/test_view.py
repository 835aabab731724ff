"""A report in the terminal: the verdict in the first screen, 80 columns, plain where there is no terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from autogen_vitals.local.report import Report, show

from .builders import (
    cannot_start,
    crash,
    finding,
    gone,
    init,
    init_durations,
    reported,
    request,
    startup,
    worker_info,
)

FULL = reported(
    startup(7, spawn=80, imports=900, model_wait=100),
    startup(8, spawn=90, imports=950, served=False),
    worker_info(7),
    init_durations(7, 5, 300),
    init(0, 60),
    init(1010, 50, again=True),
    init(2010, 50, again=True),
    request(0, 500, "cold", name="GET /prices"),
    *(request(1000 * n, 200, "rebuild", name="GET /prices", inits=50, error="ValueError") for n in (1, 2, 3)),
    finding("AG101", count=3, duration=0.15),
    finding("AG205", "error", number=67),
    finding("AG205", "error", number=71),
    finding("AG102", "info", number=75),
    crash(
        "ValueError",
        category="team_already_running",
        operation="invoke_workflow RoundRobinGroupChat",
        trace="abcdef0123",
    ),
    gone(8, "signal", signal="SIGKILL", operation="chat gpt-4o-mini", rule="AG503"),
    gone(7, "drained"),
)


def shown(report: Report, *, width: int = 80, encoding: str = "utf-8", terminal: bool = False) -> str:
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    show(report, Console(file=output, width=width, force_terminal=terminal or None))
    output.seek(0)
    return output.read()


def first_screen(report: Report) -> list[str]:
    lines = shown(report).splitlines()
    explained = next(index for index, line in enumerate(lines) if line.startswith("autogen-vitals explain"))
    return [line.rstrip() for line in lines[: explained + 1]]


def test_the_verdict_comes_first() -> None:
    """What was run, how many things there are to fix, and each with line, what it saves, and what to do."""
    lines = first_screen(FULL)
    assert lines[0] == "uvicorn --workers 2 app:app"
    assert lines[1] == "20261129-091233-uvicorn, 60.0 s, exit code 0, 2 processes, 4 requests"
    assert lines[3] == "5 things to fix."
    assert "crash app.py:51: ValueError ended run in invoke_workflow RoundRobinGroupChat: 1" in lines
    assert "AG205 app.py:67, 71: found 2 times" in lines
    assert "AG101 app.py:51: 50 ms per request of GET /prices, 25%" in lines
    assert "      what AG101 says" in lines
    assert "Worth knowing: AG102 app.py:75" in lines


@pytest.mark.parametrize("number", [1, 5, 9, 40])
def test_the_verdict_fits_the_first_screen(number: int) -> None:
    """However much there is to fix: then the rest is counted, and below."""
    told = [finding(f"AG{100 + n}", number=n + 1) for n in range(number)]
    lines = first_screen(reported(request(0, 90), *told))
    assert len(lines) <= 24
    assert "AG100 app.py:1" in lines
    shown = sum(line.startswith("AG") for line in lines)
    assert shown == number or f"      and {number - shown} more rules: see Findings below" in lines


def test_a_crash_loop_names_its_cause_in_the_first_screen() -> None:
    """And the rules of which it is the cause."""
    told = [log for number, pid in enumerate((11, 12, 13), 1) for log in cannot_start(pid, number)]
    assert "AG301 app.py:51 (also AG501, AG502): 3 processes could not start" in first_screen(reported(*told))


def test_every_part_is_there() -> None:
    """Of which anything is known."""
    text = shown(FULL)
    for heading in (
        "Cold starts",
        "Never served a request that uses AutoGen: 8",
        "What was built, by all processes",
        "Requests",
        "Exceptions that got out",
        "Processes that died at work",
        "Processes that ended as they should: 1 drained",
        "Findings",
        "Processes",
    ):
        assert heading in text.splitlines() or heading in text


def test_a_crash_says_when_it_was() -> None:
    """Seconds after the run began, by the process."""
    lines = shown(FULL).splitlines()
    row = next(index for index, line in enumerate(lines) if line.split()[:2] == ["8", "request"])
    assert lines[row + 1].split()[:2] == ["0.2", "s"]


def test_what_is_not_known_has_no_heading() -> None:
    """A report on nothing is the verdict."""
    text = shown(reported())
    assert "No process told anything." in text
    assert "Cold starts" not in text
    assert "Requests" not in text


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1"])
def test_it_is_plain_where_there_is_no_terminal(encoding: str) -> None:
    """No colours, 80 columns, nothing that the encoding does not have."""
    text = shown(FULL, encoding=encoding)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert ("#####" in text) == (encoding != "utf-8")


def test_colours_are_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    """And not for those who do not want any."""
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1;31m" in shown(FULL, terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in shown(FULL, terminal=True)


def test_many_are_counted() -> None:
    """Four cold starts, twelve names, sixteen processes; the rest is said to be there."""
    told = [startup(pid, spawn=80 + pid) for pid in range(1, 31)]
    requests = [request(0, 90, name=f"GET /{number}", pid=number) for number in range(1, 31)]
    text = shown(reported(*told, *requests))
    assert "Cold starts, the longest; 26 more" in text
    assert "18 more names" in text
    assert "14 more" in text
    assert text.count("idle (left out)") == 2
