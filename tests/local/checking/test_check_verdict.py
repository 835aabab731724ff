"""The verdict: what fails, what is named for it, and what is no regression."""

from __future__ import annotations

import pytest
from made_up import a_sample, an_init

from autogen_vitals.local.checking.baseline import Baseline, baseline_of
from autogen_vitals.local.checking.sample import Request, Sample
from autogen_vitals.local.checking.summary import summarise
from autogen_vitals.local.checking.verdict import Grown, Judgement, judge

REQUEST = Request("app:build")


def baseline(*samples: Sample) -> Baseline:
    return baseline_of(REQUEST, summarise(samples or [a_sample()] * 5))


def judged(*samples: Sample, against: Baseline | None = None, **budgets: float) -> Judgement:
    return judge(summarise(samples), budgets, against, 0.2)


def failed(judgement: Judgement) -> list[str]:
    return [row.measure.name for row in judgement.failed]


def told(judgement: Judgement) -> list[tuple[str, str]]:
    return [(grown.kind, grown.what) for grown in judgement.grown]


def test_the_median_counts() -> None:
    """One sample that the machine has spoilt fails nothing; most of them do."""
    slow = a_sample(total=9.0)
    assert failed(judged(a_sample(), a_sample(), slow, total=2)) == []
    assert failed(judged(a_sample(), slow, slow, total=2)) == ["total"]


def test_what_equals_its_budget_is_within_it() -> None:
    """A budget is the most that it may be."""
    assert failed(judged(*[a_sample()] * 3, total=1.0, reinit=0)) == []


def test_the_same_start_passes_its_own_baseline() -> None:
    """And is held against it, every measure."""
    judgement = judged(*[a_sample()] * 5, against=baseline())
    assert failed(judgement) == []
    assert {row.verdict for row in judgement.rows} == {"pass"}


def test_a_few_milliseconds_are_no_regression() -> None:
    """Of a small measure the tolerance would be less than the machine's own moods."""
    before = baseline(*[a_sample(stages={"imports": 0.5, "init": 0.010})] * 5)
    after = a_sample(stages={"imports": 0.5, "init": 0.025})
    assert failed(judged(*[after] * 5, against=before)) == []


def test_a_new_heavy_import_is_caught_and_named_first() -> None:
    """By its package, as new, and before what has grown by less."""
    stages = {"imports": 0.9, "init": 0.2}
    after = a_sample(total=1.4, stages=stages, packages={"openai": 0.31, "pandas": 0.4, "app": 0.1})
    judgement = judged(*[after] * 5, against=baseline())
    assert failed(judgement) == ["total", "imports"]
    assert judgement.grown[0] == Grown("import", "pandas", "", 0.0, 0.4, is_new=True)
    assert ("import", "app") not in told(judgement)


def test_a_new_init_is_caught_and_named_with_its_line() -> None:
    """What was there before, and is as it was, is not."""
    search = an_init(kind="memory", type="ChromaDBVectorMemory", line=9, seconds=0.5)
    after = a_sample(total=1.5, stages={"imports": 0.5, "init": 0.7}, inits=[an_init(), search])
    judgement = judged(*[after] * 5, against=baseline())
    assert failed(judgement) == ["total", "init"]
    assert [(grown.what, grown.site, grown.is_new) for grown in judgement.grown if grown.kind == "init"] == [
        ("ChromaDBVectorMemory", "app.py:9", True)
    ]


def test_a_line_that_has_moved_is_the_same_line() -> None:
    """Lines that were added above it are no regression of it: file, function and class tell it."""
    moved = a_sample(total=1.5, inits=[an_init(line=50)])
    judgement = judged(*[moved] * 5, against=baseline())
    assert failed(judgement) == ["total"]
    assert [grown for grown in judgement.grown if grown.kind == "init"] == []


def test_a_client_that_later_calls_build_again_is_named() -> None:
    """By the budget reinit, with its line and what it takes."""
    again = a_sample(inits=[an_init(again=1, again_seconds=0.05, needless=True)])
    judgement = judged(*[again] * 3, reinit=0)
    assert failed(judgement) == ["reinit"]
    assert [(grown.kind, grown.site, grown.count) for grown in judgement.grown] == [("reinit", "app.py:5", 1)]
    assert failed(judged(*[again] * 5, against=baseline())) == ["reinit", "reinit_time"]


def test_an_agent_for_each_call_is_not_scolded() -> None:
    """It has state, is cheap, and is built again as it should be."""
    agents = a_sample(inits=[an_init(kind="agent", type="AssistantAgent", again=1, again_seconds=0.001)])
    assert failed(judged(*[agents] * 3, reinit=0)) == []


def test_what_no_import_and_no_init_accounts_for_is_told_by_stage() -> None:
    """A factory that sleeps has no import and no init to blame."""
    stages = {"imports": 0.5, "init": 0.2, "gc": 0.1, "ready": 0.6, "other": 0.1}
    judgement = judged(*[a_sample(total=1.5, stages=stages)] * 5, against=baseline())
    assert told(judgement) == [("stage", "ready")]


def test_without_a_baseline_the_largest_parts_are_told() -> None:
    """Over a budget for the first time: what it is made of, the largest first."""
    judgement = judged(*[a_sample()] * 3, total=0.5)
    assert told(judgement)[:2] == [("import", "openai"), ("init", "OpenAIChatCompletionClient")]
    assert all(grown.before is None for grown in judgement.grown)


@pytest.mark.parametrize(("repeat", "warns"), [(1, True), (2, True), (3, False)])
def test_too_few_samples_are_a_warning(repeat: int, warns: bool) -> None:
    """It passes or fails all the same, but says so."""
    assert bool(judged(*[a_sample()] * repeat, total=2).warnings) is warns


def test_without_anything_to_hold_it_against_it_passes() -> None:
    """And is known to have been held against nothing."""
    judgement = judged(*[a_sample()] * 3)
    assert failed(judgement) == []
    assert not judgement.is_held
