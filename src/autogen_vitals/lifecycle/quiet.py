"""Calls that are no work of the app's, such as a rehearsal before the first request: nothing is recorded of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_quiet: ContextVar[bool] = ContextVar("autogen_vitals_quiet", default=False)

is_quiet = _quiet.get
"""Whether what begins in the current context is not to be recorded."""


@contextmanager
def quiet() -> Iterator[None]:
    """Record nothing that begins in the block, or in a task that is created in it."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)
