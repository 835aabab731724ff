"""One place where state is made anew in a forked child."""

from __future__ import annotations

import itertools
import os
import time
import weakref
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any, TypeVar

from autogen_vitals.guard import guarded

_T = TypeVar("_T")

_Registered = dict[int, tuple["weakref.ref[Any]", Callable[[Any], None]]]

# In the order of registration. An entry goes with its owner, whether the process ever forks or not.
_preparations: _Registered = {}
_resumptions: _Registered = {}
_renewals: _Registered = {}
_numbers = itertools.count()


def renew_after_fork(owner: _T, renew: Callable[[_T], None]) -> None:
    """Call ``renew(owner)`` in every forked child, in the order of registration, for as long as ``owner`` lives.

    ``renew`` must replace locks, not take them: the thread that held one does not exist in the child.
    """
    _register(_renewals, owner, renew)


def prepare_for_fork(owner: _T, prepare: Callable[[_T], None]) -> None:
    """Call ``prepare(owner)`` in the parent before every fork, for as long as ``owner`` lives."""
    _register(_preparations, owner, prepare)


def resume_after_fork(owner: _T, resume: Callable[[_T], None]) -> None:
    """Call ``resume(owner)`` in the parent after every fork, for as long as ``owner`` lives."""
    _register(_resumptions, owner, resume)


def _register(registered: _Registered, owner: _T, call: Callable[[_T], None]) -> None:
    number = next(_numbers)
    registered[number] = weakref.ref(owner, lambda _: registered.pop(number, None)), call


def wait_for(work: Lock, timeout: float) -> None:
    """Before a fork: wait until another thread has let go of ``work``, for ``timeout`` seconds at the most.

    For the first delivery, which imports what exporters need: a child that is forked in the middle of that inherits the
    lock of a module whose import never ends there, and waits for it for good as soon as the app imports it too.
    """
    if work.locked() and work.acquire(timeout=timeout):
        work.release()


def wait_for_end(thread: Thread, timeout: float) -> None:
    """Before a fork: wait until ``thread`` has ended, for ``timeout`` seconds at the most.

    CPython 3.12 and later warn of a fork in a process with threads, of which they ask the kernel. It still lists one
    that ``join()`` says has ended, for some microseconds.
    """
    deadline = time.monotonic() + timeout
    thread.join(timeout)
    while os.path.exists(f"/proc/self/task/{thread.native_id}") and time.monotonic() < deadline:
        time.sleep(0.0002)


@guarded
def _before() -> None:
    _call_all(_preparations)


@guarded
def _after_in_parent() -> None:
    _call_all(_resumptions)


@guarded
def _after_in_child() -> None:
    _call_all(_renewals)


def _call_all(registered: _Registered) -> None:
    for reference, call in list(registered.values()):
        owner = reference()
        if owner is not None:
            guarded(call)(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
