"""Medians, quartiles, and who is ahead."""

from __future__ import annotations

import pytest
from bench.spread import Spread, differences, ratios, standing


def test_many_measurements_have_a_median_and_quartiles():
    assert Spread.of([5, 1, 2, 4, 3]) == Spread(3, 2, 4)


def test_few_measurements_have_a_median_and_extremes():
    assert Spread.of([3, 1, 2]) == Spread(2, 1, 3)
    assert Spread.of([7]) == Spread(7, 7, 7)


def test_nothing_measured_has_no_spread():
    assert Spread.of([]) is None


def test_rounds_are_compared_with_themselves_and_an_unfinished_one_with_nothing():
    assert differences([10, 20, 30], [9, 18]) == [1, 2]


def test_a_round_whose_reference_is_nothing_has_no_ratio():
    assert ratios([10, 20], [0, 10]) == [2]


@pytest.mark.parametrize(
    ("ours", "expected"),
    [
        ([9, 18, 27, 36, 45], "ahead"),
        ([11, 22, 33, 44, 55], "behind"),
        ([9, 22, 27, 44, 50], "level"),
    ],
)
def test_ours_is_ahead_or_behind_only_where_the_rounds_agree(ours: list[float], expected: str):
    assert standing(ours, [10, 20, 30, 40, 50]) == expected


def test_a_slow_round_of_the_machine_does_not_decide_who_is_ahead():
    theirs = [10.0, 10, 10, 10, 900, 10, 10, 10, 10]
    ours = [9.0, 9, 9, 9, 899, 9, 9, 9, 9]
    assert standing(ours, theirs) == "ahead"


def test_nobody_is_ahead_of_what_was_not_measured():
    assert standing([1, 2], []) is None
