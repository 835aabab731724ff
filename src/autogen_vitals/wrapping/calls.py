"""Wrappers around constructors, plain calls and coroutines.

Each is the thin shell between the app and us: it calls the original exactly once, tells the watch, and re-raises what
the original raised without its own frame in the traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Coroutine, Mapping
from functools import partial
from types import CoroutineType, FrameType
from typing import Any

from autogen_vitals.guard import UNSEEN_FILE, guarded_by_position, hide_caller_frame, unseen
from autogen_vitals.wrapping.steps import TimedSteps
from autogen_vitals.wrapping.streams import observed_stream
from autogen_vitals.wrapping.watch import Watch

# Variables of our frames that say which run they are of. None of theirs may name an exception: up to CPython 3.12 a
# frame keeps what observation_on has read, and on 3.10 the exception keeps the frame.
_TELLING = frozenset({"observation", "run"})

WrapperFunction = Callable[[Callable[..., Any], Any, tuple[Any, ...], Mapping[str, Any]], Any]

GoesOn = Callable[[Any, Any, tuple[Any, ...], Mapping[str, Any]], Any]
"""Result, observation and arguments → what stands for the result, ``None`` for itself; never raises."""


def plain_call(watch: Watch, goes_on: GoesOn | None = None) -> WrapperFunction:
    """Observe a call from its beginning to its return: a constructor, ``__setstate__``, a sync ``start``.

    One that is not over by then ``goes_on``: that is given the observation, to end it.
    """

    @unseen
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        observation = watch.begin(instance, args, kwargs)
        token = watch.enter(observation) if observation is not None else None
        try:
            result = wrapped(*args, **kwargs)
        except BaseException:
            if observation is not None:
                watch.leave(observation, token)
                watch.end(observation, None, sys.exc_info()[1])
            hide_caller_frame(sys.exc_info()[1])
            raise
        if observation is None:
            return result
        watch.leave(observation, token)
        if goes_on is None:
            watch.end(observation, result, None)
            return result
        stand_in = goes_on(result, observation, args, kwargs)
        return result if stand_in is None else stand_in

    return wrapper


def deferred_call(watch: Watch) -> WrapperFunction:
    """Observe what a call gives back: a coroutine while it runs, a stream from its first item to its end.

    Decided by the value, not by the function: ``ChatCompletionCache.create_stream`` is a plain function that returns
    an async generator, and a user's override may return a coroutine from anywhere. Anything else, say a task that
    already runs, is handed on as it is.
    """

    @unseen
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        observed = _observed(result, watch, instance, args, kwargs)
        return result if observed is None else observed

    return wrapper


@guarded_by_position
def _observed(result: Any, watch: Watch, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if watch.continues(instance, args, kwargs):
        return None
    if type(result) is CoroutineType:
        coroutine = _run(_Held(result), watch, instance, args, kwargs)
        # A "never awaited" warning and a debugger then name the app's function.
        coroutine.__name__, coroutine.__qualname__ = result.__name__, result.__qualname__
        return coroutine
    if hasattr(result, "__anext__"):
        return observed_stream(result, watch, instance, args, kwargs)
    return None


class _Held:
    """Closes a coroutine that was never started, so that only the one around it is reported as never awaited."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        self.coroutine = coroutine

    @guarded_by_position
    def __del__(self) -> None:
        self.coroutine.close()


@unseen
async def _run(held: _Held, watch: Watch, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    observation = watch.begin(instance, args, kwargs)
    token = watch.enter(observation) if observation is not None else None
    try:
        if observation is not None and watch.timed(observation):
            result = await TimedSteps(held.coroutine, partial(watch.ran, observation))
        else:
            result = await held.coroutine
    except BaseException:
        if observation is not None:
            watch.leave(observation, token)
            watch.end(observation, None, sys.exc_info()[1])
        hide_caller_frame(sys.exc_info()[1])
        raise
    if observation is not None:
        watch.leave(observation, token)
        watch.end(observation, result, None)
    return result


def observation_on(frame: FrameType) -> Any:
    """The observation whose code a frame of ours is waiting for, else ``None``.

    For a thread that looks at another's stack: what is current there, in a context variable, it cannot see. Frames of
    no use for that are not read, for what is read stays in them.
    """
    code = frame.f_code
    if code.co_filename != UNSEEN_FILE or not _TELLING.intersection(code.co_varnames):
        return None
    variables = frame.f_locals
    observation = variables.get("observation")
    return getattr(variables.get("run"), "observation", None) if observation is None else observation
