"""A sink that keeps what it is told, a tracker in front of it, and forked children that answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from autogen_vitals.lifecycle import requests, tracker
from autogen_vitals.lifecycle.loops import LoopWatchdog
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import Operation

SLOW_NS = 1_000_000


class RecordingSink:
    """Keeps what it is told, in order; ``left`` gets back what ``entered`` answered."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.flushes: list[float] = []

    @property
    def has_recorded(self) -> bool:
        return bool(self.all("ended"))

    def started(self, observation: Observation) -> None:
        self.told.append(("started", observation))

    def entered(self, observation: Observation) -> object:
        self.told.append(("entered", observation))
        return ("handle of", observation)

    def left(self, observation: Observation, token: Any) -> None:
        assert token == ("handle of", observation)
        self.told.append(("left", observation))

    def ended(self, observation: Observation) -> None:
        assert observation.ended
        self.told.append(("ended", observation))

    def request_ended(self, request: Request) -> None:
        self.told.append(("request_ended", request))

    def flush(self, timeout: float) -> bool:
        self.flushes.append(timeout)
        return True

    def connected(self, connect: Any) -> None:
        self.told.append(("connected", connect))

    def loop_blocked(self, block: Any) -> None:
        self.told.append(("loop_blocked", block))

    def startup_ended(self, report: Any) -> None:
        self.told.append(("startup_ended", report))

    def last_chance(self) -> None:
        self.told.append(("last_chance", None))

    def all(self, word: str) -> list[Any]:
        """What it was told of with this word."""
        return [told for said, told in self.told if said == word]


@pytest.fixture(autouse=True)
def _no_context_of_another_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(process.facts, "is_fork_server", False)
    variables = (tracker._observation, requests._request)
    tokens = [variable.set(None) for variable in variables]
    yield
    for variable, token in zip(variables, tokens, strict=True):
        variable.reset(token)


@pytest.fixture
def sink() -> RecordingSink:
    """A sink."""
    return RecordingSink()


@pytest.fixture
def tracker_(sink: RecordingSink) -> Tracker:
    """A tracker that tells the sink; its libraries are none."""
    return Tracker(sink, SiteFinder(()), SLOW_NS, LoopWatchdog(0, 0, lambda frame: None, sink.loop_blocked))


class Component:
    """Anything an app builds."""


class Running:
    """One call, as the wrappers make it: begin, enter, leave, end."""

    def __init__(self, tracker: Tracker, observation: Observation | None) -> None:
        self.tracker, self.observation = tracker, observation
        self.token = None if observation is None else tracker.enter(observation)

    def __enter__(self) -> Any:
        return self.observation

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if self.observation is not None and self.token is not None:
            self.tracker.leave(self.observation, self.token)
            self.tracker.end(self.observation, error)


@pytest.fixture
def run(tracker_: Tracker) -> Callable[..., Running]:
    """Runs a component."""

    def begin(operation: Operation, component: object = None, provider: str = "autogen", **facts: Any) -> Running:
        named = {} if operation.subject is None else {operation.subject: facts.pop("name", None)}
        facts = {key: value for key, value in {**named, **facts}.items() if value is not None}
        component = Component() if component is None else component
        return Running(tracker_, tracker_.begin_run(component, "agent", operation, provider, facts))

    return begin


@pytest.fixture
def init(tracker_: Tracker) -> Callable[..., Running]:
    """Builds a component; all at one line, for the line is this one."""

    def begin(component: object = None, kind: Any = "agent", stage: Any = "construct") -> Running:
        component = Component() if component is None else component
        return Running(tracker_, tracker_.begin_init(component, kind, stage, "autogen"))

    return begin


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A monotonic clock that stands still, and may be moved."""

    class Clock:
        now = 1_000

        def move(self, nanoseconds: int) -> None:
            self.now += nanoseconds

    assert process.facts.creation_time  # is found out once, by the real clock
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter_ns", lambda: clock.now)
    return clock
