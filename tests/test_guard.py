"""The guard: what goes wrong in our code stays in our code, and is said once."""

from __future__ import annotations

import functools
import logging
import sys
import traceback
from collections.abc import Callable, Iterator

import pytest

from autogen_vitals import guard
from autogen_vitals.guard import guarded, hide_caller_frame

SECRET = "sk-canary-0123456789"
RERAISES_AS_IT_IS = sys.version_info >= (3, 11)


@pytest.fixture(autouse=True)
def _nothing_reported_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_reported", set())


@guarded
def divide(dividend: int, divisor: int = 1) -> int:
    """Divide."""
    return dividend // divisor


def test_a_guarded_function_answers_as_it_would_unguarded() -> None:
    """Positional and keyword arguments go in, the answer comes out."""
    assert divide(7, divisor=2) == 3


def test_a_guarded_function_keeps_its_name_and_docstring() -> None:
    """What a reader or a debugger sees is the function, not the guard."""
    assert (divide.__name__, divide.__doc__, divide.__module__) == ("divide", "Divide.", __name__)


def test_an_exception_becomes_none() -> None:
    """A failing function of ours answers None."""
    assert divide(1, 0) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit, BaseException])
def test_a_base_exception_passes(error: type[BaseException]) -> None:
    """What is no Exception is the app's, the very same object."""
    raised = error("the app's")

    @guarded
    def interrupted() -> None:
        raise raised

    with pytest.raises(error) as caught:
        interrupted()
    assert caught.value is raised


def test_a_base_exception_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A Ctrl+C during our code is no fault of ours to log."""

    @guarded
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert caplog.records == []


def test_a_failure_is_reported_with_class_and_place(caplog: pytest.LogCaptureFixture) -> None:
    """One warning of the logger autogen_vitals names the function, the exception's class, file and line."""
    divide(1, 0)
    (record,) = caplog.records
    line = divide.__wrapped__.__code__.co_firstlineno + 3  # type: ignore[attr-defined]
    assert (record.name, record.levelno) == ("autogen_vitals", logging.WARNING)
    assert record.getMessage() == (
        f"autogen-vitals: divide failed with ZeroDivisionError at {__file__}:{line}; telemetry may be missing, the "
        "application is not affected (reported once)"
    )


def test_a_failure_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """A function that fails at every call is one line in the log."""
    for _ in range(10):
        divide(1, 0)
    assert len(caplog.records) == 1


def test_every_function_that_fails_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """That one function has failed hides no other."""

    @guarded
    def other() -> None:
        raise LookupError

    divide(1, 0)
    other()
    assert [record.args[1] for record in caplog.records] == ["ZeroDivisionError", "LookupError"]  # type: ignore[index]


def test_reports_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """However many functions fail, at most a hundred are reported and remembered."""

    def failing(name: str) -> Callable[[], None]:
        def fail() -> None:
            raise ValueError

        fail.__qualname__ = name
        return guarded(fail)

    for number in range(150):
        failing(f"failing_{number}")()
    assert len(caplog.records) == 100
    assert len(guard._reported) == 100


def test_the_message_of_an_exception_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    """An exception's message may quote a key of the app's: neither it nor a traceback is in the record."""

    @guarded
    def leak() -> None:
        raise ValueError(f"invalid key {SECRET}")

    leak()
    (record,) = caplog.records
    assert SECRET not in caplog.text
    assert record.exc_info is None


def test_a_logging_handler_that_raises_does_not_matter() -> None:
    """The app's own logging handler may raise: the guarded function still answers None."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("no disk")

    logger, handler = logging.getLogger("autogen_vitals"), Broken()
    logger.addHandler(handler)
    try:
        assert divide(1, 0) is None
    finally:
        logger.removeHandler(handler)


def test_a_callable_without_a_name_can_be_guarded(caplog: pytest.LogCaptureFixture) -> None:
    """A partial has no __qualname__; its failure is reported all the same."""
    assert guarded(functools.partial(int, "no number"))() is None
    assert [record.args[1] for record in caplog.records] == ["ValueError"]  # type: ignore[index]


def test_a_failure_without_a_traceback_has_an_unknown_place() -> None:
    """An exception that was never raised has no place, which is no reason to fail."""
    assert guard._place(ValueError()) == "an unknown place"


# --- hide_caller_frame ------------------------------------------------------------------------------------------------


def original() -> None:
    raise LookupError("the app's")


def wrapper(function: Callable[[], None]) -> None:
    try:
        function()
    except BaseException as error:
        hide_caller_frame(error)
        raise


def names(function: Callable[..., None], *args: object) -> list[str]:
    try:
        function(*args)
    except LookupError as error:
        return [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    raise AssertionError("it should have raised")


@pytest.mark.skipif(not RERAISES_AS_IT_IS, reason="Python 3.10 keeps the frame")
def test_the_frame_of_the_wrapper_is_taken_off() -> None:
    """The traceback of what a wrapped function raises is the one it has unwrapped."""
    assert names(wrapper, original) == names(original) == ["names", "original"]


@pytest.mark.skipif(not RERAISES_AS_IT_IS, reason="Python 3.10 keeps the frame")
def test_the_frames_of_nested_wrappers_are_taken_off() -> None:
    """Each wrapper removes its own frame, and nothing between it and the next."""

    def between() -> None:
        wrapper(original)

    assert names(wrapper, between) == ["names", "between", "original"]


@pytest.mark.skipif(RERAISES_AS_IT_IS, reason="from Python 3.11 on the frame is taken off")
def test_python_3_10_keeps_the_wrapper_and_loses_nothing() -> None:
    """Where it cannot be hidden, the wrapper's frame stays, and all of the app's with it."""
    assert names(wrapper, original) == ["names", "wrapper", "original"]


def test_only_the_frame_of_the_caller_is_taken_off() -> None:
    """A traceback that does not begin in the caller is left as it is."""
    with pytest.raises(LookupError) as caught:
        original()
    before = caught.value.__traceback__
    (lambda: hide_caller_frame(caught.value))()
    assert caught.value.__traceback__ is before


def test_an_exception_without_a_traceback_stays_without() -> None:
    """There is nothing to hide in an exception that was never raised."""
    error = LookupError()
    hide_caller_frame(error)
    assert error.__traceback__ is None


def test_a_frame_that_cannot_be_hidden_does_not_matter(caplog: pytest.LogCaptureFixture) -> None:
    """An exception class that refuses to have its traceback set still comes out as it went in."""

    class Stubborn(LookupError):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    raised = Stubborn()

    def stubborn() -> Iterator[None]:
        raise raised

    with pytest.raises(Stubborn) as caught:
        wrapper(stubborn)  # type: ignore[arg-type]
    assert caught.value is raised
