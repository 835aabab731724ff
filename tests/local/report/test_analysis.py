"""What a report says of starts, inits, requests, waits, crashes and processes."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from autogen_vitals import semconv
from autogen_vitals.local.report import as_json
from autogen_vitals.local.report.model import Latency

from .builders import (
    CLIENT,
    at,
    cannot_start,
    counted,
    crash,
    finding,
    found,
    gone,
    init,
    init_durations,
    line,
    reported,
    request,
    span,
    startup,
    worker_info,
)


def import_span(trace: str, name: str, self_ms: float) -> Any:
    said = {semconv.IMPORT_NAME: name, semconv.IMPORT_SELF_DURATION: self_ms / 1000}
    return span(f"import {name}", 0, self_ms + 100, attributes=said, trace_id=trace)


# --- cold starts --------------------------------------------------------------------------------------------------


def test_a_cold_start_is_told_in_stages_without_idle_time() -> None:
    """Those until ready and those of the first request; together they are the total."""
    root = startup(spawn=80, imports=900, init=60, ready=10, model_wait=100, request=5)
    idle = replace(root, attributes={**root.attributes, semconv.STARTUP_IDLE: 3.0})
    (start,) = reported(idle, request(1100, 105, "cold")).cold_starts
    assert list(start.until_ready) == ["spawn", "imports", "init", "ready"]
    assert list(start.in_request) == ["model_wait", "request"]
    assert (start.total_ms, start.ready_ms, start.idle_ms) == (pytest.approx(1155), pytest.approx(1050), 3000)
    assert (start.served, start.server, start.first_request_ms) == (True, "uvicorn", pytest.approx(300))


@pytest.mark.parametrize("connects", [0, 2])
def test_what_warm_up_did_is_before_the_first_request(connects: int) -> None:
    """A connection too, unless the first request has told of one of its own."""
    root = startup(trace="a", spawn=80, connect_tls=20, warm_up=70, model_wait=100)
    warm_up = init(50, 95, stage="warm_up", phase="startup", trace_id="a")
    first = request(400, 110, "cold")
    first = replace(first, attributes={**first.attributes, semconv.REQUEST_CONNECT_COUNT: connects})
    (start,) = reported(root, warm_up, first).cold_starts
    assert ("connect_tls" in start.in_request) == bool(connects)
    assert "warm_up" in start.until_ready
    assert start.warm_up_ms == pytest.approx(95)


def test_the_slowest_imports_are_those_of_this_process() -> None:
    """By what each took itself."""
    told = [import_span("a", name, ms) for name, ms in (("app", 90), ("openai", 700), ("jiter", 40))]
    (start,) = reported(startup(trace="a", imports=900), *told, import_span("b", "another_s", 800)).cold_starts
    assert [(one.name, one.self_ms, one.ms) for one in start.imports[:2]] == [("openai", 700, 800), ("app", 90, 190)]


def test_a_process_that_never_served_is_told_so() -> None:
    """Its stages are there all the same."""
    starts = reported(startup(7, spawn=80), startup(8, spawn=90, served=False)).cold_starts
    assert [(start.pid, start.served) for start in starts] == [(7, True), (8, False)]


# --- inits --------------------------------------------------------------------------------------------------------


def test_inits_are_counted_by_the_metric_and_placed_by_spans() -> None:
    """Cheap repeats have no span; the first of each process has."""
    (row,) = reported(
        worker_info(7),
        worker_info(8),
        init_durations(7, 1, 60),
        init_durations(7, 9, 45, again=True),
        init_durations(8, 1, 40),
        init(0, 60, pid=7, number=51),
        init(0, 40, pid=8, number=90),
    ).inits
    assert (row.component, row.kind, row.stage, row.count, row.pids) == (
        CLIENT,
        "model_client",
        "construct",
        11,
        (7, 8),
    )
    assert (row.first_ms, row.later_ms) == (pytest.approx(50), pytest.approx(5))
    assert (row.total_ms, row.reinits, row.reinit_ms) == (pytest.approx(145), 9, pytest.approx(45))
    assert [(str(each.site), each.spans) for each in row.sites] == [("app.py:51", 1), ("app.py:90", 1)]


def test_a_process_that_was_killed_before_its_metrics_came_is_counted_by_its_spans() -> None:
    """The better of the two."""
    (row,) = reported(init(0, 60), init(100, 50, again=True)).inits
    assert (row.count, row.reinits, row.total_ms) == (2, 1, pytest.approx(110))


def test_metrics_that_do_not_say_whose_they_are_are_not_counted_twice() -> None:
    """Two processes with one identity, as with a fixed service.instance.id: their spans are part of that count."""
    told = [replace(init(0, 50, pid=pid), resource={"service.instance.id": "all"}) for pid in (7, 8)]
    point = replace(init_durations(7, 6, 120), resource={"service.instance.id": "all"})
    (row,) = reported(*told, point).inits
    assert (row.count, row.total_ms, row.pids) == (6, pytest.approx(120), (7, 8))


def test_files_outside_the_run_s_directory_keep_their_path() -> None:
    """The others are relative to it."""
    outside = span("init X", 0, 5, attributes={semconv.INIT_STAGE: "construct", **line(3, "/opt/lib/x.py")})
    (row,) = reported(outside).inits
    assert str(row.sites[0].site) == "/opt/lib/x.py:3"


# --- requests -----------------------------------------------------------------------------------------------------


def test_cold_requests_are_apart() -> None:
    """Medians and the share of inits are of the others."""
    later = [request(1000 * index, ms, "rebuild", inits=ms / 4) for index, ms in enumerate((100, 300, 200, 400))]
    (group,) = reported(request(0, 2000, "cold", inits=900), *later).requests
    assert (group.name, group.count, group.starts) == ("GET /ask", 5, {"cold": 1, "rebuild": 4})
    assert group.cold == Latency(1, 2000, 2000, 2000)
    assert group.later == Latency(4, 200, 400, 400)
    assert (group.inits, group.init_share) == (1.0, pytest.approx(0.25))


def test_failed_requests_are_counted_with_what_they_failed_of() -> None:
    """By name."""
    told = [request(0, 50, error="ValueError"), request(100, 50), request(200, 50, name="GET /x", error="KeyError")]
    ask, other = reported(*told).requests
    assert (ask.errors, ask.error_types) == (1, {"ValueError": 1})
    assert (other.errors, other.error_types) == (1, {"KeyError": 1})


def test_a_request_without_a_name_is_named_after_its_outermost_run() -> None:
    """By the trace that it is told in."""
    run = span("invoke_agent writer", 0, 90, trace_id="t")
    inside = span("chat m", 5, 80, trace_id="t", parent_span_id=run.span_id)
    (group,) = reported(run, inside, request(0, 99, name="", trace="t")).requests
    assert group.name == "invoke_agent writer"


def test_without_the_event_requests_are_those_with_a_span() -> None:
    """As under opentelemetry-instrument."""
    said = {semconv.REQUEST_INIT_COUNT: 1, semconv.START_TYPE: "warm", "http.route": "/ask"}
    (group,) = reported(span("GET /ask", 0, 120, kind="SERVER", attributes=said)).requests
    assert (group.name, group.later) == ("/ask", Latency(1, 120, 120, 120))


# --- waits --------------------------------------------------------------------------------------------------------


def test_connections_are_counted_once_for_both_stages() -> None:
    """First calls apart from later ones."""

    def of(stage: str, first: bool, count: int, ms: float) -> Any:
        said = {semconv.COMPONENT_KIND: "tool", semconv.FIRST_USE: first, semconv.CONNECT_STAGE: stage}
        return counted("autogen.connect.duration", 7, said, type="histogram", count=count, sum=ms / 1000)

    later, first = reported(of("dns_tcp", True, 1, 5), of("dns_tcp", False, 3, 9), of("tls", False, 3, 60)).connections
    assert (later.first_use, later.count, later.dns_tcp_ms, later.tls_ms) == (False, 3, 9, 60)
    assert (first.first_use, first.count) == (True, 1)


def test_retries_and_warm_ups_are_those_of_the_model_calls() -> None:
    """Calls that tried once are none."""

    def chat(**more: Any) -> Any:
        said = {f"autogen.{name.replace('__', '.')}": value for name, value in more.items()}
        return span("chat gpt-4o", 0, 900, attributes={semconv.PHASE: "request", **said})

    report = reported(
        chat(retry__count=2, retry__duration=0.5, retry__category="rate_limited"),
        chat(retry__count=1, retry__duration=0.2, retry__category="rate_limited"),
        chat(retry__count=0),
        chat(warm_up__duration=0.25, warm_up__modules=29),
    )
    (retry,) = report.retries
    assert (retry.operation, retry.category, retry.calls, retry.count, retry.ms) == (
        "chat gpt-4o",
        "rate_limited",
        2,
        3,
        pytest.approx(700),
    )
    (warm_up,) = report.warm_ups
    assert (warm_up.ms, warm_up.modules, warm_up.in_request) == (250, 29, True)


def test_blocks_of_a_line_are_one() -> None:
    """With the operation that lost most."""

    def block(name: str, seconds: float) -> Any:
        said = {semconv.LOOP_BLOCKED_DURATION: seconds, **line(48)}
        return span(name, 0, 900, attributes={}, events=(("autogen.loop.blocked", said), ("exception", {})))

    (blocked,) = reported(block("execute_tool price", 0.6), block("invoke_agent a", 0.3)).loop_blocks
    assert (str(blocked.site), blocked.count, blocked.operation) == ("app.py:48", 2, "execute_tool price")
    assert (blocked.total_ms, blocked.max_ms) == (pytest.approx(900), pytest.approx(600))


# --- crashes and processes ----------------------------------------------------------------------------------------


def test_ends_that_are_as_they_should_be_are_only_counted() -> None:
    """Drained, clean and recycled."""
    crashes = reported(gone(7, "drained"), gone(8, "drained"), gone(9, "clean")).crashes
    assert crashes.ends == {"clean": 1, "drained": 2}
    assert (crashes.dead, crashes.start_failures) == ((), ())


def test_processes_that_could_not_start_are_told_by_parent() -> None:
    """As many as their supervisor has counted, with what the last of them failed with."""
    told = [log for number, pid in enumerate((11, 12, 13), 1) for log in cannot_start(pid, number)]
    (group,) = reported(*told).crashes.start_failures
    assert (group.parent_pid, group.count, group.is_loop) == (50, 3, True)
    failure = group.deaths[-1].failure
    assert failure is not None
    assert (failure.category, str(failure.site)) == ("missing_credentials", "app.py:51")


def test_a_crash_has_the_name_of_its_request() -> None:
    """By the trace."""
    (failure,) = reported(request(0, 90, trace="t"), crash("ValueError", trace="t")).crashes.failures
    assert (failure.request, str(failure.site), failure.when_ns) == ("GET /ask", "app.py:51", at(100))


def test_a_process_is_known_by_all_that_it_told() -> None:
    """Whose child, since when, how many requests, and how it ended."""
    report = reported(
        worker_info(7), request(500, 90), request(700, 90, error="ValueError"), gone(7, "drained", when=31_500)
    )
    (worker,) = report.workers
    assert (worker.pid, worker.parent_pid, worker.server) == (7, 50, "uvicorn")
    assert (worker.requests, worker.errors, worker.end) == (2, 1, "drained")
    assert worker.uptime_ms is not None


def test_a_process_whose_birth_nobody_told_of_has_no_uptime() -> None:
    """What is not known is not guessed."""
    (worker,) = reported(request(500, 90)).workers
    assert worker.uptime_ms is None


# --- what others tell ---------------------------------------------------------------------------------------------

_NOISE: tuple[Any, ...] = (None, "", "x", -1, 0, 3.5, float("nan"), float("inf"), True, (), ("a", 1), {"k": 1}, b"\xff")


def test_nothing_is_taken_for_granted() -> None:
    """Any attribute may be missing, or be something else: then it is not known, and nothing is raised."""
    told = [
        startup(trace="a", spawn=80, warm_up=50),
        init(0, 60, trace_id="a"),
        init(9, 60, again=True, stage="warm_up", trace_id="a"),
        import_span("a", "openai", 7),
        span("chat m", 0, 9, attributes={semconv.RETRY_COUNT: 1, semconv.WARM_UP_DURATION: 1.0}),
        span("x", 0, 9, events=(("autogen.loop.blocked", {semconv.LOOP_BLOCKED_DURATION: 1.0, **line(3)}),)),
        request(0, 90),
        finding("AG101", count=3, duration=0.1, share=0.5),
        finding("AG604"),
        *cannot_start(11, 3),
        gone(8, "signal", signal="SIGKILL", rule="AG503", operation="chat m"),
        worker_info(7),
        init_durations(7, 3, 60),
        found(7, "AG101", 4),
    ]
    chance = random.Random(8)
    for _ in range(300):
        spoilt: list[Any] = []
        for one in told:
            attributes = {
                name: chance.choice(_NOISE) if chance.random() < 0.2 else value
                for name, value in one.attributes.items()
                if chance.random() < 0.9
            }
            spoilt.append(replace(one, attributes=attributes, resource={}))
        report = reported(*spoilt)
        assert report.verdict.state in ("to_fix", "nothing_to_fix")


def test_foreign_telemetry_is_no_concern() -> None:
    """Spans, logs and points of other libraries neither fail nor count."""
    foreign_log = replace(finding("AG101"), event_name="", severity="UNSPECIFIED", attributes={"a": 1})
    point = counted("http.server.duration", 9, {}, type="histogram")
    report = reported(span("GET /", 0, 5, attributes={}, kind="SERVER"), foreign_log, point)
    assert (report.findings, report.requests, report.inits, report.cold_starts) == ((), (), (), ())


def test_numbers_that_are_none_are_left_out() -> None:
    """Of points too: what is added up stays a number."""
    spoilt = replace(init_durations(7, 3, 60), sum=float("nan"))
    report = reported(spoilt, replace(found(7, "AG101", 4), value=float("inf")), init(0, 60), finding("AG101"))
    assert report.inits[0].total_ms == pytest.approx(60)
    json.dumps(as_json(report), allow_nan=False)


def test_a_large_recording_is_analysed() -> None:
    """A hundred thousand spans, ten thousand requests: what took the square of that would never end."""
    one = init(0, 0.5, again=True)
    spans = [replace(one, start_ns=at(when), end_ns=at(when + 0.5)) for when in range(100_000)]
    requests = [request(when * 10, 9, "rebuild") for when in range(10_000)]
    report = reported(*spans, *requests, finding("AG101", count=3, duration=0.1))
    assert report.inits[0].count == 100_000
    assert report.verdict.to_fix[0].cost.requests == 10_000
