"""The baseline: a file that people commit, and find again a year later on another machine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from made_up import a_sample, an_init

from autogen_vitals.local.checking.baseline import (
    Baseline,
    baseline_of,
    differences,
    drift,
    read_baseline,
    this_machine,
    write_baseline,
)
from autogen_vitals.local.checking.budgets import UsageError
from autogen_vitals.local.checking.sample import Request
from autogen_vitals.local.checking.summary import summarise

REQUEST = Request("app:build")


def a_baseline() -> Baseline:
    return baseline_of(REQUEST, summarise([a_sample(inits=[an_init(again=1, again_seconds=0.1, needless=True)])] * 3))


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Nothing of it is lost, and nobody else's file is left beside it."""
    path = tmp_path / "startup.json"
    write_baseline(path, a_baseline())
    assert read_baseline(path) == a_baseline()
    assert [file.name for file in tmp_path.iterdir()] == ["startup.json"]


def test_it_says_what_it_is_and_where_it_was_measured(tmp_path: Path) -> None:
    """Schema, machine, Python, packages, measures in seconds: for people, and for a program of next year."""
    path = tmp_path / "startup.json"
    write_baseline(path, a_baseline())
    said = json.loads(path.read_text())
    assert said["schema"] == 1
    assert set(said["machine"]) == {"python", "cpu", "cpus"}
    assert said["measures"]["total"] == 1.0
    assert said["packages"]["opentelemetry-sdk"]
    assert said["inits"]["OpenAIChatCompletionClient construct app.py app.build"]["site"] == "app.py:5"


def test_none_is_no_error(tmp_path: Path) -> None:
    """The first run has none yet."""
    assert read_baseline(tmp_path / "none.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "3", "{}", '{"schema": 1}', '{"schema": 2, "autogen_vitals": "9"}'])
def test_what_is_none_is_refused_and_how_to_get_one_said(content: str, tmp_path: Path) -> None:
    """Whatever the file has in it, it is a usage error, not a traceback, and the file stays as it is."""
    path = tmp_path / "startup.json"
    path.write_text(content)
    with pytest.raises(UsageError, match="--update"):
        read_baseline(path)
    assert path.read_text() == content


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    """No traceback."""
    with pytest.raises(UsageError, match=r"startup\.json cannot be written"):
        write_baseline(tmp_path / "none" / "startup.json", a_baseline())


def test_the_same_machine_compares() -> None:
    """Nothing to warn about, and nothing has changed."""
    assert differences(a_baseline(), REQUEST) == []
    assert drift(a_baseline()) == []


def test_another_machine_is_told() -> None:
    """A laptop's numbers are no measure for CI's."""
    other = replace(a_baseline(), machine={**this_machine(), "cpu": "Pentium III"})
    (said,) = differences(other, REQUEST)
    assert "another machine" in said
    assert "Pentium III" in said


def test_another_question_is_told() -> None:
    """Another target, or another number of calls, gives other numbers."""
    said = differences(a_baseline(), Request("app:other", calls=5))
    assert len(said) == 2


def test_versions_that_have_changed_are_told() -> None:
    """They are the likeliest reason that imports have grown."""
    old = a_baseline()
    old = replace(old, packages={**old.packages, "opentelemetry-sdk": "1.0.0", "openai-agents": "1.0"})
    now = a_baseline().packages["opentelemetry-sdk"]
    assert drift(old) == ["openai-agents 1.0 -> none", f"opentelemetry-sdk 1.0.0 -> {now}"]
