"""The deferred queue: bounded, recorded at collection, true across forks."""

from __future__ import annotations

import logging
import os
import threading
import time
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.telemetry import metrics as module, observing


def counts(vitals: Vitals) -> int:
    return sum(point.count for point in vitals.points("autogen.init.duration"))


def in_child(child: Any) -> str:
    """What ``child()`` returns, run in a forked child."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(write, str(child()).encode())
        except BaseException as error:
            os.write(write, repr(error).encode())
        finally:
            os._exit(0)
    os.close(write)
    os.waitpid(pid, 0)
    with os.fdopen(read) as pipe:
        return pipe.read()


def test_nothing_is_recorded_before_it_is_collected(vitals: Vitals) -> None:
    """The hot path queues; the first collection records all of it, the next nothing twice."""
    for _ in range(3):
        ReplayChatCompletionClient(["a"])
    assert len(vitals.installed.telemetry.metrics._queue) == 3
    assert counts(vitals) == 3
    assert counts(vitals) == 3


def test_who_collects_is_no_exemplar(vitals: Vitals) -> None:
    """A flush within a span of the app's, which has nothing to do with what was measured before."""
    # The second, for the first has a span, which is its exemplar.
    for _ in range(2):
        ReplayChatCompletionClient(["a"])
    with vitals.tracer_provider.get_tracer("app").start_as_current_span("flush") as flushing:
        points = vitals.points("autogen.init.duration")
    of_spans = {exemplar.span_id for point in points for exemplar in point.exemplars}
    assert of_spans
    assert flushing.get_span_context().span_id not in of_spans


def test_the_queue_is_bounded_and_an_overflow_is_said_once(
    vitals: Vitals, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Beyond the limit the newest are dropped, with one warning at collection that says how many and what to do."""
    monkeypatch.setattr(module, "_QUEUE_LIMIT", 10)
    monkeypatch.setattr(module, "_EARLY", 10)
    monkeypatch.setattr(module, "is_read", lambda histogram: False)
    caplog.set_level(logging.WARNING)
    for _ in range(2):
        for _ in range(25):
            ReplayChatCompletionClient(["a"])
        vitals.points("autogen.init.duration")
    assert counts(vitals) == 20
    (record,) = [record for record in caplog.records if record.name == "autogen_vitals"]
    assert "15 measurements were dropped" in record.getMessage()
    assert "OTEL_METRIC_EXPORT_INTERVAL" in record.getMessage()


def test_a_busy_worker_loses_nothing_between_two_collections(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into the queue until the next collection is recorded before."""
    monkeypatch.setattr(module, "_QUEUE_LIMIT", 50)
    monkeypatch.setattr(module, "_EARLY", 20)
    queue = vitals.installed.telemetry.metrics._queue
    for _ in range(200):
        ReplayChatCompletionClient(["a"])
        deadline = time.monotonic() + 10
        while len(queue) > 20 and time.monotonic() < deadline:
            time.sleep(0.001)
    assert counts(vitals) == 200


def test_a_queue_that_stays_full_is_drained_once_somebody_reads(
    vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SDK that is set late, before its first collection. Until then it is asked for now and then, not each time."""
    asked: list[bool] = []
    monkeypatch.setattr(module, "_QUEUE_LIMIT", 10)
    monkeypatch.setattr(module, "_EARLY", 10)
    monkeypatch.setattr(module, "is_read", lambda histogram: asked.append(False) or len(asked) > 3)
    ours = vitals.installed.telemetry.metrics
    for _ in range(150):
        ReplayChatCompletionClient(["a"])
    assert (len(ours._queue), len(asked)) == (10, 3)
    deadline = time.monotonic() + 10
    while len(ours._queue) == 10 and time.monotonic() < deadline:
        ReplayChatCompletionClient(["a"])
        time.sleep(0.001)
    assert len(ours._queue) < 10


def test_a_collection_has_what_is_just_being_recorded(vitals: Vitals) -> None:
    """The last one of a process, say: what comes after it is lost."""
    ours = vitals.installed.telemetry.metrics
    taken = threading.Event()

    def slow_drain() -> None:
        records = list(ours._queue)
        ours._queue.clear()
        taken.set()
        time.sleep(0.3)
        ours._queue.extend(records)
        ours.drain()

    for _ in range(3):
        ReplayChatCompletionClient(["a"])
    ours._early._drain = slow_drain
    ours._early.soon()
    assert taken.wait(10)
    assert counts(vitals) == 3


def test_a_queue_that_nobody_collects_waits(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork server's is not drained early: its children would go on with what it has recorded."""
    monkeypatch.setattr(module, "_EARLY", 5)
    monkeypatch.setattr(process.facts, "is_fork_server", True)
    for _ in range(20):
        ReplayChatCompletionClient(["a"])
    assert len(vitals.installed.telemetry.metrics._queue) == 20


def test_metric_attributes_are_bounded(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand classes made at run time do not make a thousand series."""
    monkeypatch.setattr(observing, "_NAME_LIMIT", 5)
    for number in range(50):
        type(f"Client{number}", (ReplayChatCompletionClient,), {})(["a"])
    points = vitals.points("autogen.init.duration")
    assert len({point.attributes["autogen.component.type"] for point in points}) == 6
    assert "other" in {point.attributes["autogen.component.type"] for point in points}
    assert counts(vitals) == 50


def test_a_child_forgets_what_its_parent_queued(vitals: Vitals) -> None:
    """What the parent had not collected is the parent's alone."""
    ReplayChatCompletionClient(["a"])
    assert in_child(lambda: counts(vitals)) == "0"
    assert counts(vitals) == 1


def test_a_child_forgets_what_its_parent_had_collected(vitals: Vitals) -> None:
    """Nor is counted again what the parent had recorded before it forked; the child's own is."""
    for _ in range(2):
        ReplayChatCompletionClient(["a"])
    assert counts(vitals) == 2

    def child() -> str:
        inherited = counts(vitals)
        ReplayChatCompletionClient(["a"])
        (info,) = vitals.points("autogen.worker.info")
        return f"{inherited} {counts(vitals)} {vitals.points('autogen.reinits')} {info.attributes['process.pid']}"

    inherited, own, reinits, pid = in_child(child).split(" ")
    assert (inherited, own, reinits) == ("0", "1", "[]")
    assert int(pid) != os.getpid()
    assert counts(vitals) == 2


def test_a_fork_server_records_nothing_before_its_exit(vitals: Vitals) -> None:
    """gunicorn's master, say, holds its histograms back until it forks no more; its counters it may tell."""
    process.facts.is_fork_server = True
    try:
        for _ in range(2):
            ReplayChatCompletionClient(["a"])
        assert counts(vitals) == 0
        assert [point.value for point in vitals.points("autogen.reinits")] == [1]
        vitals.installed._moments.exiting()
        assert counts(vitals) == 2
    finally:
        process.facts.is_fork_server = False


def test_two_readers_collect_the_same(vitals: Vitals) -> None:
    """Whichever reader collects first, both export everything."""
    second = InMemoryMetricReader()
    if not hasattr(vitals.meter_provider, "add_metric_reader"):
        pytest.skip("this SDK cannot add a reader")
    vitals.meter_provider.add_metric_reader(second)
    ReplayChatCompletionClient(["a"])
    assert counts(vitals) == 1
    second.collect()
    vitals.reader = second
    assert counts(vitals) == 1


def test_a_drain_beside_a_busy_app_loses_nothing(vitals: Vitals) -> None:
    """Threads that build while a reader collects: every init is counted once."""
    start = threading.Barrier(5)

    def build() -> None:
        start.wait()
        for _ in range(200):
            ReplayChatCompletionClient(["a"])

    threads = [threading.Thread(target=build) for _ in range(4)]
    for thread in threads:
        thread.start()
    start.wait()
    for _ in range(20):
        vitals.points("autogen.init.duration")
    for thread in threads:
        thread.join()
    assert counts(vitals) == 800
