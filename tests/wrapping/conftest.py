"""A watch that keeps what it is told, and a context variable to see where it can be seen."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import pytest

from autogen_vitals.wrapping.watch import Watch

_current: ContextVar[Any] = ContextVar("current_in_tests", default=None)


class Observed:
    """One call as a watch was told of it."""

    def __init__(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self.instance, self.args, self.kwargs = instance, args, dict(kwargs)
        self.told = ["begin"]
        self.result: object = None
        self.error: BaseException | None = None
        self.began, self.duration = time.perf_counter(), 0.0
        self.ran: list[tuple[int, int]] = []

    @property
    def steps(self) -> int:
        """How many times its code was run."""
        return self.told.count("enter")


class RecordingWatch:
    """Keeps what it is told. Its observation is current from ``enter`` to ``leave``, as the real watch's is."""

    def __init__(self) -> None:
        self.observed: list[Observed] = []
        self.declines = False
        self.goes_on = False
        self.times = False
        self.foreign = 0

    def continues(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        return self.goes_on

    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observed | None:
        if self.declines:
            return None
        self.observed.append(Observed(instance, args, kwargs))
        return self.observed[-1]

    def enter(self, observation: Observed) -> object:
        observation.told.append("enter")
        return _current.set(observation)

    def leave(self, observation: Observed, token: Any) -> None:
        observation.told.append("leave")
        try:
            _current.reset(token)
        except ValueError:
            self.foreign += 1

    def first_item(self, observation: Observed) -> None:
        observation.told.append("first_item")

    def timed(self, observation: Observed) -> bool:
        return self.times

    def ran(self, observation: Observed, begin_ns: int, end_ns: int) -> None:
        observation.ran.append((begin_ns, end_ns))

    def end(self, observation: Observed, result: object, error: BaseException | None) -> None:
        observation.told.append("end")
        observation.result, observation.error = result, error
        observation.duration = time.perf_counter() - observation.began

    def abandon(self, observation: Observed) -> None:
        observation.told.append("abandon")

    @property
    def current(self) -> Observed | None:
        """The observation whose code runs here."""
        return _current.get()

    @property
    def only(self) -> Observed:
        """The one call that was observed; it is over, and was told of in the right order, once."""
        (observed,) = self.observed
        told = [word for word in observed.told if word != "first_item"]
        expected = ["begin", *["enter", "leave"] * observed.steps, told[-1]]
        assert told == expected
        assert told[-1] in ("end", "abandon")
        assert observed.told.count("first_item") <= 1
        return observed


@pytest.fixture
def watch() -> RecordingWatch:
    """A watch."""
    return RecordingWatch()


@pytest.fixture
def new_watch() -> Callable[[], Watch]:
    """As many watches as are needed."""
    return RecordingWatch
