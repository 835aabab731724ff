"""The demo: a real app on two workers, a stub model, real requests, and what the telemetry says about them."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from autogen_vitals import semconv
from autogen_vitals.local.demo_crash_acts import observe_crashes
from autogen_vitals.local.demo_crashes import compute_crashes
from autogen_vitals.local.demo_report import compute_report, instance_of, request_spans
from autogen_vitals.local.demo_stage import (
    COMMAND,
    REQUEST_SECONDS,
    START_SECONDS,
    TELEMETRY_SECONDS,
    WORKERS,
    copy_example,
    environment,
    example_directory,
    service_of,
    step,
)
from autogen_vitals.local.demo_startup import compute_cold_starts
from autogen_vitals.local.demo_view import show_report
from autogen_vitals.local.demo_waterfall import show_cold_starts
from autogen_vitals.local.receiver import ReceivedLog, ReceivedPoint, ReceivedSpan, Receiver, latest_points
from autogen_vitals.local.recording import Recording, Run
from autogen_vitals.local.report.analysis import analyse
from autogen_vitals.local.report.crashes_view import show_crashes
from autogen_vitals.local.report.findings_view import print_findings
from autogen_vitals.local.service import Service, ServiceError, connections
from autogen_vitals.local.stub_model import StubModel
from autogen_vitals.semconv.spans import STARTUP_SPAN

__all__ = ["example_directory", "run_demo"]

_REQUESTS_PER_ROUTE = 10
_CONCURRENCY = 4
_ROUTES = ("/shared-client", "/team", "/per-request")
_ALL_REQUESTS = f"{_REQUESTS_PER_ROUTE} requests to each of {', '.join(_ROUTES)}"
_FEW_REQUESTS = 6
_REQUESTS_LIMIT = 60
_QUESTION = "Use the tool: when is the shop open on Monday?"
_THINK_SECONDS = 0.1


def run_demo() -> int:
    """Run the demo and print its report.

    Returns:
        0 when the story was told; 1 when something stood in its way, which is then printed instead.
    """
    console = Console()
    try:
        with tempfile.TemporaryDirectory(prefix="autogen-vitals-demo-") as scratch:
            _tell_cold_starts(console, Path(scratch).resolve())
            _tell_crashes(console, Path(scratch).resolve())
    except ServiceError as error:
        Console(stderr=True).print(
            f"\nThe demo could not be shown. {error}", markup=False, highlight=False, soft_wrap=True
        )
        return 1
    console.print("\nYour own service: autogen-vitals run -- <the command that starts it>", highlight=False)
    return 0


@dataclass(frozen=True)
class _Told:
    """What one run of the app exported; ``complete`` when nothing that was waited for is missing."""

    spans: tuple[ReceivedSpan, ...]
    points: tuple[ReceivedPoint, ...]
    logs: tuple[ReceivedLog, ...]
    complete: bool


def _tell_cold_starts(console: Console, scratch: Path) -> None:
    app = copy_example("fastapi_app", scratch)
    _name_app(console, "fastapi_app")
    with StubModel(think_seconds=_THINK_SECONDS) as model:
        as_it_is = _observe(console, app, model, warm_up=False)
        warmed_up = _observe(console, app, model, warm_up=True)
    if not (as_it_is.complete and warmed_up.complete):
        console.print(f"Not all telemetry came within {TELEMETRY_SECONDS:.0f} s: some of it is missing here.")
    show_cold_starts(compute_cold_starts(as_it_is.spans), compute_cold_starts(warmed_up.spans), console)
    show_report(compute_report(as_it_is.spans, as_it_is.points, app), console)
    _tell_findings(console, Recording(_run(app), as_it_is.spans, latest_points(as_it_is.points), as_it_is.logs))


def _tell_crashes(console: Console, scratch: Path) -> None:
    app = copy_example("crashing_app", scratch)
    console.print()
    _name_app(console, "crashing_app")
    told = observe_crashes(console, app)
    for missing in told.missing:
        console.print(f"{missing}: it is missing here.", soft_wrap=True)
    show_crashes(compute_crashes(told.logs, told.spans), console)
    _tell_findings(console, Recording(_run(app), told.spans, (), told.logs))


def _tell_findings(console: Console, recording: Recording) -> None:
    findings = analyse(recording).findings
    print_findings(findings, console)
    if findings:
        console.print(f"autogen-vitals explain {findings[0].rule} says why, and how", highlight=False)


def _run(app: Path) -> Run:
    """What the report has to know of a run of the app: where its files are."""
    return Run(id="demo", command=(), directory=str(app), started_ns=0)


def _name_app(console: Console, name: str) -> None:
    console.print(f"The app: {example_directory(name) / 'app.py'}", soft_wrap=True, highlight=False)


def _observe(console: Console, app: Path, model: StubModel, *, warm_up: bool) -> _Told:
    """Run the app once: as it is with all requests, with ``warm_up`` only with what shows the difference.

    Raises:
        ServiceError: it did not run, did not answer, or told nothing.
    """
    with Receiver() as receiver:
        variables = environment(receiver, model, OPENAI_API_KEY="none", WARM_UP="1" if warm_up else "")
        service, url = service_of(app, variables, "warmed-up.log" if warm_up else "as-it-is.log")
        with service:
            with step(console, f"WARM_UP=1 {COMMAND}" if warm_up else COMMAND):
                service.wait_for_workers("/health", WORKERS, START_SECONDS)
            with step(console, f"some requests to {_ROUTES[0]}" if warm_up else _ALL_REQUESTS):
                sent = _send_requests(url, service, few=warm_up)
            with step(console, "telemetry from every worker, then SIGTERM"):
                arrived = _has_spans if warm_up else _has_all
                complete = receiver.wait_for(lambda receiver: arrived(receiver, sent), TELEMETRY_SECONDS)
                service.stop()
        if not any(instance_of(span.resource) for span in request_spans(receiver.spans)):
            raise service.error(
                "The app ran, but its workers told nothing about AutoGen. It takes an installed autogen-vitals and "
                "opentelemetry-distro 0.64b0 or later: pip install -U 'autogen-vitals[local]'"
            )
        return _Told(receiver.spans, receiver.points, receiver.logs, complete)


def _send_requests(url: str, service: Service, *, few: bool) -> int:
    """Send the requests and answer how many: to the first route only, and some, or to all of them."""
    with connections(url, REQUEST_SECONDS) as http, ThreadPoolExecutor(_CONCURRENCY) as threads:

        def ask(route: str) -> int:
            return http.get(route, params={"q": _QUESTION}).raise_for_status().json()["pid"]

        try:
            # One after the other, so that no first request waits for anything but itself, and is compared with warm
            # ones that do neither. The kernel spreads them; this goes on until every worker has had one.
            sent = 0
            asked: set[int] = set()
            while sent < (_FEW_REQUESTS if few else _REQUESTS_PER_ROUTE) or len(asked) < WORKERS:
                if sent == _REQUESTS_LIMIT:
                    break
                asked.add(ask(_ROUTES[0]))
                sent += 1
            for route in () if few else _ROUTES[1:]:
                sent += len(list(threads.map(ask, [route] * _REQUESTS_PER_ROUTE)))
        except httpx.HTTPError as error:
            raise service.error(f"A request failed: {error}") from error
    return sent


def _has_spans(receiver: Receiver, sent: int) -> bool:
    """Whether all requests have arrived, and from each of their processes its cold start."""
    requests = request_spans(receiver.spans)
    started = {instance_of(span.resource) for span in receiver.spans if span.name == STARTUP_SPAN.name}
    return len(requests) >= sent and all(instance_of(span.resource) in started for span in requests)


def _has_all(receiver: Receiver, sent: int) -> bool:
    """Whether there are metrics besides, newer than the requests."""
    newest = {
        instance_of(point.resource): point.time_ns
        for point in receiver.points
        if point.metric == semconv.WORKER_INFO.name
    }
    return _has_spans(receiver, sent) and all(
        newest.get(instance_of(span.resource), 0) > span.end_ns for span in request_spans(receiver.spans)
    )
