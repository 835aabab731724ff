"""What ``make test`` leaves to ``make test-long``: more cases of its tests, and none of these as a whole."""

from __future__ import annotations

import pytest


def test_no_test_is_long_in_all_its_cases(collected: list[pytest.Item]) -> None:
    """Whoever runs ``make test`` has run each test at least once."""
    short = {_test(item) for item in collected if item.get_closest_marker("long") is None}
    assert sorted({_test(item) for item in collected} - short) == []


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]
