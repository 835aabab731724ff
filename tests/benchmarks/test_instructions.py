"""What we add to the hot paths does not grow unnoticed: counted in instructions, which no other process disturbs."""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")
pytest.importorskip("starlette")

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "instructions"))

import baseline
import measuring

# One process: what is measured once serves several tests.
pytestmark = [pytest.mark.xdist_group("instructions"), pytest.mark.timeout(600)]


@pytest.fixture(scope="module", autouse=True)
def countable() -> None:
    """Left out where nobody has asked for it, where it cannot be counted, or would say nothing."""
    if os.environ.get("AUTOGEN_VITALS_INSTRUCTIONS") != "true":
        pytest.skip("takes minutes, and the processor that the baseline is of: make instructions")
    wrong = baseline.mismatch(baseline.load())
    if wrong:
        pytest.skip(f"the baseline is of something else: {wrong}")
    try:
        measuring.valgrind()
    except measuring.CannotCount as error:
        pytest.skip(str(error))


@cache
def counted() -> Any:
    """Everything, once."""
    return measuring.measure()


def test_no_operation_takes_more_than_it_did() -> None:
    """What an app does may take a tenth more of ours than the baseline says, a part of ours, on the build of Python
    that the baseline is of, 3 % more; else ``make instructions ARGS=--update``, if it is worth it."""
    figures = baseline.compared(counted(), baseline.load())
    too_much = [
        f"{one.operation} ({one.probe}): {one.added} instructions, not {one.kept}" for one in figures if one.is_too_much
    ]
    assert not too_much


def test_everything_that_is_kept_is_counted() -> None:
    """An operation that is counted no more, or counts nothing, would never be too much."""
    kept = baseline.load()["counts"]
    assert {probe: set(operations) for probe, operations in counted().items()} == {
        probe: set(operations) for probe, operations in kept.items()
    }
    assert all(one.added > 0 and one.kept is not None for one in baseline.compared(counted(), baseline.load()))


@pytest.mark.parametrize(
    ("mutation", "operation", "probe"),
    [
        ("copy in Metrics.ended", "metric", "sdk"),
        ("copy in Telemetry.ended", "telemetry", "no_sdk"),
        ("copy in Tracker.begin_run", "lifecycle", "no_sdk"),
    ],
)
def test_a_needless_copy_of_a_dictionary_is_found(mutation: str, operation: str, probe: str) -> None:
    """Planted in a hot path, it makes too much of the part that it is in."""
    kept = baseline.load()
    if kept["build"] != baseline.build():
        pytest.skip("on another build of Python the limit is wider than a copy")
    mutated = measuring.measure(mutation, (operation,), (probe,))
    figures = [one for one in baseline.compared(mutated, kept) if one.operation == operation]
    assert [one.is_too_much for one in figures] == [True]
