"""The rule files: that they fire when they should and no other time, and that somebody who is woken up finds a page."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import catalogue
import prometheus
import pytest
import yaml

from boards.queries import counted

ROOT = Path(__file__).parents[2]
RULES = ROOT / "dashboards" / "rules"
BOARDS = ROOT / "dashboards" / "grafana"
RUNBOOK = ROOT / "docs" / "runbook.md"
FILES = sorted(RULES.glob("*.yml"))
UNIT_TESTS = sorted((RULES / "tests").glob("*.yml"))

Rule = dict[str, Any]


def rules_of(path: Path) -> list[Rule]:
    """All rules of a file, in its order."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


RECORDED = [rule for path in FILES for rule in rules_of(path) if "record" in rule]
ALERTS = [rule for path in FILES for rule in rules_of(path) if "alert" in rule]


def series() -> dict[str, frozenset[str]]:
    """What the package emits, and what the recording rules make of it."""
    known = catalogue.emitted()
    for rule in RECORDED:
        known[rule["record"]] = frozenset(re.findall(r"\w+", re.search(r"sum by \(([^)]*)\)", rule["expr"])[1]))
    return known


def docs_of_the_boards() -> str:
    """Where the boards look for pages."""
    variables = json.loads((BOARDS / "autogen-crashes.json").read_text())["templating"]["list"]
    return next(variable["query"] for variable in variables if variable["name"] == "docs")


def name_of(rule: Rule) -> str:
    """Its name, of whichever kind."""
    return rule.get("alert") or rule["record"]


def test_promtool_accepts_the_files() -> None:
    """A Prometheus loads them."""
    prometheus.promtool("check", "rules", *FILES)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.stem)
def test_unit_tests_of_the_rules(path: Path) -> None:
    """Each alert fires when it should, with these labels and words, and is silent in what looks like it."""
    prometheus.promtool("test", "rules", path)


@pytest.mark.parametrize("rule", RECORDED + ALERTS, ids=name_of)
def test_a_rule_asks_for_what_is_emitted(rule: Rule) -> None:
    """Every series and label in it is one of the package, or of a recording rule: what is renamed is found here."""
    assert not catalogue.unknown(rule["expr"], series())


def test_what_is_counted_is_not_counted_by_increase(tmp_path: Path) -> None:
    """Ends of processes counted by increase() alone are a crash loop that nobody is told of: the unit tests say so."""
    for path in FILES:
        (tmp_path / path.name).write_text(path.read_text().replace("max_over_time(", "increase("))
    (tmp_path / "tests").mkdir()
    copy = tmp_path / "tests" / "crashes.yml"
    copy.write_text((RULES / "tests" / "crashes.yml").read_text())
    prometheus.promtool("check", "rules", *sorted(tmp_path.glob("*.yml")))
    with pytest.raises(prometheus.PrometheusFailed, match="AutoGenCrashLoop"):
        prometheus.promtool("test", "rules", copy)


@pytest.mark.parametrize("rule", RECORDED, ids=name_of)
def test_rules_count_as_the_boards_do(rule: Rule) -> None:
    """An alert and the board beside it say the same number."""
    expression = "".join(rule["expr"].split())
    selector, window = re.search(r"increase\((.+?)\[(\w+)\]\)", expression).groups()
    assert "".join(counted(selector, window).split()) in expression


def test_every_recording_rule_is_used() -> None:
    """By an alert, by another rule, or by a query of the runbook."""
    used = {name for rule in RECORDED + ALERTS for name, _ in catalogue.asked(rule["expr"]).series}
    text = RUNBOOK.read_text()
    assert [rule["record"] for rule in RECORDED if rule["record"] not in used and rule["record"] not in text] == []


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_says_what_somebody_on_call_needs(rule: Rule) -> None:
    """How bad it is, which service, how much of it, and where to read on."""
    name, notes = rule["alert"], rule["annotations"]
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert "{{ $labels.job }}" in notes["summary"]
    assert "{{ $labels.job }}" in notes["description"]
    assert "$value" in notes["description"]
    assert notes["runbook_url"] == f"{docs_of_the_boards()}/runbook.md#{name.lower()}"


def firing_and_silent() -> tuple[dict[str, int], dict[str, int]]:
    """In how many unit tests each alert fires, and in how many it is silent."""
    fires: dict[str, int] = defaultdict(int)
    silent: dict[str, int] = defaultdict(int)
    for path in UNIT_TESTS:
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                (fires if case["exp_alerts"] else silent)[case["alertname"]] += 1
    return fires, silent


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_an_alert_is_tested_both_ways(rule: Rule) -> None:
    """There is a history in which it fires, and one in which it does not."""
    fires, silent = firing_and_silent()
    assert fires[rule["alert"]]
    assert silent[rule["alert"]]


def test_no_unit_test_is_about_an_alert_that_is_gone() -> None:
    """A misspelt name would be silent in every history."""
    fires, silent = firing_and_silent()
    assert {*fires, *silent} == {rule["alert"] for rule in ALERTS}


def sections() -> dict[str, str]:
    """The runbook's sections by their headings."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_the_runbook_has_a_section_for_each_alert_and_no_other() -> None:
    """Whoever follows runbook_url arrives, and no section is about an alert that is gone."""
    assert [heading for heading in sections() if heading.startswith("AutoGen")] == [rule["alert"] for rule in ALERTS]


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_a_section_says_what_to_do(rule: Rule) -> None:
    """What it means, where to look, what to do, and when it is false."""
    section = sections()[rule["alert"]]
    for word in ("**Look**", "**Do**", "**False**"):
        assert word in section, f"{rule['alert']} has no {word}"


def test_the_runbook_sends_nobody_to_a_panel_that_is_not_there() -> None:
    """Board and title of each are those of the boards."""
    panels = set()
    for path in BOARDS.glob("*.json"):
        board = json.loads(path.read_text())
        panels |= {(board["title"].removeprefix("AutoGen / "), panel["title"]) for panel in board["panels"]}
    named = re.findall(r"([A-Z][a-z ]+) → \*([^*]+)\*", " ".join(RUNBOOK.read_text().split()))
    assert len(named) >= len(ALERTS)
    assert [f"{board} → {panel}" for board, panel in named if (board, panel) not in panels] == []


@pytest.mark.parametrize("heading", sections() if RUNBOOK.exists() else [])
def test_queries_of_the_runbook(heading: str) -> None:
    """They can be pasted: PromQL of series and labels that are there."""
    for query in re.findall(r"```promql\n(.*?)```", sections()[heading], flags=re.DOTALL):
        assert not catalogue.unknown(query.strip(), series()), query


def test_what_is_not_there_is_found() -> None:
    """The look-up behind the tests above: a series, a label and a grouping that nobody emits."""
    wanted = 'sum by (job, shop) (rate(autogen_crashes_total{shop="x"}[5m])) / on (job) sum by (job) (autogen_spells)'
    assert catalogue.unknown(wanted, catalogue.emitted()) == [
        "there is no series autogen_spells",
        "autogen_crashes_total has no label shop",
        "nothing in it has the label shop",
    ]
