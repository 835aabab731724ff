"""The cold start: every instant of it belongs to one stage, and it is told once."""

from __future__ import annotations

import itertools
import logging
import random
import time
from collections.abc import Callable
from contextvars import Context
from typing import Any

import pytest

from autogen_vitals.lifecycle import startup
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.phases import Phases
from autogen_vitals.lifecycle.process import CreationTime, current as process
from autogen_vitals.lifecycle.startup import Interval, Startup, StartupReport, partition
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, INVOKE_AGENT

MS = 1_000_000


class Told(list[StartupReport]):
    """The reports of one cold start."""

    def __init__(self, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.phases = Phases()
        monkeypatch.setitem(vars(process.facts), "creation_time", CreationTime(clock.now, 0, exact=True))
        self.startup = Startup(self.phases, (), self.append)
        self.startup._loaded_ns = clock.now
        self.startup.used = True

    @property
    def stages(self) -> dict[str, float]:
        """Milliseconds of each stage of the only report."""
        assert len(self) == 1
        return {stage: nanoseconds / MS for stage, nanoseconds in self[0].stages.items()}


@pytest.fixture
def told(clock: Any, monkeypatch: pytest.MonkeyPatch) -> Told:
    return Told(clock, monkeypatch)


# --- sharing out ------------------------------------------------------------------------------------------------------


def test_what_overlaps_counts_once() -> None:
    """An import inside a constructor is the init's, a connection inside a model call its own, the rest the whole's."""
    shares = partition(
        [Interval(0, 100, "ready"), Interval(150, 250, "request")],
        [
            Interval(10, 40, "imports"),
            Interval(30, 60, "init"),
            Interval(35, 38, "imports"),
            Interval(160, 200, "model_wait"),
            Interval(165, 175, "connect_dns_tcp"),
            Interval(170, 185, "warm_up"),
        ],
    )
    assert shares == {
        "ready": 50,
        "imports": 20,
        "init": 30,
        "request": 60,
        "connect_dns_tcp": 10,
        "warm_up": 10,
        "model_wait": 20,
    }


def test_of_two_alike_the_inner_one_counts() -> None:
    """A model call inside a tool is waiting for the model, a tool inside a model call is a tool."""
    shares = partition(
        [Interval(0, 100, "request")],
        [Interval(0, 100, "tool"), Interval(20, 60, "model_wait"), Interval(30, 40, "tool")],
    )
    assert shares == {"tool": 70, "model_wait": 30}


def test_what_is_in_no_whole_counts_nowhere() -> None:
    """What happens while a server waits for its first request is no part of the cold start."""
    shares = partition([Interval(0, 10, "ready"), Interval(90, 100, "request")], [Interval(5, 95, "imports")])
    assert shares == {"ready": 5, "imports": 10, "request": 5}


def test_shares_add_up_whatever_overlaps() -> None:
    """The parts are as long as the whole, and each instant has its stage by rank: against a count by the nanosecond."""
    randomly = random.Random(7)
    stages = list(startup._RANKS)
    for _ in range(50):
        inside = [
            Interval(begin, begin + randomly.randrange(1, 60), randomly.choice(stages))
            for begin in (randomly.randrange(-20, 120) for _ in range(randomly.randrange(12)))
        ]
        expected: dict[str, int] = {}
        for now in range(100):
            there = [piece for piece in inside if piece.begin_ns <= now < piece.end_ns]
            best = max(there, key=lambda piece: (startup._RANKS[piece.stage], max(0, piece.begin_ns)), default=None)
            stage = "ready" if best is None else best.stage
            expected[stage] = expected.get(stage, 0) + 1
        shares = partition([Interval(0, 100, "ready")], inside)
        assert sum(shares.values()) == 100
        # Of equals that begin together, or before the whole does, either may be the inner one.
        starts = [(startup._RANKS[piece.stage], max(0, piece.begin_ns)) for piece in inside]
        if len(set(starts)) == len(starts):
            assert shares == expected


# --- one cold start ---------------------------------------------------------------------------------------------------


def test_a_cold_start_from_creation_to_the_end_of_the_first_request(told: Told, clock: Any, tracker_: Tracker) -> None:
    """The stages in their order; the wait for the first request is in none of them."""
    clock.move(100 * MS)
    told.startup._loaded_ns = clock.now
    clock.move(20 * MS)
    told.startup.installed()
    told.phases.begin_starting()
    clock.move(500 * MS)
    told.startup.imported(clock.now - 400 * MS, clock.now - 50 * MS)
    told.phases.become_ready()
    clock.move(60_000 * MS)
    request = tracker_.requests.open()
    told.startup.request_begins(request)
    clock.move(30 * MS)
    told.startup.request_ends(request)
    assert told.stages == {"spawn": 100, "instrumentation": 20, "imports": 350, "ready": 150, "request": 30}
    assert told[0].idle_ns == 60_000 * MS
    assert told[0].total_ns == 650 * MS
    assert told[0].request_ns == 30 * MS
    assert told[0].complete
    assert told[0].end_ns - told[0].begin_ns == 60_650 * MS


def test_it_is_told_once(told: Told, tracker_: Tracker) -> None:
    """The second request, the flush and the exit have nothing to add."""
    first, second = tracker_.requests.open(), tracker_.requests.open()
    told.startup.request_begins(first)
    told.startup.request_begins(second)
    told.startup.request_ends(second)
    assert not told
    told.startup.request_ends(first)
    told.startup.request_ends(first)
    told.startup.close()
    assert len(told) == 1


def test_a_process_that_serves_nothing_tells_what_it_did(told: Told, clock: Any) -> None:
    """At its end, and as incomplete."""
    told.startup.installed()
    clock.move(5 * MS)
    told.startup.close()
    assert not told[0].complete
    assert told[0].idle_ns == 0
    assert told.stages == {"ready": 5}


def test_a_process_without_autogen_tells_nothing(told: Told) -> None:
    """A supervisor has nothing to export, and to wait for, at its end."""
    told.startup.used = False
    told.startup.close()
    assert not told


@pytest.mark.parametrize("lasted_s", [3601, 90_000])
def test_more_than_an_hour_is_no_cold_start(
    told: Told, clock: Any, lasted_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A notebook, or a shell: said in the log, and not exported."""
    clock.move(lasted_s * 1000 * MS)
    with caplog.at_level(logging.INFO, logger="autogen_vitals"):
        told.startup.close()
    assert not told
    assert "no cold start" in caplog.text


def test_a_creation_time_after_the_fact_is_no_negative_stage(
    told: Told, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel that rounds up."""
    monkeypatch.setitem(vars(process.facts), "creation_time", CreationTime(clock.now + 4 * MS, 0, exact=True))
    clock.move(10 * MS)
    told.startup.installed()
    told.startup.close()
    assert told.stages == {"instrumentation": 6}


def test_what_a_server_starts_anew_is_ready_anew(told: Told, clock: Any) -> None:
    """A test client that runs the lifespan twice."""
    told.startup.installed()
    told.phases.begin_starting()
    told.phases.become_ready()
    clock.move(50 * MS)
    told.phases.begin_starting()
    clock.move(10 * MS)
    told.phases.become_ready()
    told.startup.close()
    assert told.stages == {"ready": 60}


def test_much_of_little_is_left_to_the_whole(told: Told, clock: Any) -> None:
    """Bounded: a million constructors that take nothing are not kept, nor more than some thousand that do."""
    for _ in range(10_000):
        told.startup.add("init", clock.now, clock.now + 50_000)
    assert not told.startup._intervals
    for _ in range(10_000):
        told.startup.add("init", clock.now, clock.now + MS)
    assert len(told.startup._intervals) == startup._INTERVAL_LIMIT


def test_a_first_request_that_builds_a_thousand_things_is_summed_up_a_few_times(told: Told, tracker_: Tracker) -> None:
    """What it has come to so far is put on the request's span at each of them."""
    told.startup.request_begins(tracker_.requests.open())
    reports = [told.startup.so_far() for _ in range(1000)]
    assert len({id(report) for report in reports}) == startup._ESTIMATE_LIMIT


# --- of observations --------------------------------------------------------------------------------------------------


@pytest.fixture
def started(tracker_: Tracker, clock: Any, monkeypatch: pytest.MonkeyPatch) -> Tracker:
    """A tracker whose process has just been created and instrumented."""
    monkeypatch.setitem(vars(process.facts), "creation_time", CreationTime(clock.now, 0, exact=True))
    tracker_.startup._loaded_ns = clock.now
    tracker_.startup.installed()
    return tracker_


def reported(sink: Any) -> dict[str, float]:
    (report,) = sink.all("startup_ended")
    return {stage: nanoseconds / MS for stage, nanoseconds in report.stages.items()}


def test_each_kind_of_work_has_its_stage(
    started: Tracker, clock: Any, sink: Any, run: Callable[..., Any], init: Callable[..., Any]
) -> None:
    """Inits before and in the first request, the model, its stream, a tool, and what the agent does in between."""
    with init():
        clock.move(10 * MS)
    clock.move(1 * MS)
    started.phases.become_ready()
    with run(INVOKE_AGENT) as agent:
        clock.move(2 * MS)
        with init():
            clock.move(20 * MS)
        with run(CHAT, name="gpt") as chat:
            clock.move(100 * MS)
            started.first_item(chat)
            clock.move(40 * MS)
        with run(EXECUTE_TOOL, name="search"):
            clock.move(300 * MS)
        started.requests.finish(agent.request, None)
    assert reported(sink) == {
        "init": 10,
        "ready": 1,
        "request_init": 20,
        "model_wait": 100,
        "model_stream": 40,
        "tool": 300,
        "request": 2,
    }
    assert sink.all("startup_ended")[0].first_token_ns == 133 * MS


def test_other_requests_are_not_the_first_one_s(
    started: Tracker, clock: Any, sink: Any, run: Callable[..., Any]
) -> None:
    """A second request that is served meanwhile neither ends the cold start nor is counted in it."""
    begun = started.requests.begin("first")
    assert begun is not None

    def serve_another() -> None:
        other = started.requests.begin("other")
        assert other is not None
        observation = started.begin_run(object(), "tool", EXECUTE_TOOL, "autogen", {})
        clock.move(50 * MS)
        assert observation is not None
        started.end(observation, None)
        started.requests.end(other)

    with run(INVOKE_AGENT):
        clock.move(1 * MS)
        # A task of the server's, which has nothing of this one's context.
        Context().run(serve_another)
        assert not sink.all("startup_ended")
    started.requests.end(begun)
    assert reported(sink) == {"request": 51}


def test_a_run_while_the_server_starts_is_no_first_request(
    started: Tracker, clock: Any, sink: Any, run: Callable[..., Any]
) -> None:
    """A warm-up run in a lifespan is told where it belongs, and the first request is the first that is served."""
    started.phases.begin_starting()
    with run(CHAT, name="gpt"):
        clock.move(70 * MS)
    assert not sink.all("startup_ended")
    started.phases.become_ready()
    with run(CHAT, name="gpt"):
        clock.move(9 * MS)
    assert reported(sink) == {"model_wait": 79}


def test_a_session_is_over_with_its_first_run(started: Tracker, clock: Any, sink: Any, run: Callable[..., Any]) -> None:
    """A WebSocket stays open for hours; its first answer is the end of the cold start."""
    session = started.requests.open(is_session=True)
    token = started.requests.enter(session)
    with run(INVOKE_AGENT):
        clock.move(5 * MS)
        with run(CHAT, name="gpt"):
            clock.move(5 * MS)
    assert reported(sink) == {"request": 5, "model_wait": 5}
    started.requests.leave(token)


def test_a_first_use_is_warm_up_where_its_code_runs(
    started: Tracker, clock: Any, sink: Any, run: Callable[..., Any]
) -> None:
    """And waiting for the model where it does not."""
    with run(CHAT, name="gpt") as chat:
        assert chat.first_use
        begin_ns = clock.now
        clock.move(400 * MS)
        started.ran(chat, begin_ns, clock.now)
        clock.move(250 * MS)
    with run(CHAT, name="gpt") as again:
        assert not again.first_use
        assert again.steps is None
    assert (chat.warm_up_ns, reported(sink)) == (400 * MS, {"warm_up": 400, "model_wait": 250})


def test_a_fork_is_the_creation_of_a_process(
    started: Tracker, in_fork: Callable[..., Any], run: Callable[..., Any], sink: Any
) -> None:
    """What the parent imported and built is not the child's, also when the parent's cold start is over."""
    started.startup.imported(0, 10**9)
    with run(INVOKE_AGENT):
        pass
    assert sink.all("startup_ended")

    def in_child() -> Any:
        with run(INVOKE_AGENT):
            pass
        (_, report) = sink.all("startup_ended")
        return sorted(report.stages), report.complete

    stages, complete = in_fork(in_child)
    assert complete
    assert not {"imports", "instrumentation"} & set(stages)


def test_a_fork_server_has_started_when_it_forks(
    started: Tracker, in_fork: Callable[..., Any], init: Callable[..., Any], sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves no request itself; any other process may still do so after it has forked."""
    with init():
        pass
    in_fork(lambda: None)
    assert not sink.all("startup_ended")
    monkeypatch.setattr(process.facts, "is_fork_server", True)
    in_fork(lambda: None)
    (report,) = sink.all("startup_ended")
    assert not report.complete


def test_the_clock_of_the_report_is_the_monotonic_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step of the wall clock moves no stage."""
    reports: list[StartupReport] = []
    walls = itertools.count(10**18, -(10**15))
    monkeypatch.setattr(time, "time_ns", lambda: next(walls))
    cold = Startup(Phases(), (), reports.append)
    cold.used = True
    monkeypatch.setitem(vars(process.facts), "creation_time", CreationTime(time.perf_counter_ns(), 0, exact=True))
    cold.installed()
    cold.close()
    assert 0 <= reports[0].total_ns < 10**9


def test_an_observation_of_another_request_does_not_concern(tracker_: Tracker) -> None:
    """Nor does one of none, once the first request has begun."""
    cold = tracker_.startup
    assert cold.concerns(None)
    cold.request = tracker_.requests.open()
    observation: Observation | None = tracker_.begin_run(object(), "agent", INVOKE_AGENT, "autogen", {})
    assert observation is not None
    assert not cold.concerns(observation)
    assert not cold.concerns(None)
