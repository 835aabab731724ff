"""The one guard behind "never hurts the app": what goes wrong in our code stays in our code."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

_logger = logging.getLogger("autogen_vitals")

_P = ParamSpec("_P")
_R = TypeVar("_R")

_REPORT_LIMIT = 100
_TRACEBACK: Any = BaseException.__dict__["__traceback__"]
"""The attribute itself: an exception's class may refuse to have its attributes set."""

_reported: set[tuple[str, str]] = set()


def guarded(function: Callable[_P, _R]) -> Callable[_P, _R | None]:
    """Make ``function`` unable to raise an ``Exception``: it answers ``None`` instead.

    ``BaseException`` passes: a ``KeyboardInterrupt`` that happens to arrive while our code runs is the app's.
    Each place that failed is named once in the log, with the exception's class and place but without its message,
    which may quote a secret of the app's.
    """

    def safe(*args: _P.args, **kwargs: _P.kwargs) -> _R | None:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            report(function, error)
            return None

    return _called_like(function, safe)


def guarded_by_position(function: Callable[_P, _R]) -> Callable[_P, _R | None]:
    """``guarded``, for a function of a hot path: up to five parameters, which everybody gives by position.

    It is the same, but a call through it costs a third: nothing is packed into a tuple and a dictionary.
    """

    def one(first: Any, /) -> Any:
        try:
            return call(first)
        except Exception as error:
            report(function, error)
            return None

    def two(first: Any, second: Any, /) -> Any:
        try:
            return call(first, second)
        except Exception as error:
            report(function, error)
            return None

    def three(first: Any, second: Any, third: Any, /) -> Any:
        try:
            return call(first, second, third)
        except Exception as error:
            report(function, error)
            return None

    def four(first: Any, second: Any, third: Any, fourth: Any, /) -> Any:
        try:
            return call(first, second, third, fourth)
        except Exception as error:
            report(function, error)
            return None

    def five(first: Any, second: Any, third: Any, fourth: Any, fifth: Any, /) -> Any:
        try:
            return call(first, second, third, fourth, fifth)
        except Exception as error:
            report(function, error)
            return None

    call: Any = function
    safe: Any = (one, two, three, four, five)[call.__code__.co_argcount - 1]
    return _called_like(function, safe)


def _called_like(function: Callable[..., object], safe: Any) -> Any:
    """What ``functools.wraps`` does, less what nobody asks a guard for: some hundred are made in every start."""
    safe.__wrapped__ = function
    safe.__module__, safe.__doc__ = function.__module__, function.__doc__
    safe.__name__ = getattr(function, "__name__", "guarded")
    safe.__qualname__ = getattr(function, "__qualname__", "guarded")
    return safe


def report(function: Callable[..., object], error: Exception) -> None:
    """Name in the log what failed, once for each place."""
    try:
        name, place = getattr(function, "__qualname__", repr(function)), _place(error)
        if (name, place) in _reported or len(_reported) >= _REPORT_LIMIT:
            return
        _reported.add((name, place))
        _logger.warning(
            "autogen-vitals: %s failed with %s at %s; telemetry may be missing, the application is not affected "
            "(reported once)",
            name,
            type(error).__name__,
            place,
        )
    except Exception:
        # A logging handler of the app's that raises, or an interpreter that is shutting down.
        return


def _place(error: Exception) -> str:
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return "an unknown place"
    return f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"


@guarded
def hide_caller_frame(error: BaseException | None) -> None:
    """Take the calling wrapper's own frame off the traceback of ``error``, before a bare ``raise``.

    CPython 3.11 and later re-raise with ``error.__traceback__`` as it then is; 3.10 keeps the frame, which is harmless.
    """
    if error is None:
        return
    traceback = _TRACEBACK.__get__(error)
    # Two frames up: the guard around this function, then the wrapper that called it.
    if traceback is not None and traceback.tb_frame is sys._getframe(2):
        _TRACEBACK.__set__(error, traceback.tb_next)


UNSEEN_FILE = "<autogen_vitals, like importlib._bootstrap>"


def unseen(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Keep ``warnings.warn(..., stacklevel=2)`` pointing at the app's line when it is called through ``function``.

    A warning is shown once for each place and filtered by it: all those of one class would share ours. CPython steps
    over frames whose file name contains ``importlib`` and ``_bootstrap`` (``is_internal_frame``, 3.3 to 3.14); there is
    no other way to be stepped over.
    """
    function.__code__ = function.__code__.replace(co_filename=UNSEEN_FILE)  # type: ignore[attr-defined]
    return function
