"""What is wrong with a run, told from what its component has been used for before."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.uses import Misuse, Use

HERE = os.getpid()


class Loop:
    """An event loop, as far as anybody looks."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed


def served() -> Request:
    return Request(HERE, 0, is_served=True)


def test_a_first_run_is_right() -> None:
    """Whatever loop and request it is for."""
    assert Use().begins(HERE, Loop(), served(), HERE) is None


@pytest.mark.parametrize("birth_pid", [HERE, None], ids=["seen", "not seen"])
def test_one_run_after_another_on_one_loop_is_right(birth_pid: int | None) -> None:
    """Also where the construction was not seen; what is not served has no requests to mix."""
    use, loop = Use(), Loop()
    for _ in range(3):
        assert use.begins(HERE, loop, Request(HERE, 0), birth_pid) is None
        use.ends()


@pytest.mark.parametrize("used", [True, False], ids=["used", "unused"])
def test_the_first_use_after_a_fork_is_told_apart(used: bool) -> None:
    """By whether the parent had used it; the second use says nothing new."""
    use, parent, loop = Use(), HERE - 1, Loop()
    if used:
        use.begins(parent, loop, served(), parent)
    assert use.begins(HERE, loop, served(), parent) == Misuse(forked=True, used_before_fork=used)
    use.ends()
    assert use.begins(HERE, loop, Request(HERE, 0), parent) is None


def test_what_the_parent_was_doing_is_not_going_on_in_the_child() -> None:
    """Neither its runs nor its requests overlap with ours, nor does its loop count."""
    use, parent = Use(), HERE - 1
    use.begins(parent, Loop(), served(), parent)
    misuse = use.begins(HERE, Loop(), served(), parent)
    assert misuse is not None
    assert misuse == Misuse(forked=True, used_before_fork=True)


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("closed", [True, False])
def test_another_loop_is_told_once_a_change(connected: bool, closed: bool) -> None:
    """With what the one before had come to; connections that were opened there are not this loop's."""
    use, first, second = Use(), Loop(), Loop()
    use.begins(HERE, first, None, HERE)
    use.ends()
    use.is_connected, first.closed = connected, closed
    assert use.begins(HERE, second, None, HERE) == Misuse(other_loop=True, loop_closed=closed, was_connected=connected)
    use.ends()
    assert not use.is_connected
    assert use.begins(HERE, second, None, HERE) is None


def test_a_loop_that_is_gone_is_closed() -> None:
    """A new one may have its address."""
    use = Use()
    use.begins(HERE, Loop(), None, HERE)
    use.ends()
    misuse = use.begins(HERE, Loop(), None, HERE)
    assert misuse is not None
    assert misuse.other_loop
    assert misuse.loop_closed


def test_without_a_loop_there_is_no_other_one() -> None:
    """Synchronous calls, in whatever thread, keep what was known."""
    use, loop = Use(), Loop()
    for running in (loop, None, loop):
        assert use.begins(HERE, running, None, HERE) is None
        use.ends()


def test_runs_for_two_requests_at_once_overlap() -> None:
    """For one request they may."""
    use, loop, first = Use(), Loop(), served()
    assert use.begins(HERE, loop, first, HERE) is None
    assert use.begins(HERE, loop, first, HERE) is None
    misuse = use.begins(HERE, loop, served(), HERE)
    assert misuse is not None
    assert misuse.overlaps


def test_a_request_follows_another_unless_that_was_forgotten() -> None:
    """A reset or another state in between, and it follows nobody; nor does a second run for the same request."""
    use, loop, first, second, third = Use(), Loop(), served(), served(), served()

    def run(request: Request) -> Misuse | None:
        misuse = use.begins(HERE, loop, request, HERE)
        use.ends()
        return misuse

    assert run(first) is None
    assert run(first) is None
    assert run(second) == Misuse(follows=True)
    use.forgets()
    assert run(third) is None


def test_a_run_outside_of_requests_neither_follows_nor_is_followed() -> None:
    """A warm-up in the lifespan, or a script's runs one after another."""
    use, loop = Use(), Loop()
    for request in (Request(HERE, 0), served(), Request(HERE, 0)):
        assert use.begins(HERE, loop, request, HERE) is None
        use.ends()


def test_a_real_loop_is_held_weakly() -> None:
    """What has been used on a loop does not keep it."""
    use: Any = Use()
    loop = asyncio.new_event_loop()
    use.begins(HERE, loop, None, HERE)
    loop.close()
    assert use.loop() is loop
    del loop
    assert use.loop() is None
