"""One place where state is made anew in a forked child."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from autogen_vitals.guard import guarded

_T = TypeVar("_T")

_preparations: list[tuple[weakref.ref[Any], Callable[[Any], None]]] = []
_resumptions: list[tuple[weakref.ref[Any], Callable[[Any], None]]] = []
_renewals: list[tuple[weakref.ref[Any], Callable[[Any], None]]] = []


def renew_after_fork(owner: _T, renew: Callable[[_T], None]) -> None:
    """Call ``renew(owner)`` in every forked child, in the order of registration, for as long as ``owner`` lives.

    ``renew`` must replace locks, not take them: the thread that held one does not exist in the child.
    """
    _renewals.append((weakref.ref(owner), guarded(renew)))


def prepare_for_fork(owner: _T, prepare: Callable[[_T], None]) -> None:
    """Call ``prepare(owner)`` in the parent before every fork, for as long as ``owner`` lives."""
    _preparations.append((weakref.ref(owner), guarded(prepare)))


def resume_after_fork(owner: _T, resume: Callable[[_T], None]) -> None:
    """Call ``resume(owner)`` in the parent after every fork, for as long as ``owner`` lives."""
    _resumptions.append((weakref.ref(owner), guarded(resume)))


def wait_for(work: Lock, timeout: float) -> None:
    """Before a fork: wait until another thread has let go of ``work``, for ``timeout`` seconds at the most.

    For the first delivery, which imports what exporters need: a child that is forked in the middle of that inherits the
    lock of a module whose import never ends there, and waits for it for good as soon as the app imports it too.
    """
    if work.locked() and work.acquire(timeout=timeout):
        work.release()


@guarded
def _before() -> None:
    _call_all(_preparations)


@guarded
def _after_in_parent() -> None:
    _call_all(_resumptions)


@guarded
def _after_in_child() -> None:
    _call_all(_renewals)


def _call_all(registered: list[tuple[weakref.ref[Any], Callable[[Any], None]]]) -> None:
    for reference, call in list(registered):
        owner = reference()
        if owner is None:
            registered.remove((reference, call))
        else:
            call(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
