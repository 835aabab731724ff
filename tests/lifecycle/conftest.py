"""A sink that keeps what it is told, a tracker in front of it, and forked children that answer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.crashes.reports import Crash, ProcessExit
from autogen_vitals.lifecycle import requests
from autogen_vitals.lifecycle.deaths import Deaths
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.loops import LoopWatchdog
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.observation import Observation, current_observation
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.records import replace
from autogen_vitals.vocabulary import Operation

SLOW_NS = 1_000_000


class RecordingSink:
    """Keeps what it is told, in order; ``left`` gets back what ``entered`` answered."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.flushes: list[float] = []
        self.deliveries: list[float] = []
        self.delivers = True

    @property
    def has_recorded(self) -> bool:
        return bool(self.all("ended"))

    def started(self, observation: Observation) -> None:
        self.told.append(("started", observation))

    def entered(self, observation: Observation) -> object:
        self.told.append(("entered", observation))
        return ("handle of", observation)

    def left(self, token: Any) -> None:
        handle, observation = token
        assert handle == "handle of"
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

    def crashed(self, crash: Crash) -> None:
        # The exception is lent for the time of the call.
        self.told.append(("crashed", replace(crash, error=None)))

    def exited(self, exit: ProcessExit, repeated: bool = False) -> None:
        self.told.append(("repeated" if repeated else "exited", exit))

    def deliver(self, timeout: float) -> bool:
        self.deliveries.append(timeout)
        return self.delivers

    def recording(self, enabled: bool) -> None:
        self.told.append(("recording", enabled))

    def service(self) -> dict[str, str]:
        return {"service.name": "shop"}

    def span_ids(self, span: Any) -> tuple[int, int]:
        return (0, 0) if span is None else span

    def all(self, word: str) -> list[Any]:
        """What it was told of with this word."""
        return [told for said, told in self.told if said == word]


@pytest.fixture(autouse=True)
def _no_context_of_another_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(process.facts, "is_fork_server", False)
    variables = (current_observation, requests._request)
    tokens = [variable.set(None) for variable in variables]
    yield
    for variable, token in zip(variables, tokens, strict=True):
        variable.reset(token)


@pytest.fixture
def sink() -> RecordingSink:
    """A sink."""
    return RecordingSink()


@pytest.fixture
def recorder(sink: RecordingSink, tmp_path: Path) -> Iterator[Recorder]:
    """A recorder whose records are the test's; it keeps none before it is opened."""
    recorder = Recorder(sink, str(tmp_path / "state"), enabled=True)
    yield recorder
    recorder.forget()


@pytest.fixture
def escapes(sink: RecordingSink, tracker_: Tracker, recorder: Recorder) -> Escapes:
    """Where exceptions get out of the tracker's process."""
    return Escapes(sink, tracker_.phases, recorder, "known", lambda: None, 1.5, SiteFinder(()))


@pytest.fixture
def deaths(sink: RecordingSink, recorder: Recorder) -> Iterator[Deaths]:
    """Who hears of dead processes."""
    deaths = Deaths(recorder, sink, 5.0)
    yield deaths
    # As long as it is not collected it is told of forks.
    deaths.switch_off()


@pytest.fixture
def tracker_(sink: RecordingSink, recorder: Recorder) -> Tracker:
    """A tracker that tells the sink; its libraries are none."""
    watchdog = LoopWatchdog(0, 0, lambda frame: None, sink.loop_blocked)
    return Tracker(sink, SiteFinder(()), SLOW_NS, watchdog, recorder)


@pytest.fixture
def moments(tracker_: Tracker, sink: RecordingSink, escapes: Escapes, deaths: Deaths) -> Moments:
    """Flushes for 1.5 seconds at the most."""
    return Moments(tracker_, sink, escapes, lambda: deaths, 1.5)


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
