"""Connections and second tries: each belongs to the call that had to wait for it."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from autogen_vitals.lifecycle import connects
from autogen_vitals.lifecycle.connects import ConnectWatch, RetryWatch
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, INVOKE_AGENT, ConnectStage

MS = 1_000_000


@pytest.fixture
def connect(tracker_: Tracker, clock: Any) -> Callable[..., Any]:
    """One stage of a new connection, as the wrapped function makes it."""

    def make(stage: ConnectStage = "dns_tcp", nanoseconds: int = 10 * MS, error: BaseException | None = None) -> Any:
        watch = ConnectWatch(tracker_, stage)
        begun = watch.begin(object(), (), {})
        clock.move(nanoseconds)
        if begun is not None:
            watch.end(begun, None if error else object(), error)
        return begun

    return make


@pytest.fixture
def retry(tracker_: Tracker) -> Callable[[Any], bool]:
    """The SDK asks how long to wait before another try. Answers whether that concerns anyone."""

    def ask(seconds: Any) -> bool:
        watch = RetryWatch(tracker_)
        begun = watch.begin(object(), (), {})
        if begun is not None:
            watch.end(begun, seconds, None)
        return begun is not None

    return ask


def spent(observation: Any) -> tuple[int, float]:
    """Connections that it opened, and milliseconds spent on that."""
    return observation.network.connect_count, observation.network.connect_ns / MS


# --- whose it is ------------------------------------------------------------------------------------------------------


def test_a_connection_is_the_innermost_operation_s(
    connect: Callable[..., Any], run: Callable[..., Any], init: Callable[..., Any], sink: Any
) -> None:
    """Of the model call, the tool or the init that waits for it, and of no other around it; and the request's."""
    with run(INVOKE_AGENT) as agent:
        with init() as built:
            connect()
        with run(CHAT) as chat:
            connect()
            connect()
        with run(EXECUTE_TOOL) as tool:
            connect()
    assert [spent(told) for told in (built, chat, tool)] == [(1, 10), (2, 20), (1, 10)]
    assert agent.network is None
    assert agent.request.connect_count == 4
    assert [told.observation for told in sink.all("connected")] == [built, chat, chat, tool]
    assert {told.duration_ns for told in sink.all("connected")} == {10 * MS}


def test_an_init_outside_any_request_connects_too(connect: Callable[..., Any], init: Callable[..., Any]) -> None:
    """A workbench that is started while the server starts."""
    with init(stage="start") as started:
        connect()
    assert (spent(started), started.request) == ((1, 10), None)


def test_what_the_app_connects_to_is_none_of_our_business(connect: Callable[..., Any], sink: Any, run: Any) -> None:
    """Outside AutoGen, and after a run has ended."""
    assert connect() is None
    with run(CHAT):
        pass
    assert connect() is None
    assert sink.all("connected") == []


def test_nothing_is_counted_once_switched_off(
    tracker_: Tracker, connect: Callable[..., Any], retry: Callable[..., bool], run: Callable[..., Any]
) -> None:
    """A run in progress ends as it would have, and what it connects to is not told."""
    with run(CHAT) as chat:
        tracker_.switch_off()
        assert connect() is None
        assert not retry(1.0)
    assert chat.network is None


def test_a_parent_s_call_is_not_the_child_s(
    connect: Callable[..., Any], run: Callable[..., Any], in_fork: Callable[..., Any]
) -> None:
    """What a forked child connects to in the middle of it is not told."""
    with run(CHAT):
        assert in_fork(lambda: connect() is None) is True
        assert connect() is not None


# --- what it is -------------------------------------------------------------------------------------------------------


def test_a_connection_with_tls_is_one(connect: Callable[..., Any], run: Callable[..., Any], sink: Any) -> None:
    """Both stages are told, and both take their time."""
    with run(CHAT) as chat:
        connect("dns_tcp", 30 * MS)
        connect("tls", 50 * MS)
    assert spent(chat) == (1, 80)
    assert chat.request.connect_count == 1
    assert [(told.stage, told.duration_ns // MS) for told in sink.all("connected")] == [("dns_tcp", 30), ("tls", 50)]


def test_a_connection_that_fails_opens_none(connect: Callable[..., Any], run: Callable[..., Any], sink: Any) -> None:
    """It takes its time and is told by the class of its error; it makes no request a reconnect."""
    with run(CHAT):
        pass
    with run(CHAT) as chat:
        connect(nanoseconds=70 * MS, error=ConnectionRefusedError("a secret host"))
    assert spent(chat) == (0, 70)
    assert [told.error for told in sink.all("connected")] == ["ConnectionRefusedError"]
    assert (chat.request.connect_count, chat.request.start_type) == (0, "warm")


def test_many_connections_are_counted_and_not_kept(connect: Callable[..., Any], run: Callable[..., Any]) -> None:
    """Bounded: an agent that crawls the web."""
    with run(EXECUTE_TOOL) as tool:
        for _ in range(3000):
            connect()
    assert tool.network.connect_count == tool.request.connect_count == 3000
    assert len(tool.network.connects) == connects._CONNECT_LIMIT


# --- start types ------------------------------------------------------------------------------------------------------


def test_a_warm_request_that_connects_is_a_reconnect(
    connect: Callable[..., Any], run: Callable[..., Any], init: Callable[..., Any]
) -> None:
    """The first is cold and one that builds a client a rebuild, whether they connect or not."""
    types = []
    for builds, connects_ in ((False, True), (False, True), (False, False), (True, True), (True, False)):
        with run(INVOKE_AGENT) as agent:
            if builds:
                with init(kind="model_client"):
                    pass
            with run(CHAT):
                if connects_:
                    connect()
        types.append(agent.request.start_type)
    assert types == ["cold", "reconnect", "warm", "rebuild", "rebuild"]


# --- second tries -----------------------------------------------------------------------------------------------------


def test_a_retry_takes_the_try_that_failed_and_the_wait(
    retry: Callable[..., bool], run: Callable[..., Any], clock: Any
) -> None:
    """Each try counts from the end of the wait before it, the first from the beginning; the one that works does not."""
    with run(CHAT) as chat:
        clock.move(30 * MS)
        assert retry(0.5)
        clock.move(500 * MS + 20 * MS)
        assert retry(1)
        clock.move(1000 * MS + 40 * MS)
    assert (chat.network.retry_count, chat.network.retry_ns // MS) == (2, 30 + 500 + 20 + 1000)
    assert chat.duration_ns // MS == chat.network.retry_ns // MS + 40


def test_the_warm_up_is_no_part_of_a_retry(
    tracker_: Tracker, retry: Callable[..., bool], run: Callable[..., Any], clock: Any
) -> None:
    """What the first try spent on imports would have been spent anyway."""
    with run(CHAT) as chat:
        begin_ns = clock.now
        clock.move(400 * MS)
        tracker_.ran(chat, begin_ns, clock.now)
        clock.move(50 * MS)
        retry(0.1)
    assert chat.network.retry_ns // MS == 150
    assert chat.warm_up_ns // MS == 400


def test_the_warm_up_is_taken_off_a_retry_once(
    tracker_: Tracker, retry: Callable[..., bool], run: Callable[..., Any], connect: Callable[..., Any], clock: Any
) -> None:
    """Though it is seen in the steps of the call, and by what it connects to."""
    with run(CHAT) as chat:
        begin_ns = clock.now
        clock.move(400 * MS)
        tracker_.ran(chat, begin_ns, clock.now)
        connect(nanoseconds=10 * MS)
        clock.move(50 * MS)
        retry(0.1)
    assert chat.warm_up_ns // MS == 400
    assert chat.network.retry_ns // MS == 10 + 50 + 100


@pytest.mark.parametrize("answer", [None, "soon", object()])
def test_an_answer_that_is_no_number_is_no_retry(
    answer: object, retry: Callable[..., bool], run: Callable[..., Any]
) -> None:
    """An SDK that raises instead, or one that answers in its own way."""
    with run(CHAT) as chat:
        retry(answer)
    assert chat.network is None


def test_a_retry_outside_a_model_call_is_the_app_s(retry: Callable[..., bool], run: Callable[..., Any]) -> None:
    """A tool that uses the SDK itself, and code outside AutoGen."""
    assert not retry(1.0)
    with run(CHAT) as chat, run(EXECUTE_TOOL) as tool:
        assert not retry(1.0)
    assert (chat.network, tool.network) == (None, None)


# --- warm-up ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "connecting", "warm_up"),
    [
        ([], [], 0),
        ([(0, 100)], [], 100),
        ([(0, 100), (250, 270)], [], 120),
        ([(0, 100)], [(20, 50)], 70),
        # It begins in one step and ends in the next: only what it took of them is taken off.
        ([(0, 30), (60, 100)], [(20, 70)], 50),
        ([(0, 100)], [(10, 20), (20, 60)], 50),
        ([(0, 100)], [(-50, 20), (90, 200)], 70),
        ([(0, 100)], [(200, 300)], 100),
        ([(0, 100)], [(0, 100)], 0),
        # Of two at the same time, each is connecting.
        ([(0, 100)], [(10, 60), (20, 80)], 30),
        ([(0, 100)], [(0, 100), (0, 100)], 0),
    ],
)
def test_connecting_is_no_warm_up(steps: Any, connecting: Any, warm_up: int) -> None:
    """A first use is as long as its own code ran, without what of that was connecting, and never less than nothing."""
    network = SimpleNamespace(connects=connecting)
    observation: Any = SimpleNamespace(steps=steps, network=network)
    assert connects.warm_up_ns(observation, 0, 300) == warm_up


def test_a_call_that_is_no_first_use_has_no_warm_up(
    tracker_: Tracker, run: Callable[..., Any], connect: Callable[..., Any], clock: Any
) -> None:
    """Nothing of it is timed, also where it connects anew."""
    with run(CHAT):
        pass
    with run(CHAT) as chat:
        begin_ns = clock.now
        connect()
        tracker_.ran(chat, begin_ns, clock.now)
    assert (chat.steps, chat.warm_up_ns) == (None, 0)


def test_all_before_the_first_connection_is_warm_up(
    tracker_: Tracker, run: Callable[..., Any], connect: Callable[..., Any], clock: Any
) -> None:
    """Also what the SDK has done in a thread of its own, which no step of the call shows; and each instant once."""
    with run(CHAT) as chat:
        begin_ns = clock.now
        clock.move(100 * MS)
        tracker_.ran(chat, begin_ns, clock.now)
        clock.move(30 * MS)
        connect(nanoseconds=40 * MS)
        clock.move(500 * MS)
        connect(nanoseconds=5 * MS)
    assert chat.warm_up_ns // MS == 130


# --- the watches ------------------------------------------------------------------------------------------------------


def test_neither_watch_makes_anything_current(tracker_: Tracker, run: Callable[..., Any]) -> None:
    """What happens while it connects belongs to the call, as what happens before and after."""
    for watch in (ConnectWatch(tracker_, "tls"), RetryWatch(tracker_)):
        with run(CHAT) as chat:
            begun = watch.begin(object(), (), {})
            assert begun is not None
            token = watch.enter(begun)
            assert tracker_.current() is chat
            assert watch.timed(begun) is False
            watch.leave(begun, token)
            assert tracker_.current() is chat


def test_what_is_dropped_is_not_counted(tracker_: Tracker, run: Callable[..., Any], sink: Any) -> None:
    """A connection whose coroutine is thrown away has neither been made nor failed."""
    watch = ConnectWatch(tracker_, "dns_tcp")
    with run(CHAT) as chat:
        begun = watch.begin(object(), (), {})
        assert begun is not None
        watch.abandon(begun)
    assert (chat.network, sink.all("connected")) == (None, [])
