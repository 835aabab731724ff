"""Findings in the terminal."""

from __future__ import annotations

import io

from rich.console import Console

from autogen_vitals.local.otlp import ReceivedLog
from autogen_vitals.local.report.findings_view import print_findings

from .builders import crash, finding, reported


def printed(*logs: ReceivedLog) -> str:
    output = io.StringIO()
    print_findings(reported(*logs).findings, Console(file=output, width=80))
    return output.getvalue()


def test_it_says_where_what_was_seen_and_what_to_do() -> None:
    """Of each rule and line; what is of no line has none; in 80 columns."""
    out = printed(finding("AG101"), finding("AG606", "info", number=None))
    for word in ("AG101", "warning", "app.py:51", "name-of-ag101", "what process 7 saw", "what AG101 says"):
        assert word in out
    assert max(map(len, out.splitlines())) <= 80


def test_a_crash_that_no_rule_explains_is_said_to_be_one() -> None:
    """With what it was."""
    out = printed(crash("ZeroDivisionError", "request"))
    assert "a crash that no rule explains" in out
    assert "ZeroDivisionError ended request" in out


def test_nothing_found_is_nothing_said() -> None:
    """No empty table."""
    assert printed() == ""


def test_very_many_are_counted() -> None:
    """Thirty are shown."""
    out = printed(*(finding("AG101", number=number) for number in range(1, 40)))
    assert out.count("name-of-ag101") == 30
    assert "and 9 more" in out
