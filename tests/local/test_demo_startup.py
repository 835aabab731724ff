"""The demo's cold starts: what is computed from the spans of start-ups and first requests."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from autogen_vitals import semconv
from autogen_vitals.local.demo_startup import compute_cold_starts
from autogen_vitals.local.receiver import ReceivedSpan
from autogen_vitals.local.report.model import ColdStart
from autogen_vitals.vocabulary import StartupStage

_ids = count(1)


def span(name: str, trace: str, ms: float, attributes: dict[str, Any], **more: Any) -> ReceivedSpan:
    values: dict[str, Any] = {
        "kind": "INTERNAL",
        "span_id": f"s{next(_ids)}",
        "parent_span_id": "",
        "resource": {},
        "scope": "",
        "status": "UNSET",
        "status_message": "",
        "events": (),
        "links": (),
        **more,
    }
    return ReceivedSpan(name=name, trace_id=trace, start_ns=0, end_ns=round(ms * 1e6), attributes=attributes, **values)


def startup(trace: str, pid: int = 7, idle: float = 0.0, **stages: float) -> ReceivedSpan:
    attributes: dict[str, Any] = {f"autogen.startup.{stage}": ms / 1000 for stage, ms in stages.items()}
    attributes |= {semconv.PROCESS_PID: pid, semconv.STARTUP_IDLE: idle / 1000}
    return span("autogen.startup", trace, sum(stages.values()) + idle, attributes)


def request(start_type: str, ms: float, *, of: ReceivedSpan | None = None, route: str = "/r", connects: int = 0) -> Any:
    attributes = {
        "http.route": route,
        semconv.START_TYPE: start_type,
        semconv.REQUEST_CONNECT_COUNT: connects,
    }
    links = ((of.trace_id, of.span_id),) if of else ()
    return span(f"GET {route}", f"t{next(_ids)}", ms, attributes, kind="SERVER", links=links)


def import_span(trace: str, name: str, self_ms: float) -> ReceivedSpan:
    attributes = {semconv.IMPORT_NAME: name, semconv.IMPORT_SELF_DURATION: self_ms / 1000}
    return span(f"import {name}", trace, self_ms + 500, attributes)


def warm_up_span(trace: str, ms: float) -> ReceivedSpan:
    return span("warm_up Client", trace, ms, {semconv.INIT_STAGE: "warm_up"})


def only_worker(*spans: ReceivedSpan) -> ColdStart:
    (worker,) = compute_cold_starts(spans).workers
    return worker


def in_order(stages: Any) -> list[tuple[StartupStage, Any]]:
    return [(stage, pytest.approx(ms)) for stage, ms in stages.items()]


def test_stages_are_told_in_their_order() -> None:
    """Whatever the order of the attributes; what took no time is absent; ready, the rest, comes last."""
    root = startup(
        "a", idle=50, request=5, model_wait=100, warm_up=40, connect_dns_tcp=2, ready=3, imports=900, spawn=80
    )
    worker = only_worker(request("cold", 160, of=root, connects=1), root)
    assert in_order(worker.until_ready) == [("spawn", 80), ("imports", 900), ("ready", 3)]
    assert in_order(worker.in_request) == [("connect_dns_tcp", 2), ("warm_up", 40), ("model_wait", 100), ("request", 5)]
    assert worker.total_ms == pytest.approx(1130)
    assert worker.idle_ms == pytest.approx(50)
    assert worker.first_request_ms == pytest.approx(160)
    assert worker.warm_up_ms is None


@pytest.mark.parametrize("connects", [0, 1])
def test_what_warm_up_has_done_is_told_before_the_request(connects: int) -> None:
    """Its time, and that of its connection unless the first request made one itself."""
    root = startup("a", init=30, ready=3, connect_tls=20, warm_up=70, model_wait=100)
    worker = only_worker(root, warm_up_span("a", 95), request("cold", 110, of=root, connects=connects))
    before = ["init", "warm_up", "ready"] if connects else ["init", "connect_tls", "warm_up", "ready"]
    assert list(worker.until_ready) == before
    assert list(worker.in_request) == (["connect_tls", "model_wait"] if connects else ["model_wait"])
    assert worker.warm_up_ms == pytest.approx(95)


def test_the_slowest_imports_are_told_without_the_others() -> None:
    """By what each took itself: the app's import contains all of them."""
    root = startup("a", imports=900)
    imports = [import_span("a", name, ms) for name, ms in (("app", 90), ("h11", 6), ("openai", 700), ("jiter", 40))]
    worker = only_worker(root, *imports, import_span("b", "another_worker_s", 800), request("cold", 110, of=root))
    assert [(one.name, one.self_ms) for one in worker.imports[:3]] == [("openai", 700), ("app", 90), ("jiter", 40)]


def test_only_workers_that_told_all_are_shown() -> None:
    """A start without a first request, and a first request whose start has not arrived, are left out."""
    first, second, unserved = startup("a", 8, spawn=80), startup("b", 7, spawn=90), startup("c", 9, spawn=70)
    lost = request("cold", 300, of=startup("d", spawn=1))
    spans = [first, second, unserved, lost, request("cold", 110, of=first), request("cold", 120, of=second)]
    workers = compute_cold_starts(spans).workers
    assert [(worker.pid, worker.first_request_ms) for worker in workers] == [(7, 120), (8, 110)]


def test_cold_requests_are_compared_with_warm_ones_of_their_route() -> None:
    """Another route does other work, and what rebuilds or reconnects is not warm."""
    root = startup("a", spawn=80)
    spans = [
        root,
        request("cold", 200, of=root),
        request("warm", 110),
        request("warm", 112),
        request("reconnect", 130),
        request("rebuild", 170),
        request("warm", 280, route="/team"),
    ]
    assert compute_cold_starts(spans).warm_ms == (110, 112)
