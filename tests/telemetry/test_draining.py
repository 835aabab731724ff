"""A queue is emptied before its collection where somebody will collect, once at a time, and nothing of it is missed."""

from __future__ import annotations

import os
import threading
import time

from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autogen_vitals.telemetry.draining import EarlyDrain, is_read


def test_an_instrument_is_read_where_there_is_a_reader() -> None:
    """Without an SDK, and with one that nobody reads, what is recorded goes nowhere."""
    assert is_read(MeterProvider([InMemoryMetricReader()]).get_meter("a").create_histogram("b"))
    assert not is_read(MeterProvider().get_meter("a").create_histogram("b"))
    assert not is_read(NoOpMeterProvider().get_meter("a").create_histogram("b"))


def test_the_app_does_not_wait_and_a_collection_does() -> None:
    """A thread drains; a collection that begins meanwhile has what it records."""
    go, done = threading.Event(), threading.Event()

    def drain() -> None:
        go.wait(10)
        time.sleep(0.1)
        done.set()

    early = EarlyDrain(drain)
    early.soon()
    assert not done.is_set()
    go.set()
    early.wait()
    assert done.is_set()


def test_one_thread_at_a_time_drains() -> None:
    """What is asked for meanwhile is done by the one at work, or when it is asked for again."""
    go, calls = threading.Event(), []

    def drain() -> None:
        calls.append(1)
        go.wait(10)

    early = EarlyDrain(drain)
    for _ in range(5):
        early.soon()
    go.set()
    early.wait()
    assert len(calls) == 1
    early.soon()
    early.wait()
    assert len(calls) == 2


def test_one_that_fails_can_be_asked_again() -> None:
    """An error of the SDK's is not the end of it."""
    calls: list[int] = []

    def drain() -> None:
        calls.append(1)
        raise RuntimeError

    early = EarlyDrain(drain)
    for _ in range(2):
        early.soon()
        early.wait()
    assert len(calls) == 2


def test_a_forked_child_does_not_wait_for_its_parent_s_thread() -> None:
    """That thread does not exist there."""
    go = threading.Event()
    early = EarlyDrain(lambda: go.wait(10))
    early.soon()
    pid = os.fork()
    if pid == 0:
        os._exit(int(early._at_work.locked()))
    _, status = os.waitpid(pid, 0)
    go.set()
    early.wait()
    assert os.waitstatus_to_exitcode(status) == 0


def test_a_fork_waits_for_it() -> None:
    """The thread holds locks of the SDK's, which a child would wait for for good; and Python warns of threads."""
    begun, done = threading.Event(), threading.Event()

    def drain() -> None:
        begun.set()
        time.sleep(0.1)
        done.set()

    early = EarlyDrain(drain)
    early.soon()
    assert begun.wait(10)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if done.is_set() else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
