"""Tables say what was measured, what was not, and where ours is not ahead."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from bench import report
from bench.results import Results
from bench.rows import STEADY
from bench.subjects import SUBJECTS
from bench.writing import END, number

MACHINE = {"processor": "A processor", "cores": 2, "system": "Linux x86_64", "python": "3.11.7"}


def results(ours: float, openlit: float) -> Results:
    found = Results(5, machine=MACHINE, load=[0.1, 0.2])
    for extra in range(5):
        for subject, run in (("bare", 50.0), ("autogen", 100.0), ("ours", ours), ("openlit", openlit)):
            found.add("steady", subject, "batch", {"run": run + extra})
    return found


def test_the_reference_is_shown_as_it_is_and_the_others_by_what_they_add():
    table = report.table(results(80, 110), STEADY["batch"])
    head, _, row = table.splitlines()
    assert head == "|  | AutoGen without its spans | autogen-vitals | AutoGen's own spans | openlit |"
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[:3] == ["agent run, µs", "52.0 (51.0…53.0)", "**+30.0** ×1.58 (30.0…30.0)"]


def test_rows_and_columns_that_nobody_measured_are_left_out():
    table = report.table(results(80, 110), STEADY["batch"])
    assert "team run" not in table
    assert "mlflow" not in table
    assert report.table(results(80, 110), STEADY["api"]) == ""


def test_a_value_of_few_rounds_is_a_dash_where_a_subject_has_none():
    found = results(80, 110)
    found.add("steady", "bare", "batch", {"team": 1000.0})
    assert report.table(found, STEADY["batch"]).splitlines()[-1].count("–") == 3


def test_where_ours_is_not_ahead_the_report_says_of_whom_and_by_how_much():
    text = report.markdown(results(120, 110))
    assert "- agent run (batch processor): behind AutoGen's own spans (+20.0 µs), behind openlit (+10.0 µs)" in text
    assert "| of openlit | 0 | 0 | 1 |" in text


def test_where_ours_is_ahead_of_all_nothing_is_to_be_explained():
    text = report.markdown(results(80, 110))
    assert "| of openlit | 1 | 0 | 0 |" in text
    assert "Not ahead" not in text


def test_a_budget_that_is_not_met_says_so_and_why():
    found = results(80, 110)
    for _ in range(5):
        found.add("floor", "autogen", "batch", {"span": 10.0})
    text = report.markdown(found)
    assert "| ≤ 1.3 × an SDK span as current with 8 attributes | 30.0 (30.0…30.0) µs | 13.0 µs | **not met** |" in text
    assert "Why:" in text


def test_a_reason_is_given_once_for_all_that_it_explains():
    found = results(120, 110)
    for _ in range(5):
        found.add("floor", "autogen", "batch", {"span": 10.0})
        found.add("steady", "ours", "api", {"run": 120.0})
        found.add("steady", "autogen", "api", {"run": 60.0})
    assert report.markdown(found).count("passes four wrapped methods") == 2


def test_a_subject_that_could_not_be_installed_is_told_with_the_reason():
    found = results(80, 110)
    found.failures = {"traceloop": "ERROR: no matching version", "steady mlflow batch": "ended with 1: no store"}
    text = report.markdown(found)
    assert "| traceloop-sdk | not installed: ERROR: no matching version |" in text
    assert "- steady mlflow batch: ended with 1: no store" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234.5, "1,234"), (52.04, "52.0"), (3.14159, "3.14"), (-3.14159, "−3.14"), (0.001, "0"), (-0.001, "0")],
)
def test_numbers_have_three_digits(value: float, text: str):
    assert number(value) == text


def test_the_tables_replace_what_stood_between_the_marks(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    for _ in range(2):
        report.write(results(80, 110), readme)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{report.BEGIN}\n\nA processor, 2 cores")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text


def test_a_readme_without_the_marks_is_left_alone(tmp_path: Path):
    readme = tmp_path / "README.md"
    readme.write_text("no marks", encoding="utf-8")
    with pytest.raises(ValueError, match="begin"):
        report.write(results(80, 110), readme)
    assert readme.read_text(encoding="utf-8") == "no marks"


def test_numbers_of_few_rounds_or_of_a_busy_machine_are_called_so():
    found = results(80, 110)
    assert "To be measured again" not in report.markdown(found)
    found.load = [0.5, 9.0]
    assert "the machine had other work" in report.markdown(found)
    found.load, found.rounds = [0.5, 1.0], 2
    assert "fewer than 4 rounds" in report.markdown(found)


def test_each_subject_has_a_title_of_its_own():
    assert len({subject.title for subject in SUBJECTS}) == len(SUBJECTS)
    assert all(dataclasses.is_dataclass(subject) for subject in SUBJECTS)
