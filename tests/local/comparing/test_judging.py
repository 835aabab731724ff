"""The verdict: only what several workers fail in each boot, and one worker in none, is their number's doing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from boots import ONE, PRELOADED, TWO, answer, boot, boots, found, options, told
from rich.console import Console

from autogen_vitals.local.comparing.checks import CHECKS
from autogen_vitals.local.comparing.judging import EXIT_CODES, Comparison, judge
from autogen_vitals.local.comparing.junit import write_junit
from autogen_vitals.local.comparing.report import as_json
from autogen_vitals.local.comparing.variants import Variant, plan
from autogen_vitals.local.comparing.view import show

FORKED: dict[str, Any] = {"told": told(found("AG202"))}
SHARED: dict[str, Any] = {"told": told(found("AG206"))}
FOLDER: dict[str, Any] = {"told": told(found("AG401"))}
ALWAYS, ONCE = 3, 1


def in_boots(wrong: dict[str, Any], times: int) -> list[dict[str, Any]]:
    return [wrong if number < times else {} for number in range(3)]


def judged(wrong: dict[Variant, list[dict[str, Any]]] | None = None) -> Comparison:
    return judge(options(), boots(wrong))


def shown(comparison: Comparison) -> str:
    console = Console(width=80, record=True, file=open("/dev/null", "w"))  # noqa: SIM115
    show(comparison, console)
    return console.export_text()


def test_nothing_wrong_passes() -> None:
    """Exit status 0."""
    comparison = judged()
    assert (comparison.outcome, EXIT_CODES[comparison.outcome]) == ("passes", 0)
    assert "Passes, in each of 3 boots" in shown(comparison)


@pytest.mark.parametrize(
    ("wrong", "check", "cause"),
    [
        (FORKED, "fork", "fork cross-talk"),
        (SHARED, "sharing", "a shared team or chat"),
        (FOLDER, "work-dir", "a shared work_dir"),
    ],
)
def test_what_only_several_fail_is_ag701_with_its_cause(wrong: dict[str, Any], check: str, cause: str) -> None:
    """Exit status 1; the rule that came with it is evidence, and its remedy is the remedy."""
    comparison = judged({PRELOADED: in_boots(wrong, ALWAYS)})
    assert (comparison.outcome, EXIT_CODES[comparison.outcome]) == ("only-multi-worker-fails", 1)
    (failure,) = comparison.failures
    assert (failure.rule, failure.variant, failure.checks, failure.causes) == ("AG701", PRELOADED, (check,), (cause,))
    assert failure.evidence.startswith(f"{check} in 3 of 3 boots: AG")
    assert failure.remedy.endswith("what to do about " + failure.companions[0].rule)
    text = shown(comparison)
    assert text.index("Only with several workers") < text.index("AG701 only-multi-worker-fails") < text.index("check")
    assert cause in text


def test_without_a_rule_that_came_with_it_the_remedy_is_its_own() -> None:
    """Mixed answers alone may come from anything that is shared."""
    mixed = {"answers": (answer(0, ids=frozenset({answer(1).probe})), *map(answer, range(1, 4)))}
    (failure,) = judged({TWO: in_boots(mixed, ALWAYS)}).failures
    assert (failure.checks, failure.companions) == (("answers",), ())
    assert failure.remedy.startswith("share nothing that keeps state")


def test_what_one_worker_fails_too_is_not_the_number_of_workers() -> None:
    """Exit status 3, and the verdict says so."""
    comparison = judged(dict.fromkeys((ONE, TWO, PRELOADED), in_boots(SHARED, ALWAYS)))
    assert (comparison.outcome, EXIT_CODES[comparison.outcome]) == ("one-worker-fails", 3)
    assert comparison.one_worker_fails == ("sharing",)
    assert "With one worker too" in shown(comparison)


def test_one_worker_s_failure_hides_no_other_one() -> None:
    """A shared agent fails anyway; what the fork breaks comes with several workers only."""
    both = {"told": told(found("AG206"), found("AG202"))}
    comparison = judged(
        {ONE: in_boots(SHARED, ALWAYS), TWO: in_boots(SHARED, ALWAYS), PRELOADED: in_boots(both, ALWAYS)}
    )
    (failure,) = comparison.failures
    assert (failure.checks, failure.causes) == (("fork",), ("fork cross-talk",))
    assert comparison.one_worker_fails == ("sharing",)


@pytest.mark.parametrize("times", [(0, ONCE), (ONCE, ALWAYS), (ONCE, ONCE)])
def test_boots_that_disagree_are_no_verdict(times: tuple[int, int]) -> None:
    """Exit status 3: neither fails in some boots only, nor may the one that it is compared with."""
    with_one, with_two = times
    comparison = judged({ONE: in_boots(FOLDER, with_one), TWO: in_boots(FOLDER, with_two)})
    assert (comparison.outcome, EXIT_CODES[comparison.outcome]) == ("disagrees", 3)
    assert comparison.failures == ()
    assert "In some boots only" in shown(comparison)


def test_what_fails_now_and_then_besides_is_told_with_it() -> None:
    """The fork is to blame each time, and some of the times it breaks a request."""
    broken = {**FORKED, "answers": (answer(0, status=500, ids=frozenset()), *map(answer, range(1, 4)))}
    (failure,) = judged({PRELOADED: [FORKED, broken, FORKED]}).failures
    assert failure.checks == ("fork",)
    assert failure.evidence.endswith("requests in 1 of 3 boots: 1 of 4 failed: 500 x1")


def test_what_one_worker_could_not_be_asked_blames_nobody() -> None:
    """No answer of the one worker carried an id: there is nothing to compare with."""
    silent = {"answers": tuple(answer(number, ids=frozenset()) for number in range(4))}
    mixed = {"answers": (answer(0, ids=frozenset({answer(1).probe})), *map(answer, range(1, 4)))}
    comparison = judged({ONE: in_boots(silent, ALWAYS), TWO: in_boots(mixed, ALWAYS)})
    assert (comparison.outcome, comparison.failures) == ("disagrees", ())


def test_a_comparison_that_was_stopped_says_why() -> None:
    """Exit status 3, whatever there is of it."""
    comparison = judge(options(), [boot(failure="Nothing answered")], "The app does not start with one worker.")
    assert (comparison.outcome, EXIT_CODES[comparison.outcome]) == ("not-compared", 3)
    assert "The app does not start with one worker." in shown(comparison)


def test_one_worker_is_always_the_first_variant() -> None:
    """Given or not; with what else each number of workers is tried."""
    assert plan([4, 2], preload=False, kill=False) == (ONE, TWO, Variant(4))
    names = [variant.name for variant in plan([1, 4], preload=True, kill=True)]
    assert names == ["1", "4", "4 preload", "4 kill"]


def test_the_table_fits_80_columns() -> None:
    """With four variants, all of which fail."""
    text = shown(judged(dict.fromkeys((ONE, TWO, PRELOADED), in_boots(SHARED, ALWAYS))))
    assert max(map(len, text.splitlines())) <= 80
    for name, meaning in CHECKS.items():
        assert f"{name} ({meaning})" in text


def test_json_has_a_schema_and_all_that_is_shown() -> None:
    """It can be written, and its keys are those of schema 1."""
    said = json.loads(json.dumps(as_json(judged({PRELOADED: in_boots(FORKED, ALWAYS)}))))
    assert (said["schema"], said["outcome"], said["exit_code"]) == (1, "only-multi-worker-fails", 1)
    assert set(said) == {
        *("schema", "app", "server", "requests", "count", "concurrency", "repeat", "outcome", "exit_code", "stopped"),
        *("findings", "one_worker_fails", "disagreeing", "variants"),
    }
    (finding,) = said["findings"]
    assert (finding["rule"], finding["variant"], finding["came_with"][0]["rule"]) == ("AG701", "2 preload", "AG202")
    one, _, preloaded = said["variants"]
    assert one["checks"]["fork"] == {"failed": 0, "asked": 3}
    assert preloaded["checks"]["fork"] == {"failed": 3, "asked": 3}
    assert one["boots"][0]["warm"] == {"p50_ms": 100, "p95_ms": 120, "count": 9}


def test_junit_has_a_case_for_each_boot_and_check(tmp_path: Path) -> None:
    """Failed and skipped ones say why, and what XML cannot hold does no harm."""
    odd = {"failure": "The server ended\n\n\x1b[31mits log\x00"}
    comparison = judged({TWO: in_boots(odd, ONCE), PRELOADED: in_boots(FORKED, ALWAYS)})
    write_junit(comparison, tmp_path / "compare.xml")
    suites = ElementTree.parse(tmp_path / "compare.xml").getroot()
    assert len(suites.findall(".//testcase")) == 9 * len(CHECKS)
    assert [suite.attrib["failures"] for suite in suites] == ["0", "1", "3"]
    assert [suite.attrib["skipped"] for suite in suites] == ["0", str(len(CHECKS) - 1), "0"]
    messages = [failure.attrib["message"] for failure in suites.findall(".//failure")]
    assert messages == ["The server ended", *["AG202 its-name at app.py:7"] * 3]
