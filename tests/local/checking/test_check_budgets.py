"""Budgets: what somebody writes into a CI file, with its units."""

from __future__ import annotations

import pytest

from autogen_vitals.local.checking.budgets import UsageError, amount, parse_budgets, parse_tolerance


def test_units_are_what_people_write() -> None:
    """Milliseconds, seconds, megabytes and plain numbers, in one option or several."""
    assert parse_budgets(["init=300ms, imports=1.5s", "reinit=0,rss=80MB,total=2"]) == {
        "init": pytest.approx(0.3),
        "imports": 1.5,
        "reinit": 0,
        "rss": 80,
        "total": 2,
    }


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ("inits=3", "did you mean 'init'?"),
        ("nonsense=3", "There are: total, imports, init"),
        ("init", "has no value: it takes seconds or milliseconds"),
        ("init=fast", "it takes seconds or milliseconds"),
        ("init=-1s", "it takes seconds"),
        ("reinit=0ms", "it takes a plain number"),
        ("rss=3s", "it takes megabytes"),
    ],
)
def test_a_budget_that_is_none_is_refused_with_what_would_be(budget: str, told: str) -> None:
    """The message has the names, or the units."""
    with pytest.raises(UsageError) as raised:
        parse_budgets([budget])
    assert told in str(raised.value)


def test_a_tolerance_is_a_share() -> None:
    """As a percentage or a fraction; a bare 20 would be twenty-fold, which nobody means."""
    assert parse_tolerance("20%") == pytest.approx(0.2)
    assert parse_tolerance("0.3") == pytest.approx(0.3)
    assert parse_tolerance("150%") == pytest.approx(1.5)
    for nonsense in ("20", "much", "", "-5%"):
        with pytest.raises(UsageError, match="such as 20%"):
            parse_tolerance(nonsense)


def test_amounts_are_read_by_people() -> None:
    """Milliseconds below a second, seconds above, no decimals on counts."""
    assert [amount(0.0304, "s"), amount(1.5, "s"), amount(45.94, "MB"), amount(1009.0, "count")] == [
        "30 ms",
        "1.50 s",
        "45.9 MB",
        "1,009",
    ]
