"""The stack of another thread, read while an event loop runs in it."""

from __future__ import annotations

from types import FrameType

from autogen_vitals.lifecycle.sites import Site, SiteFinder, describe, is_user_file

_STACK_LIMIT = 2_000

# The method of asyncio's loops, and of those derived from them, that runs the steps of one round; and what it calls
# besides steps: ``select`` is a method of selectors and of the proactor alike.
RUNNER, _WAITING = "_run_once", frozenset({"select", "_process_events"})
_COROUTINE_FLAGS = 0x80 | 0x100 | 0x200  # inspect.CO_COROUTINE, CO_ITERABLE_COROUTINE, CO_ASYNC_GENERATOR

_FINDER = SiteFinder(())


def runner_around(frame: FrameType | None) -> int:
    """``id()`` of the frame around the outermost coroutine."""
    runner = 0
    while frame is not None:
        if frame.f_code.co_flags & _COROUTINE_FLAGS:
            runner = id(frame.f_back)
        frame = frame.f_back
    return runner


def step_of(frame: FrameType | None, runner: int) -> tuple[list[FrameType], object]:
    """The step that a loop is in, while it neither waits nor is between two steps.

    Returns:
        Its frames, the innermost first, and what tells it from any other step of the same round: its number where the
        loop is written in Python and counts, else its outermost frame.
    """
    stack: list[FrameType] = []
    while frame is not None and len(stack) < _STACK_LIMIT:
        if id(frame) == runner:
            return stack, stack[-1] if stack else None
        if frame.f_code.co_name == RUNNER:
            waits = bool(stack) and stack[-1].f_code.co_name in _WAITING
            return [] if waits else stack, frame.f_locals.get("i", 0)
        stack.append(frame)
        frame = frame.f_back
    return [], None


def site_of(stack: list[FrameType]) -> Site:
    """The line of a step that is to be shown: the app's own, where there is one."""
    # Of the step's own frames only: the line that runs the loop, outside them, is the app's too.
    for frame in stack:
        if is_user_file(frame.f_code.co_filename) and not _FINDER.is_skipped(frame):
            return describe(frame)
    return describe(stack[0])
