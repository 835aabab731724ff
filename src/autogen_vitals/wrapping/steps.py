"""A coroutine driven step by step, to tell when its own code runs from when it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from autogen_vitals.guard import hide_caller_frame, unseen

Ran = Callable[[int, int], object]
"""Told from when to when a step took, on the monotonic clock. Never raises."""


class TimedSteps:
    """Awaits ``coroutine``, and tells ``ran`` of each stretch of code between two of its suspensions.

    Answers, exceptions and cancellation go to and fro as if it was not there.
    """

    __slots__ = ("_coroutine", "_ran")

    def __init__(self, coroutine: Coroutine[Any, Any, Any], ran: Ran) -> None:
        self._coroutine = coroutine
        self._ran = ran

    def __await__(self) -> TimedSteps:
        return self

    def __iter__(self) -> TimedSteps:
        return self

    @unseen
    def __next__(self, resume: Callable[[], Any] | None = None) -> Any:
        begin_ns = time.perf_counter_ns()
        try:
            result = self._coroutine.send(None) if resume is None else resume()
        except BaseException as error:
            self._ran(begin_ns, time.perf_counter_ns())
            hide_caller_frame(error)
            raise
        self._ran(begin_ns, time.perf_counter_ns())
        return result

    @unseen
    def send(self, value: Any) -> Any:
        try:
            return self.__next__(partial(self._coroutine.send, value))
        except BaseException as error:
            hide_caller_frame(error)
            raise

    @unseen
    def throw(self, *exception: Any) -> Any:
        try:
            return self.__next__(partial(self._coroutine.throw, *_as_one(*exception)))
        except BaseException as error:
            hide_caller_frame(error)
            raise

    @unseen
    def close(self) -> None:
        try:
            self._coroutine.close()
        except BaseException as error:
            hide_caller_frame(error)
            raise


def _as_one(kind: Any, *rest: Any) -> tuple[Any, ...]:
    """``(type, value, traceback)`` as the one value it stands for: of three, Python has warned already."""
    value = rest[0] if rest else None
    if isinstance(kind, type) and isinstance(value, BaseException) and isinstance(value, kind):
        return (value.with_traceback(rest[1] if len(rest) > 1 else None),)
    return (kind, *rest)
