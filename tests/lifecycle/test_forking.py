"""State is made anew in a forked child, and in the parent it stays."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

from autogen_vitals.lifecycle import forking
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork, resume_after_fork


class State:
    """Something that must be empty in a child."""

    def __init__(self) -> None:
        self.values = ["the parent's"]

    def clear(self) -> None:
        self.values = []


def test_it_is_renewed_in_the_child_only(in_fork: Callable[..., Any]) -> None:
    """The parent's state is left as it is."""
    state = State()
    renew_after_fork(state, State.clear)
    assert in_fork(lambda: state.values) == []
    assert state.values == ["the parent's"]


def test_a_grandchild_is_renewed_too(in_fork: Callable[..., Any]) -> None:
    """A child's own state is not its child's."""
    state = State()
    renew_after_fork(state, State.clear)

    def child() -> list[Any]:
        state.values.append("the child's")
        return [in_fork(lambda: state.values), state.values]

    assert in_fork(child) == [[], ["the child's"]]


def test_the_order_of_registration_is_kept(in_fork: Callable[..., Any]) -> None:
    """What was there first is renewed first."""
    order: list[str] = []
    first, second = State(), State()
    renew_after_fork(first, lambda _: order.append("first"))
    renew_after_fork(second, lambda _: order.append("second"))
    assert in_fork(lambda: order) == ["first", "second"]


def test_one_that_raises_keeps_no_other(in_fork: Callable[..., Any]) -> None:
    """A renewal that fails is guarded, and the app's child lives."""
    failing, state = State(), State()

    def fail(_: State) -> None:
        raise LookupError

    renew_after_fork(failing, fail)
    renew_after_fork(state, State.clear)
    assert in_fork(lambda: state.values) == []


def test_the_owner_is_not_kept_alive(in_fork: Callable[..., Any]) -> None:
    """One that is gone is forgotten with all it has registered, though the process has not forked; and not renewed."""
    called: list[str] = []
    registries = (forking._preparations, forking._resumptions, forking._renewals)
    gc.collect()
    before = [len(registered) for registered in registries]
    state = State()
    for register in (prepare_for_fork, resume_after_fork, renew_after_fork):
        register(state, lambda _: called.append("called"))
    assert [len(registered) for registered in registries] == [number + 1 for number in before]
    del state
    gc.collect()
    assert [len(registered) for registered in registries] == before
    assert in_fork(lambda: called) == []
    assert called == []
