"""One place where state is made anew in a forked child."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from autogen_vitals.guard import guarded

_T = TypeVar("_T")

_renewals: list[tuple[weakref.ref[Any], Callable[[Any], None]]] = []


def renew_after_fork(owner: _T, renew: Callable[[_T], None]) -> None:
    """Call ``renew(owner)`` in every forked child, in the order of registration, for as long as ``owner`` lives.

    ``renew`` must replace locks, not take them: the thread that held one does not exist in the child.
    """
    _renewals.append((weakref.ref(owner), guarded(renew)))


@guarded
def _after_in_child() -> None:
    for reference, renew in list(_renewals):
        owner = reference()
        if owner is None:
            _renewals.remove((reference, renew))
        else:
            renew(owner)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_in_child)
