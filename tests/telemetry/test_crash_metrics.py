"""Crashes and ends of processes, counted."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from observed import Vitals, a_crash, an_exit
from opentelemetry.sdk.metrics import MeterProvider

from autogen_vitals import semconv
from autogen_vitals.telemetry import crash_metrics as module, observing

COUNTERS = (semconv.CRASHES, semconv.PROCESS_EXITS)


@pytest.fixture
def quiet() -> Vitals:
    """Providers of a test's own; nothing is instrumented."""
    return Vitals()


def series(vitals: Vitals, metric: semconv.Metric) -> list[tuple[tuple[Any, ...], float]]:
    """The values of a counter, each with those of its attributes, in the catalogue's order."""
    points = vitals.points(metric.name)
    assert all(set(point.attributes) == set(metric.attributes) for point in points)
    return [(tuple(point.attributes[name] for name in metric.attributes), point.value) for point in points]


def test_crashes_are_counted_by_category_phase_and_class(quiet: Vitals) -> None:
    """Each collection shows the sum so far."""
    sink = quiet.sink()
    for crash in (a_crash(), a_crash(), a_crash(phase="startup"), a_crash(error_type="ValueError", category="other")):
        sink.crashed(crash)
    for _ in range(2):
        assert series(quiet, semconv.CRASHES) == [
            (("event_loop_closed", "request", "RuntimeError", "AG204"), 2),
            (("event_loop_closed", "startup", "RuntimeError", "AG204"), 1),
            (("other", "request", "ValueError", ""), 1),
        ]


def test_every_end_that_is_a_crash_is_counted(quiet: Vitals) -> None:
    """By reason, phase and observer; by processes that never used AutoGen too. One that has seen none has nothing to
    export: a master would wait for an endpoint that hangs at each of its own ends."""
    sink = quiet.sink()
    for exit in (an_exit(), an_exit(reason="drained", phase="draining"), an_exit(observed_by="next_start"), an_exit()):
        sink.exited(exit)
    assert series(quiet, semconv.PROCESS_EXITS) == [
        (("signal", "request", "supervisor"), 2),
        (("signal", "request", "next_start"), 1),
    ]
    assert quiet.points("autogen.worker.info") == []


def test_what_is_told_again_is_not_counted_again(quiet: Vitals) -> None:
    """An event that had not been delivered is emitted once more; there was one end."""
    sink = quiet.sink()
    sink.exited(an_exit())
    sink.exited(an_exit(), repeated=True)
    assert len(quiet.events("autogen.process.exit")) == 2
    assert [value for _, value in series(quiet, semconv.PROCESS_EXITS)] == [1]


def test_a_process_with_nothing_to_say_exports_nothing(quiet: Vitals) -> None:
    """Not even that it keeps an exit record."""
    sink = quiet.sink()
    sink.recording(True)
    assert quiet.reader.get_metrics_data() is None


@pytest.mark.parametrize("said", ["crashed", "exited"])
def test_a_process_that_says_something_says_that_it_keeps_a_record(quiet: Vitals, said: str) -> None:
    """1, without attributes."""
    sink = quiet.sink()
    sink.recording(True)
    getattr(sink, said)(a_crash() if said == "crashed" else an_exit())
    assert series(quiet, semconv.EXIT_RECORD_ENABLED) == [((), 1)]


def test_a_process_without_a_record_says_so_anyway(quiet: Vitals) -> None:
    """0: of that one, nobody will know what it was doing."""
    sink = quiet.sink()
    sink.recording(True)
    sink.recording(False)
    assert series(quiet, semconv.EXIT_RECORD_ENABLED) == [((), 0)]


def test_a_child_has_none_of_its_parents_crashes(
    quiet: Vitals, in_fork: Callable[[Callable[[], Any]], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Collected or not; its own are counted from one, and the parent's are what they were."""
    sink = quiet.sink()
    # The reader keeps what a flush has collected until it is asked, in a child of that moment too.
    monkeypatch.setattr(sink._urgent, "soon", lambda: None)
    sink.crashed(a_crash())
    sink.exited(an_exit())
    sink.recording(True)
    assert [len(series(quiet, metric)) for metric in COUNTERS] == [1, 1]
    sink.crashed(a_crash())

    def child() -> list[Any]:
        inherited = [series(quiet, metric) for metric in (*COUNTERS, semconv.EXIT_RECORD_ENABLED)]
        sink.crashed(a_crash())
        sink.exited(an_exit())
        return [inherited, [value for metric in COUNTERS for _, value in series(quiet, metric)]]

    assert in_fork(child) == [[[], [], []], [1, 1]]
    assert [value for metric in COUNTERS for _, value in series(quiet, metric)] == [2, 1]


def test_a_child_counts_though_a_thread_of_its_parents_was_counting(
    quiet: Vitals, in_fork: Callable[[Callable[[], Any]], Any]
) -> None:
    """The lock that was held at the fork is not waited for."""
    sink = quiet.sink()
    with ThreadPoolExecutor(1) as pool, sink.metrics.crashes._lock:

        def child() -> list[float]:
            # In another thread than the one that forked: the lock is reentrant.
            with ThreadPoolExecutor(1) as own:
                own.submit(sink.crashed, a_crash()).result(timeout=30)
            return [value for _, value in series(quiet, semconv.CRASHES)]

        assert pool is not None
        assert in_fork(child) == [1]


def test_threads_count_every_crash(quiet: Vitals) -> None:
    """None is lost between them."""
    sink = quiet.sink()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(lambda: [sink.metrics.crashes.crashed(a_crash()) for _ in range(500)])
    assert [value for _, value in series(quiet, semconv.CRASHES)] == [2000]


def test_classes_made_at_run_time_do_not_make_series(quiet: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a limit of names, and of series, all are `other`; every crash is counted."""
    monkeypatch.setattr(observing, "_NAME_LIMIT", 5)
    sink = quiet.sink()
    for number in range(50):
        sink.crashed(a_crash(error_type=f"Error{number}"))
    assert len(series(quiet, semconv.CRASHES)) == 6
    monkeypatch.setattr(module, "_SERIES_LIMIT", 6)
    for phase in ("import", "startup"):
        for number in range(5):
            sink.crashed(a_crash(error_type=f"Error{number}", phase=phase))
    found = dict(series(quiet, semconv.CRASHES))
    assert len(found) == 8
    assert found["event_loop_closed", "startup", "other", "AG204"] == 5
    assert sum(found.values()) == 60


def test_one_that_is_enabled_again_goes_on_counting(quiet: Vitals) -> None:
    """The SDK takes an instrument's callbacks once: the second sink of a provider finds the same counters."""
    quiet.sink().crashed(a_crash())
    quiet.sink().crashed(a_crash())
    assert [value for _, value in series(quiet, semconv.CRASHES)] == [2]


def test_two_providers_do_not_share_their_counts(quiet: Vitals) -> None:
    """Each sink counts for its own."""
    other = MeterProvider([])
    quiet.sink(meter_provider=other).crashed(a_crash())
    assert series(quiet, semconv.CRASHES) == []
