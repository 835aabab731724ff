"""Celery's pools, with a real Redis: prefork, whose children leave by os._exit, threads and solo."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import CLIENT, DISABLED, ONLY_AT_STOP, READY_SECONDS, Server, built_by
from .telemetry import Telemetry, by_pid, stages, startups

pytestmark = pytest.mark.e2e


class Tasks:
    """Sends tasks to the worker and collects what they answer."""

    def __init__(self, redis_url: str) -> None:
        self.app = Celery(broker=redis_url, backend=redis_url)

    def wait_ready(self, server: Server) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while " ready." not in server.log:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise server.failed("the Celery worker did not become ready")
            time.sleep(0.05)

    def fail(self) -> None:
        with pytest.raises(LookupError):
            self.app.send_task("fail", ["hello"]).get(timeout=READY_SECONDS)

    def ask(self, count: int) -> list[dict[str, Any]]:
        results = [self.app.send_task("ask", ["hello"]) for _ in range(count)]
        return [result.get(timeout=READY_SECONDS) for result in results]


@pytest.fixture
def tasks(redis_url: str) -> Iterator[Tasks]:
    sender = Tasks(redis_url)
    yield sender
    # One Redis serves several tests, one after the other.
    sender.app.control.purge()
    sender.app.close()


def _worker(
    start: Start, redis_url: str, arguments: str, *variables: dict[str, str], instrument: bool = True
) -> Server:
    command = f"celery -A celery_app worker -l INFO --without-gossip --without-mingle {arguments}"
    prefix = ["opentelemetry-instrument"] if instrument else []
    return start.command([*prefix, *command.split()], {"REDIS_URL": redis_url}, *variables)


def _check(server: Server, answers: list[dict[str, Any]], telemetry: Telemetry) -> None:
    """Spans and metrics of master and children are exactly what each of them did."""
    built = built_by(answers)
    assert by_pid(telemetry.inits()) == built + Counter({server.pid: 1}), "init spans by pid, the master's one included"
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT) == sum(built.values()) + 1
    assert telemetry.counted("autogen.init.duration", component_type=CLIENT, phase="import") == 1, "the master's"
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == sum(built.values()) - len(built)
    entries = telemetry.entries("CONSUMER")
    for pid, tasks in Counter(answer["pid"] for answer in answers).items():
        spans = [entries[answer["trace_id"]] for answer in answers if answer["pid"] == pid]
        told = Counter(span.attributes.get("autogen.start.type") for span in spans)
        assert told == {"cold": 1, **({"rebuild": tasks - 1} if tasks > 1 else {})}, f"start types of child {pid}"
        assert {span.attributes.get("autogen.request.init.count") for span in spans} == {2}
    assert telemetry.counted("autogen.request.duration") == len(answers)
    assert telemetry.counted("autogen.request.duration", start_type="cold") == len(built)
    workers = telemetry.workers()
    for pid in built:
        assert workers[pid].attributes["autogen.worker.server"] == "celery"
        assert workers[pid].attributes["process.parent_pid"] == server.pid


def _check_cold_starts(server: Server, answers: list[dict[str, Any]], telemetry: Telemetry) -> None:
    """Each child has one, from its fork to the end of its first task; the main process has what it imported."""
    found = startups(telemetry)
    children = {answer["pid"] for answer in answers}
    assert set(found) == children | {server.pid}
    entries = telemetry.entries("CONSUMER")
    for answer in answers:
        entry, span = entries[answer["trace_id"]], found[answer["pid"]]
        if entry.attributes["autogen.start.type"] != "cold":
            assert not entry.links
            continue
        assert (span.trace_id, span.span_id) in entry.links
        told = stages(span)
        assert not {"instrumentation", "init"} & set(told), "these are the main process's"
        wall = (entry.end_ns - span.start_ns) / 1e9
        assert sum(told.values()) + span.attributes["autogen.startup.idle"] == pytest.approx(wall, rel=0.05)
    assert not found[server.pid].attributes["autogen.startup.complete"]
    assert {"imports", "init"} <= set(stages(found[server.pid]))


def test_tasks_arrive_at_sigterm(
    start: Start, redis_url: str, tasks: Tasks, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Two children, stopped right after the last task: everything arrives, the master's client counted once."""
    server = _worker(start, redis_url, "--concurrency 2", receiver.environment("celery"), ONLY_AT_STOP)
    tasks.wait_ready(server)
    answers = tasks.ask(12)
    while len(built_by(answers)) < 2:
        answers += tasks.ask(2)
    assert server.stop() == 0
    _check(server, answers, telemetry)
    _check_cold_starts(server, answers, telemetry)


def test_tasks_arrive_from_children_that_are_recycled(
    start: Start, redis_url: str, tasks: Tasks, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Children that end after two tasks each deliver what they recorded; their successors count only their own."""
    server = _worker(
        start, redis_url, "--concurrency 1 --max-tasks-per-child 2", receiver.environment("celery"), ONLY_AT_STOP
    )
    tasks.wait_ready(server)
    answers = tasks.ask(5)
    assert Counter(Counter(answer["pid"] for answer in answers).values()) == {2: 2, 1: 1}, "two, two and one"
    assert server.stop() == 0
    _check(server, answers, telemetry)
    _check_cold_starts(server, answers, telemetry)


def test_end_is_celerys_own(start: Start, redis_url: str, tasks: Tasks, receiver: Receiver) -> None:
    """Return code on SIGTERM and the children's signal handlers are the same bare, switched off and observed."""
    export = receiver.environment("celery")
    ends: dict[str, tuple[int, dict[str, str]]] = {}
    for how, instrument, variables in (
        ("bare", False, ()),
        ("switched off", True, (export, DISABLED)),
        ("observed", True, (export, ONLY_AT_STOP)),
    ):
        server = _worker(start, redis_url, "--concurrency 1", *variables, instrument=instrument)
        tasks.wait_ready(server)
        handlers = tasks.ask(1)[0]["handlers"]
        ends[how] = server.stop(), handlers
    assert ends["observed"] == ends["bare"] == ends["switched off"], ends


NO_OTHERS = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "celery"}


@pytest.mark.parametrize("pool", ["threads", "solo", "prefork"])
def test_a_task_is_a_request(
    pool: str, start: Start, redis_url: str, tasks: Tasks, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Whatever the pool, and without another instrumentation: each task is one, failed ones with their error, told
    once; the first of each process is the cold one; who works in the main process is a worker as any."""
    worker = _worker(
        start, redis_url, f"--pool {pool} --concurrency 2", receiver.environment("celery"), ONLY_AT_STOP, NO_OTHERS
    )
    tasks.wait_ready(worker)
    answers = tasks.ask(6)
    tasks.fail()
    if pool == "prefork":
        while len({answer["pid"] for answer in answers[6:]}) < 2:  # it is a child's turn to say what it has built
            answers += tasks.ask(2)
    else:
        answers += tasks.ask(1)
    assert worker.stop() == 0

    built = built_by(answers)
    assert (set(built) == {worker.pid}) == (pool != "prefork"), f"{pool}: {built} under {worker.pid}"
    assert by_pid(telemetry.inits()) == built + Counter({worker.pid: 1}), "the one at import included"
    assert by_pid(telemetry.named("invoke_agent assistant")) == built, "runs by pid"
    assert not telemetry.entries("CONSUMER"), "the spans of another instrumentation"
    assert telemetry.counted("autogen.request.duration") == len(answers) + 1
    assert telemetry.counted("autogen.request.duration", start_type="cold") == len(built)
    phases = Counter(span.attributes["autogen.phase"] for span in telemetry.inits())
    assert phases == {"import": 1, "request": len(answers) + 1}
    failed = [point for point in telemetry.points("autogen.request.duration") if "error.type" in point.attributes]
    assert [(point.count, point.attributes["error.type"]) for point in failed] == [(1, "LookupError")]
    crashes = telemetry.events("autogen.crash")
    assert [(crash.attributes["error.type"], crash.attributes["autogen.crash.escaped"]) for crash in crashes] == [
        ("LookupError", "request")
    ]
    for pid in built:
        assert telemetry.workers()[pid].attributes["autogen.worker.server"] == "celery"
        assert startups(telemetry)[pid].attributes["autogen.startup.complete"]
    assert not [exit.attributes for exit in telemetry.events("autogen.process.exit")], "nothing has crashed"
