"""The demo's report: what is computed from spans and points, and how it reads in a terminal."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from autogen_vitals import semconv
from autogen_vitals.local.demo_report import Guilt, Report, Route, Worker, compute_report
from autogen_vitals.local.demo_view import show_report, verdict
from autogen_vitals.local.receiver import ReceivedPoint, ReceivedSpan
from autogen_vitals.local.report.model import Init, InitSite, Site

APP = Path("/srv/app")
BORN = datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=timezone.utc)
CLIENT = "OpenAIChatCompletionClient"
_ids = count(1)


def at(seconds: float) -> int:
    """Nanoseconds since the epoch, ``seconds`` after the workers were born."""
    return round((BORN + timedelta(seconds=seconds)).timestamp() * 1000) * 1_000_000


def span(name: str, kind: str, trace: str, start: float, ms: float, worker: str, **more: Any) -> ReceivedSpan:
    values: dict[str, Any] = {
        "span_id": f"s{next(_ids)}",
        "parent_span_id": "",
        "resource": {"service.instance.id": worker},
        "scope": "",
        "status": "UNSET",
        "status_message": "",
        "events": (),
        "links": (),
        **more,
    }
    return ReceivedSpan(
        name=name, kind=kind, trace_id=trace, start_ns=at(start), end_ns=at(start) + round(ms * 1e6), **values
    )


def request(
    trace: str,
    start_type: str,
    *,
    route: str = "/r",
    start: float = 1,
    ms: float = 100,
    init: float = 0,
    on: str = "w1",
) -> ReceivedSpan:
    attributes = {
        "http.route": route,
        semconv.START_TYPE: start_type,
        semconv.REQUEST_INIT_COUNT: 1,
        semconv.REQUEST_INIT_DURATION: init / 1000,
    }
    return span(f"GET {route}", "SERVER", trace, start, ms, on, attributes=attributes)


def init_span(
    component: str,
    trace: str,
    ms: float,
    *,
    line: int = 10,
    file: str = "/srv/app/app.py",
    stage: str = "construct",
    reinit: bool = False,
    start: float = 1,
    on: str = "w1",
    inside: ReceivedSpan | None = None,
) -> ReceivedSpan:
    attributes = {
        semconv.COMPONENT_TYPE: component,
        semconv.INIT_STAGE: stage,
        semconv.REINIT: reinit,
        semconv.CODE_FILE_PATH: file,
        semconv.CODE_LINE_NUMBER: line,
    }
    parent = inside.span_id if inside else ""
    return span(f"init {component}", "INTERNAL", trace, start, ms, on, attributes=attributes, parent_span_id=parent)


def point(metric: str, worker: str, attributes: dict[str, Any], time: float, **more: Any) -> ReceivedPoint:
    values: dict[str, Any] = {"type": "histogram", "value": None, "count": 0, "sum": 0.0, **more}
    return ReceivedPoint(
        metric=metric,
        unit="",
        attributes=attributes,
        resource={"service.instance.id": worker},
        scope="",
        bucket_counts=(),
        explicit_bounds=(),
        start_ns=0,
        time_ns=at(time),
        monotonic=False,
        cumulative=True,
        exemplars=(),
        **values,
    )


def worker_info(worker: str, pid: int) -> ReceivedPoint:
    attributes = {semconv.PROCESS_PID: pid, semconv.WORKER_SERVER: "uvicorn"}
    return point(semconv.WORKER_INFO.name, worker, attributes, 9, type="gauge", value=1)


def init_point(
    component: str,
    times: int,
    ms: float,
    *,
    reinit: bool = False,
    stage: str = "construct",
    phase: str = "request",
    on: str = "w1",
    time: float = 9,
) -> ReceivedPoint:
    attributes = {
        semconv.COMPONENT_TYPE: component,
        semconv.INIT_STAGE: stage,
        semconv.PHASE: phase,
        semconv.REINIT: reinit,
    }
    return point(semconv.INIT_DURATION.name, on, attributes, time, count=times, sum=ms / 1000)


def init_row(
    component: str,
    count: int,
    first_ms: float | None,
    later_ms: float | None,
    total_ms: float,
    reinits: int,
    *lines: tuple[str, int],
    stage: str = "construct",
) -> Init:
    built_at = tuple(InitSite(Site(file, line), 1, 1.0) for file, line in lines)
    return Init(component, "", stage, count, first_ms, later_ms, total_ms, reinits, 0.0, 0, (), built_at)


def sites(row: Init) -> list[str]:
    return [str(each.site) for each in row.sites]


def only_worker(spans: list[ReceivedSpan], points: list[ReceivedPoint]) -> Worker:
    (worker,) = compute_report(spans, [worker_info("w1", 7), *points], APP).workers
    return worker


def test_a_worker_is_told_with_its_requests() -> None:
    """Who it is, and how many requests it has served."""
    worker = only_worker([request("b", "warm", start=2.0, ms=10), request("a", "cold", start=1.5, ms=750)], [])
    assert (worker.pid, worker.server, worker.requests) == (7, "uvicorn", 2)


def test_only_processes_that_served_agents_are_workers() -> None:
    """The supervisor, and a worker that only answered health checks, are not told about."""
    health = span("GET /health", "SERVER", "h", 0.1, 1, "w2", attributes={"http.route": "/health"})
    points = [worker_info("w1", 7), worker_info("w2", 8), worker_info("supervisor", 6)]
    report = compute_report([request("a", "cold"), health], points, APP)
    assert [worker.pid for worker in report.workers] == [7]
    assert [route.name for route in report.routes] == ["/r"]


def test_workers_without_an_identity_are_not_mixed_up() -> None:
    """Where the SDK gives no ``service.instance.id``, nothing is said about workers rather than something wrong."""
    spans = [request("a", "cold", on=""), request("b", "cold", on="")]
    report = compute_report(spans, [worker_info("", 7), worker_info("", 8)], APP)
    assert report.workers == ()


def test_inits_are_counted_by_the_metric() -> None:
    """Cheap repeats have no span: count, total and re-inits are the newest points', over all their attributes."""
    spans = [request("a", "cold"), init_span(CLIENT, "a", 40.0), init_span(CLIENT, "a", 20.0, line=20, start=2)]
    points = [
        init_point(CLIENT, 1, 40.0, phase="startup"),
        init_point(CLIENT, 2, 30.0, reinit=True, time=8),
        init_point(CLIENT, 4, 80.0, reinit=True, time=9),
    ]
    (row,) = only_worker(spans, points).inits
    assert (row.component, row.count, row.reinits) == (CLIENT, 5, 4)
    assert (row.first_ms, row.later_ms, row.total_ms) == (40.0, pytest.approx(20.0), pytest.approx(120.0))
    assert sites(row) == ["app.py:10", "app.py:20"]


def test_inits_are_listed_by_what_they_cost() -> None:
    """The costliest comes first, and what is not a constructor is told apart from it."""
    points = [
        init_point("AssistantAgent", 10, 1.0),
        init_point("RoundRobinGroupChat", 2, 3.0),
        init_point("RoundRobinGroupChat", 2, 5.0, stage="start"),
        init_point(CLIENT, 1, 50.0),
    ]
    rows = only_worker([request("a", "cold")], points).inits
    assert [(row.component, row.stage) for row in rows] == [
        (CLIENT, "construct"),
        ("RoundRobinGroupChat", "start"),
        ("RoundRobinGroupChat", "construct"),
        ("AssistantAgent", "construct"),
    ]


def test_what_has_no_span_has_no_first() -> None:
    """Without a span neither the first duration nor the mean of the others is known, nor is the site."""
    (row,) = only_worker([request("a", "cold")], [init_point("AssistantAgent", 3, 0.3)]).inits
    assert (row.first_ms, row.later_ms, row.sites) == (None, None, ())


def test_sites_are_named_once_and_relative_to_the_app() -> None:
    """A site outside the app keeps its whole path; one that built twice is named once."""
    spans = [
        request("a", "cold"),
        init_span("A", "a", 1, line=10),
        init_span("A", "a", 1, line=10, start=2),
        init_span("A", "a", 1, line=5, file="/srv/app/agents/pool.py", start=3),
        init_span("A", "a", 1, line=7, file="/opt/shared.py", start=4),
    ]
    (row,) = only_worker(spans, [init_point("A", 4, 4.0)]).inits
    assert sites(row) == ["app.py:10", "agents/pool.py:5", "/opt/shared.py:7"]


def test_workers_are_told_apart() -> None:
    """Each worker has its own requests, inits and sites, joined to its pid by the instance of its resource."""
    spans = [
        request("a", "cold", on="w1"),
        request("b", "cold", on="w2"),
        init_span(CLIENT, "a", 40.0, on="w1"),
        init_span(CLIENT, "b", 60.0, on="w2", line=20),
    ]
    points = [
        worker_info("w2", 8),
        worker_info("w1", 7),
        init_point(CLIENT, 1, 40.0, on="w1"),
        init_point(CLIENT, 1, 60.0, on="w2"),
    ]
    first, second = compute_report(spans, points, APP).workers
    assert (first.pid, first.inits[0].first_ms, sites(first.inits[0])) == (7, 40.0, ["app.py:10"])
    assert (second.pid, second.inits[0].first_ms, sites(second.inits[0])) == (8, 60.0, ["app.py:20"])


def test_a_route_leaves_out_its_cold_requests() -> None:
    """The cost of a cold request is the worker's, not the route's: mean and share are those of the others."""
    spans = [
        request("a", "cold", ms=5000, init=300),
        request("b", "rebuild", ms=150, init=50),
        request("c", "warm", ms=50, init=10),
    ]
    (route,) = compute_report(spans, [], APP).routes
    assert (route.requests, dict(route.starts)) == (3, {"cold": 1, "rebuild": 1, "warm": 1})
    assert route.mean_ms == pytest.approx(100)
    assert route.init_share == pytest.approx(60 / 200)


def test_a_route_with_cold_requests_only_has_no_mean() -> None:
    """What cannot be known is left empty."""
    (route,) = compute_report([request("a", "cold")], [], APP).routes
    assert (route.mean_ms, route.init_share) == (None, None)


def test_reinits_of_a_route_are_counted_by_request() -> None:
    """A request with several re-inits is one request, and a re-init inside another does not count its time again."""
    outer = init_span("AssistantAgent", "a", 5.0, reinit=True)
    spans = [
        request("a", "warm"),
        request("b", "warm"),
        outer,
        init_span("FunctionTool", "a", 3.0, reinit=True, inside=outer),
        init_span(CLIENT, "a", 40.0, reinit=True),
        init_span(CLIENT, "b", 40.0),
    ]
    (route,) = compute_report(spans, [], APP).routes
    assert (route.reinits, route.reinit_ms) == (1, pytest.approx(45.0))


def test_the_guilty_line_is_the_one_that_costs_most() -> None:
    """Of all that warm requests build again, the site with the most time is blamed, its first time included."""
    spans = [
        request("s", "warm", route="/shared", ms=60),
        request("a", "cold", route="/each", ms=900),
        init_span(CLIENT, "a", 99.0, line=30),
        request("b", "rebuild", route="/each", ms=100),
        init_span(CLIENT, "b", 40.0, line=30),
        init_span("AssistantAgent", "b", 2.0, line=31, reinit=True),
        request("c", "rebuild", route="/each", ms=100),
        init_span(CLIENT, "c", 60.0, line=30, reinit=True),
        init_span("AssistantAgent", "c", 2.0, line=31, reinit=True),
    ]
    guilt = compute_report(spans, [], APP).guilt
    assert guilt == Guilt(
        route="/each", component=CLIENT, site="app.py:30", builds=2, mean_ms=50.0, share=pytest.approx(0.5)
    )


def test_what_was_built_once_is_not_guilty() -> None:
    """A lazy singleton that a warm request happens to build, and cheap agents per request, are left in peace."""
    spans = [
        request("a", "rebuild", ms=100),
        init_span(CLIENT, "a", 60.0),
        request("b", "warm", ms=50),
        init_span("AssistantAgent", "b", 2.0, line=31, reinit=True),
    ]
    report = compute_report(spans, [], APP)
    assert report.guilt is None
    assert verdict(report).startswith("No route is guilty")


INITS = (
    init_row(CLIENT, 12, 46.52, 26.72, 353.4, 10, ("app.py", 45), ("app.py", 26), ("pool.py", 7)),
    init_row("RoundRobinGroupChat", 6, None, None, 3.0, 0, stage="start"),
    init_row("AssistantAgent", 20, 0.5, 0.1, 2.4, 9, ("app.py", 50)),
    init_row("FunctionTool", 6, 0.5, 0.2, 1.5, 0, ("app.py", 60)),
    init_row("StaticStreamWorkbench", 20, 0.2, 0.02, 0.6, 9, ("app.py", 50)),
    init_row("SingleThreadedAgentRuntime", 6, 0.2, 0.0, 0.2, 5, ("app.py", 60)),
)
REPORT = Report(
    workers=(Worker(12345, "uvicorn", 14, INITS),),
    routes=(
        Route("/per-request", 10, 216.4, 0.286, {"rebuild": 10}, 8, 471.2),
        Route("/shared-client", 10, 115.0, 0.002, {"cold": 2, "reconnect": 3, "warm": 5}, 0, 0.0),
        Route("/team", 2, None, None, {"cold": 2}, 0, 0.0),
    ),
    guilt=Guilt("/per-request", CLIENT, "app.py:45", 10, 60.9, 0.281),
)


def test_the_verdict_names_the_line_and_what_it_costs() -> None:
    """Route, file and line, class, milliseconds, share, and which routes do it right."""
    text = verdict(REPORT)
    for words in (
        "/per-request is guilty",
        f"app.py:45 built the {CLIENT} 10 times",
        "61 ms each, 28% of the route's time",
        "as /shared-client and /team do",
        "saves 61 ms per request, 609 ms in this demo",
    ):
        assert words in text


def test_the_report_fits_80_columns() -> None:
    """Where there is no terminal nothing is cut off, and there are no colours."""
    output = io.StringIO()
    show_report(REPORT, Console(file=output, width=80))
    text = output.getvalue()
    assert "…" not in text
    assert "\x1b" not in text
    assert "Worker 12345 (uvicorn), 14 requests: what it built" in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows[CLIENT] == ["12", "46.52", "26.72", "353.4", "10", "app.py:26,", "45"]
    assert rows["pool.py:7"] == []
    assert rows["RoundRobinGroupChat"] == ["(start)", "6", "-", "-", "3.0", "-"]
    assert rows["2"] == ["others", "26", "0.8", "14"]
    assert rows["/per-request"] == ["10", "216", "28.6%", "-", "10", "-", "-", "8", "(471)"]
    assert rows["/shared-client"] == ["10", "115", "0.2%", "2", "-", "3", "5", "-"]
    assert rows["/team"] == ["2", "-", "-", "2", "-", "-", "-", "-"]
