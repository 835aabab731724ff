"""State is made anew in a forked child, and in the parent it stays."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.lifecycle import forking
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork, resume_after_fork, wait_for_end


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
    # By number: what other tests have left may go at any moment.
    before = [set(registered) for registered in registries]
    state = State()
    for register in (prepare_for_fork, resume_after_fork, renew_after_fork):
        register(state, lambda _: called.append("called"))
    ours = [set(registered) - others for registered, others in zip(registries, before, strict=True)]
    assert [len(numbers) for numbers in ours] == [1, 1, 1]
    del state
    gc.collect()
    assert [numbers & set(registered) for numbers, registered in zip(ours, registries, strict=True)] == [set()] * 3
    assert in_fork(lambda: called) == []
    assert called == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody asks the kernel")
def test_a_thread_that_has_ended_is_gone_for_the_kernel_too() -> None:
    """``join()`` says so before: then CPython 3.12 warns of a fork."""
    threads = [threading.Thread(target=lambda: None) for _ in range(200)]
    for thread in threads:
        thread.start()
        wait_for_end(thread, 10)
        assert not os.path.exists(f"/proc/self/task/{thread.native_id}")


def test_one_that_does_not_end_is_not_waited_for_for_good() -> None:
    """The fork comes, and its warning."""
    over = threading.Event()
    thread = threading.Thread(target=over.wait, daemon=True)
    thread.start()
    began = time.monotonic()
    wait_for_end(thread, 0.05)
    assert thread.is_alive()
    assert time.monotonic() - began < 10
    over.set()
    thread.join(10)
