"""scripts/their-tests: a test that ends in another way with us than without is told."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_core")

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "their-tests"

PLANTED = """
import os
import sys

from autogen_core.tools import FunctionTool


def test_it_works():
    FunctionTool(lambda: None, "does nothing", name="nothing")


def test_it_never_works():
    raise LookupError


def test_it_notices():
    assert "autogen_vitals" not in sys.modules


def test_register_receives_publish():
    assert os.environ.get("THEIR_TESTS_NATIVE_SPANS") != "replace"
"""


@pytest.fixture
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


def _runs(script: dict[str, Any], tmp_path: Path, **files: str) -> Any:
    folder = tmp_path / "theirs"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return script["Runs"](sys.executable, folder, tmp_path, [])


def test_a_test_that_notices_us_is_told(
    script: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What never works is not; nor what differs on purpose, if it does not with native spans."""
    told = script["compared"](_runs(script, tmp_path, test_runtime=PLANTED, test_broken="import nowhere_to_be_found"))
    assert told == ["theirs: test_runtime.py::test_it_notices: passed; with us: failed by AssertionError in call"]
    said = capsys.readouterr().out
    assert all(counted in said for counted in ("3 passed", "1 failed", "1 not collected")), said
    assert "test_register_receives_publish differs on purpose" in said


def test_a_run_without_a_span_of_ours_proves_nothing(script: dict[str, Any], tmp_path: Path) -> None:
    """Equal outcomes are worth nothing where the instrumentation was not at work."""
    runs = _runs(script, tmp_path, test_nothing="def test_nothing(): ...")
    assert runs.run("plain") == {"test_nothing.py::test_nothing": "passed"}
    with pytest.raises(script["Failed"], match="not instrumented"):
        runs.run("replace")
