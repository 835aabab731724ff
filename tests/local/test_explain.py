"""``autogen-vitals explain``: what somebody reads who has met a number in a log."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogen_vitals.cli import main
from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.local import explain

IDS = list(catalogue())


@pytest.mark.parametrize("asked", ["AG205", "ag205", "agent-shared-between-requests"])
def test_a_rule_is_explained_by_id_and_by_name(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its page, without what the tests are told about its code."""
    assert main(["explain", asked]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# AG205 · agent-shared-between-requests\n")
    assert "**You see**" in out
    assert "```python\n" in out
    assert "```python finds" not in out


@pytest.mark.parametrize("rule", IDS)
def test_every_rule_has_its_page(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With its own name, the fix, and when it does not matter."""
    assert main(["explain", rule]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"# {rule} · {catalogue()[rule].name}\n")
    assert "**Ignore it**" in out


def test_without_a_rule_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Id, severity, name and remedy, in a line each, and what to ask next."""
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    assert [line[:5] for line in out.splitlines() if line.startswith("AG")] == IDS
    for rule in catalogue().values():
        assert rule.name in out
        assert rule.remedy in out
    assert "autogen-vitals explain AG205" in out


def test_a_word_finds_the_rules_that_speak_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    """As somebody searches who has an error message and no number."""
    assert main(["explain", "is already running"]) == 0
    out = capsys.readouterr().out
    assert "AG206" in out
    assert "AG101" not in out


@pytest.mark.parametrize(("asked", "near"), [("AG999", "AG"), ("agnt-shared-betwen-requests", "agent-shared-between")])
def test_what_there_is_not_is_an_error_that_helps(asked: str, near: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit status 1, what comes near, and how to see all; nothing on the standard output."""
    assert main(["explain", asked]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert f"There is no rule '{asked}'" in captured.err
    assert near in captured.err.partition("near to it")[2] or asked == "AG999"
    assert "autogen-vitals explain lists all" in captured.err


def test_a_missing_page_is_made_up_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """An installation without the pages says what the rule itself says."""
    monkeypatch.setattr(explain, "_PACKAGED", Path("/nowhere"))
    monkeypatch.setattr(explain, "_IN_CHECKOUT", Path("/nowhere"))
    assert main(["explain", "AG101"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# AG101 · client-rebuilt-per-request\n")
    assert catalogue()["AG101"].remedy in out
