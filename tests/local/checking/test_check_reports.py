"""What a check tells programs, and people at 80 columns."""

from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from made_up import a_sample, an_init

pytest.importorskip("rich")

from rich.console import Console

from autogen_vitals.local.checking import reports
from autogen_vitals.local.checking.baseline import baseline_of
from autogen_vitals.local.checking.sample import Block, Failure, FoundRule, Request, read, write
from autogen_vitals.local.checking.summary import Summary, summarise
from autogen_vitals.local.checking.verdict import Judgement, judge
from autogen_vitals.local.checking.view import explain_failure, show

REQUEST = Request("app.main:build")
LONG = "services/a_rather_long_name_of_a_folder/another_one/app.py"


def regressed() -> tuple[Summary, Judgement]:
    baseline = baseline_of(REQUEST, summarise([a_sample()] * 5))
    again = an_init(file=LONG, again=1, again_seconds=0.2, needless=True)
    sample = a_sample(
        total=2.0,
        packages={"openai": 0.3, "pandas<&>": 0.9},
        inits=[again],
        findings=[
            FoundRule("AG201", "info", "built at import", "a factory", "app.py:4"),
            FoundRule("AG302", "warning", "a key was read at import", "defer it", "app.py:3"),
        ],
        blocks=[Block(0.4, "app.py:9")],
        connects=2,
    )
    summary = summarise([sample] * 5)
    return summary, judge(summary, {"reinit": 0}, baseline, 0.2)


def text_of(summary: Summary, judgement: Judgement) -> str:
    file = io.StringIO()
    show(REQUEST, summary, judgement, Console(file=file, width=80, highlight=False))
    return file.getvalue()


def test_the_verdict_comes_first_and_the_culprits_are_named() -> None:
    """Within 80 columns, without colours where there is no terminal."""
    text = text_of(*regressed())
    assert text.startswith("FAIL  app.main:build: too much total, reinit")
    assert "import pandas<&>: +900 ms, new" in text
    assert "reinit OpenAIChatCompletionClient at" in text
    assert "autogen-vitals explain AG104" in text
    assert "AG302 warning app.py:3" in text
    assert "AG201" not in text
    assert "1 more finding worth knowing" in text
    assert "stood still for 400 ms at app.py:9" in text.replace("\n", " ")
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_a_start_that_is_good_enough_says_so_in_its_first_word() -> None:
    """And one that was held against nothing says that."""
    summary = summarise([a_sample()] * 3)
    assert text_of(summary, judge(summary, {"total": 2}, None, 0.2)).startswith("PASS  app.main:build is ready")
    assert "held against nothing" in text_of(summary, judge(summary, {}, None, 0.2)).replace("\n", " ")


def test_json_has_a_schema_and_all_that_the_terminal_has() -> None:
    """Keys that others will rely on."""
    summary, judgement = regressed()
    said = json.loads(json.dumps(reports.as_json(REQUEST, summary, judgement)))
    assert said["schema"] == 1
    assert said["passed"] is False
    assert said["rule"] == "AG104"
    assert {row["name"]: row["verdict"] for row in said["measures"]}["total"] == "fail"
    assert said["grown"][0]["what"] == "pandas<&>"
    assert said["inits"][0]["line"] == 5
    assert said["error"] is None
    failure = reports.failure_as_json(REQUEST, Failure("raised", "call", "KeyError"), "it raised")
    assert failure["passed"] is False
    assert failure["error"]["type"] == "KeyError"


def test_junit_has_a_case_for_each_measure_that_is_held() -> None:
    """A failure with the numbers and the culprits; what XML cannot say is left out."""
    suite = ElementTree.fromstring(reports.as_junit(REQUEST, *regressed()))
    assert suite.get("failures") == "3"
    (total,) = [case for case in suite.iter("testcase") if case.get("name") == "total"]
    failure = total.find("failure")
    assert failure is not None
    assert failure.get("message") == "total is 2.00 s, and may be 1.20 s; it was 1.00 s"
    assert "pandas<&>" in (failure.text or "")
    error = Failure("raised", "call", "Odd\x00Error")
    suite = ElementTree.fromstring(reports.failure_as_junit(REQUEST, error, "raised \x1b"))
    assert suite.get("errors") == "1"


def test_what_went_wrong_says_what_to_do() -> None:
    """For each way in which there is nothing to judge."""
    said = {
        kind: explain_failure(REQUEST, Failure(kind, "call", names=["one"], message="it was killed"), stub_model=False)
        for kind in ("no_module", "no_attribute", "takes_arguments", "ended")
    }
    assert "PYTHONPATH" in said["no_module"]
    assert "It has: one" in said["no_attribute"]
    assert "without one" in said["takes_arguments"]
    assert "python -c 'import app.main; app.main.build()'" in said["ended"]


def test_a_missing_key_offers_the_stub() -> None:
    """Unless it was the stub that it was run with."""
    failure = Failure("raised", "call", "OpenAIError", "Missing credentials", "missing_credentials", "app.py:5")
    assert "app.py:5" in explain_failure(REQUEST, failure, stub_model=False)
    assert "--stub-model" in explain_failure(REQUEST, failure, stub_model=False)
    assert "--stub-model" not in explain_failure(REQUEST, failure, stub_model=True)


def test_a_sample_survives_its_way_through_a_file(tmp_path: Path) -> None:
    """Nothing of it is lost between the process that measured and the one that asked."""
    sample = a_sample(
        blocks=[Block(0.4, "app.py:9")], findings=[FoundRule("AG302", "warning", "evidence", "remedy", "app.py:3")]
    )
    for outcome in (sample, Failure("raised", "call", "KeyError", site="app.py:3")):
        write(tmp_path / "result.json", outcome)
        assert read(tmp_path / "result.json") == outcome
    assert read(tmp_path / "none.json") is None
