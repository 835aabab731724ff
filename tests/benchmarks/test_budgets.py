"""A budget is met or not by medians, against bounds of the same run."""

from __future__ import annotations

from bench.budgets import Budget, added, fixed, growth, ratio, share_of_an_expensive_init, value, verdicts
from bench.results import Results


def results() -> Results:
    found = Results(3)
    for extra in (0.0, 1.0, 50.0):
        found.add("steady", "bare", "batch", {"run": 50.0 + extra})
        found.add("steady", "ours", "batch", {"run": 80.0 + extra})
        found.add("floor", "autogen", "batch", {"span": 25.0})
    return found


def test_what_ours_adds_is_held_against_a_bound_measured_in_the_same_run():
    budget = Budget(
        "run", "≤ 1.3 x", "µs", added("steady", "run", "bare"), value("floor", "span", "autogen", times=1.3)
    )
    (verdict,) = verdicts(results(), (budget,))
    assert (verdict.measured.median, verdict.bound) == (30, 32.5)
    assert verdict.met


def test_a_median_above_its_bound_is_not_met():
    (verdict,) = verdicts(results(), (Budget("run", "≤ 29", "µs", added("steady", "run", "bare"), fixed(29)),))
    assert not verdict.met


def test_ratios_are_those_of_the_rounds():
    (verdict,) = verdicts(results(), (Budget("run", "≤ 2", "", ratio("steady", "run", "bare"), fixed(2)),))
    assert verdict.measured.high == 1.6
    assert verdict.met


def test_a_budget_without_numbers_has_no_verdict():
    assert verdicts(results(), (Budget("team", "≤ 1", "", ratio("steady", "team", "bare"), fixed(1)),)) == []
    assert (
        verdicts(results(), (Budget("run", "", "", added("steady", "run", "bare"), value("floor", "no", "ours")),))
        == []
    )


def test_growth_is_that_of_what_is_added_and_not_of_autogen():
    found = Results(1)
    found.add("growth", "bare", "batch", {"run_1": 50.0, "run_1000": 90.0})
    found.add("growth", "ours", "batch", {"run_1": 80.0, "run_1000": 123.0})
    assert growth("run", 1, 1000)(found) == [1.1]


def test_the_share_of_an_expensive_init_is_what_a_cheap_one_costs_more_and_a_span():
    found = Results(1)
    found.add("steady", "bare", "batch", {"construct": 5.0, "construct_client": 25_000.0})
    found.add("steady", "ours", "batch", {"construct": 105.0, "construct_client": 20_000.0})
    found.add("floor", "autogen", "batch", {"span": 25.0})
    assert share_of_an_expensive_init(found) == [0.5]
