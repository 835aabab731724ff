"""The demo: a real app on two workers, a stub model, real requests, and what the telemetry says about them."""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import httpx
import uvicorn
from rich.console import Console

from autogen_vitals import semconv
from autogen_vitals.local.demo_report import compute_report, instance_of, request_spans
from autogen_vitals.local.demo_startup import compute_cold_starts
from autogen_vitals.local.demo_view import show_report
from autogen_vitals.local.demo_waterfall import show_cold_starts
from autogen_vitals.local.receiver import ReceivedPoint, ReceivedSpan, Receiver
from autogen_vitals.local.service import Service, ServiceError, connections, free_port
from autogen_vitals.local.stub_model import StubModel

_WORKERS = 2
_REQUESTS_PER_ROUTE = 10
_CONCURRENCY = 4
_ROUTES = ("/shared-client", "/team", "/per-request")
_ALL_REQUESTS = f"{_REQUESTS_PER_ROUTE} requests to each of {', '.join(_ROUTES)}"
_FEW_REQUESTS = 6
_REQUESTS_LIMIT = 60
_QUESTION = "Use the tool: when is the shop open on Monday?"
_THINK_SECONDS = 0.1
_START_SECONDS = 60.0
_REQUEST_SECONDS = 60.0
_TELEMETRY_SECONDS = 20.0
_INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"


def run_demo() -> int:
    """Run the demo and print its report.

    Returns:
        0 when the story was told; 1 when something stood in its way, which is then printed instead.
    """
    console = Console()
    source = example_directory()
    console.print(f"The app: {source / 'app.py'}", soft_wrap=True, highlight=False)
    try:
        with tempfile.TemporaryDirectory(prefix="autogen-vitals-demo-") as scratch:
            _tell(console, source, Path(scratch).resolve())
    except ServiceError as error:
        Console(stderr=True).print(
            f"\nThe demo could not be shown. {error}", markup=False, highlight=False, soft_wrap=True
        )
        return 1
    console.print("\nYour own service: opentelemetry-instrument <the command that starts it>", highlight=False)
    return 0


def example_directory() -> Path:
    """Where the example app is: beside this file in an installed package, at the top of a checkout.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    here = Path(__file__).resolve()
    for root in (here.parent, here.parents[3]):
        candidate = root / "examples" / "fastapi_app"
        if (candidate / "app.py").is_file():
            return candidate
    raise FileNotFoundError("examples/fastapi_app is missing from this installation of autogen-vitals")


@dataclass(frozen=True)
class _Told:
    """What one run of the app exported; ``complete`` when nothing that was waited for is missing."""

    spans: tuple[ReceivedSpan, ...]
    points: tuple[ReceivedPoint, ...]
    complete: bool


def _tell(console: Console, source: Path, scratch: Path) -> None:
    # A copy: the telemetry takes what lies in site-packages for a library, not for the app that is to blame.
    app = Path(shutil.copytree(source, scratch / "app", ignore=shutil.ignore_patterns("__pycache__")))
    with StubModel(think_seconds=_THINK_SECONDS) as model:
        as_it_is = _observe(console, app, model, warm_up=False)
        warmed_up = _observe(console, app, model, warm_up=True)
    if not (as_it_is.complete and warmed_up.complete):
        console.print(f"Not all telemetry came within {_TELEMETRY_SECONDS:.0f} s: some of it is missing here.")
    show_cold_starts(compute_cold_starts(as_it_is.spans), compute_cold_starts(warmed_up.spans), console)
    show_report(compute_report(as_it_is.spans, as_it_is.points, app), console)


def _observe(console: Console, app: Path, model: StubModel, *, warm_up: bool) -> _Told:
    """Run the app once: as it is with all requests, with ``warm_up`` only with what shows the difference.

    Raises:
        ServiceError: it did not run, did not answer, or told nothing.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log = app.parent / ("warmed-up.log" if warm_up else "as-it-is.log")
    with Receiver() as receiver:
        environment = _environment(receiver, model, warm_up=warm_up)
        with Service(_command(port), directory=app, environment=environment, url=url, log=log) as service:
            doing = f"opentelemetry-instrument uvicorn --workers {_WORKERS} app:app"
            with _step(console, f"WARM_UP=1 {doing}" if warm_up else doing):
                service.wait_for_workers("/health", _WORKERS, _START_SECONDS)
            with _step(console, f"some requests to {_ROUTES[0]}" if warm_up else _ALL_REQUESTS):
                sent = _send_requests(url, service, few=warm_up)
            with _step(console, "telemetry from every worker, then SIGTERM"):
                arrived = _has_spans if warm_up else _has_all
                complete = receiver.wait_for(lambda receiver: arrived(receiver, sent), _TELEMETRY_SECONDS)
                service.stop()
        if not any(instance_of(span.resource) for span in request_spans(receiver.spans)):
            raise service.error(
                "The app ran, but its workers told nothing about AutoGen. It takes an installed autogen-vitals and "
                "opentelemetry-distro 0.64b0 or later: pip install -U 'autogen-vitals[local]'"
            )
        return _Told(receiver.spans, receiver.points, complete)


@contextmanager
def _step(console: Console, doing: str) -> Generator[None, None, None]:
    began = time.monotonic()
    with console.status(doing) if console.is_terminal else nullcontext():
        yield
    console.print(f"{doing} [dim]({time.monotonic() - began:.1f} s)[/dim]", soft_wrap=True, highlight=False)


def _command(port: int) -> list[str]:
    command = [sys.executable, "-c", _INSTRUMENT, sys.executable, "-m", "uvicorn"]
    command += ["app:app", "--host", "127.0.0.1", "--port", str(port), "--workers", str(_WORKERS), "--no-access-log"]
    if "timeout_worker_healthcheck" in inspect.signature(uvicorn.Config.__init__).parameters:
        # On a slow machine the imports take longer than the 5 s after which uvicorn kills a worker.
        command += ["--timeout-worker-healthcheck", str(int(_START_SECONDS))]
    return command


def _environment(receiver: Receiver, model: StubModel, *, warm_up: bool) -> dict[str, str]:
    # Without the caller's OTEL_*: they may send the demo's telemetry to a real backend, or switch some of it off.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {
        **inherited,
        **receiver.environment("autogen-vitals-demo"),
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "none",
        "WARM_UP": "1" if warm_up else "",
        # No proxy of the caller's between the app and this process.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def _send_requests(url: str, service: Service, *, few: bool) -> int:
    """Send the requests and answer how many: to the first route only, and some, or to all of them."""
    with connections(url, _REQUEST_SECONDS) as http, ThreadPoolExecutor(_CONCURRENCY) as threads:

        def ask(route: str) -> int:
            return http.get(route, params={"q": _QUESTION}).raise_for_status().json()["pid"]

        try:
            # One after the other, so that no first request waits for anything but itself, and is compared with warm
            # ones that do neither. The kernel spreads them; this goes on until every worker has had one.
            sent = 0
            asked: set[int] = set()
            while sent < (_FEW_REQUESTS if few else _REQUESTS_PER_ROUTE) or len(asked) < _WORKERS:
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
    started = {instance_of(span.resource) for span in receiver.spans if span.name == semconv.STARTUP_SPAN.name}
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
