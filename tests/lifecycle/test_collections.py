"""Garbage collections: timed while the process starts, and not afterwards."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autogen_vitals.lifecycle.collections import Collections


@pytest.fixture
def told() -> list[tuple[int, int]]:
    """Begin and end of each collection."""
    return []


@pytest.fixture
def collections(told: list[tuple[int, int]]) -> Iterator[Collections]:
    """Installed, and the only ones to collect are the tests themselves."""
    gc.collect()
    gc.disable()
    watched = Collections(lambda begin_ns, end_ns: told.append((begin_ns, end_ns)))
    watched.install()
    yield watched
    watched.remove()
    gc.enable()


def test_a_collection_is_told_with_its_time(collections: Collections, told: list[tuple[int, int]]) -> None:
    """Once, whatever was installed twice."""
    collections.install()
    gc.collect()
    ((begin_ns, end_ns),) = told
    assert end_ns - begin_ns > 0


def test_what_another_thread_collects_is_not_told(collections: Collections, told: list[tuple[int, int]]) -> None:
    """The main thread may have nothing to do meanwhile."""
    thread = threading.Thread(target=gc.collect)
    thread.start()
    thread.join()
    assert not told


def test_what_is_removed_leaves_nothing(collections: Collections, told: list[tuple[int, int]]) -> None:
    """And may be removed again."""
    before = list(gc.callbacks)
    collections.remove()
    collections.remove()
    gc.collect()
    assert not told
    assert len(gc.callbacks) == len(before) - 1


def test_what_fails_does_not_reach_the_collection(capfd: pytest.CaptureFixture[str]) -> None:
    """Nor the terminal: an exception in a callback of gc's would be printed there."""

    def fail(begin_ns: int, end_ns: int) -> None:
        raise LookupError

    watched = Collections(fail)
    watched.install()
    try:
        gc.collect()
    finally:
        watched.remove()
    assert "LookupError" not in capfd.readouterr().err


def test_an_end_without_a_beginning_is_none(collections: Collections, told: list[tuple[int, int]]) -> None:
    """Of a collection that was under way when it was installed, or in the parent of a fork."""
    collections._callback("stop", {})
    assert not told


def test_a_forked_child_has_it_too(
    collections: Collections, told: list[tuple[int, int]], in_fork: Callable[..., Any]
) -> None:
    """Its collections are its own."""

    def collect() -> int:
        told.clear()
        gc.collect()
        return len(told)

    assert in_fork(collect) == 1
    assert not told
