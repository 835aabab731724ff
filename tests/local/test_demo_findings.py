"""The demo's findings: what is computed from the events, and how it reads in a terminal."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from autogen_vitals.local.demo_findings import FoundRule, compute_findings, show_findings
from autogen_vitals.local.receiver import ReceivedLog


def finding(rule: str, severity: str, pid: int, line: int | None = 51) -> ReceivedLog:
    attributes: dict[str, Any] = {
        "autogen.finding.rule": rule,
        "autogen.finding.name": f"name-of-{rule.lower()}",
        "autogen.finding.severity": severity,
        "autogen.finding.remedy": "build it once",
        "process.pid": pid,
    }
    if line is not None:
        attributes |= {"code.file.path": "/srv/shop/app.py", "code.line.number": line}
    return ReceivedLog("autogen.finding", "WARN", None, attributes, {}, "autogen_vitals", "", "", 1, 0)


def printed(found: list[FoundRule]) -> str:
    console = Console(file=io.StringIO(), width=80)
    show_findings(found, console)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_what_several_workers_have_found_is_one_line() -> None:
    """By rule, severity and line, the worst first; other events are no findings."""
    other = ReceivedLog("autogen.crash", "ERROR", None, {}, {}, "autogen_vitals", "", "", 1, 0)
    logs = [other, finding("AG102", "info", 1), finding("AG205", "error", 1), finding("AG102", "info", 2)]
    assert compute_findings(logs) == [
        FoundRule("AG205", "name-of-ag205", "error", "app.py:51", "build it once", 1),
        FoundRule("AG102", "name-of-ag102", "info", "app.py:51", "build it once", 2),
    ]


def test_it_says_where_and_what_to_do() -> None:
    """And how to know more; what is of no line has none; in 80 columns."""
    out = printed(compute_findings([finding("AG101", "warning", 1), finding("AG606", "info", 1, line=None)]))
    for word in ("AG101", "warning", "app.py:51", "name-of-ag101", "build it once", "autogen-vitals explain AG101"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80


def test_nothing_found_is_nothing_said() -> None:
    """No empty table."""
    assert printed([]) == ""
