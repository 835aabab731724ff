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
from pathlib import Path

import httpx
import uvicorn
from rich.console import Console

from autogen_vitals import semconv
from autogen_vitals.local.demo_report import compute_report, instance_of, request_spans
from autogen_vitals.local.demo_view import show_report
from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.service import Service, ServiceError, connections, free_port
from autogen_vitals.local.stub_model import StubModel

_WORKERS = 2
_REQUESTS_PER_ROUTE = 10
_CONCURRENCY = 4
_ROUTES = ("/shared-client", "/team", "/per-request")
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


def _tell(console: Console, source: Path, scratch: Path) -> None:
    # A copy: the telemetry takes what lies in site-packages for a library, not for the app that is to blame.
    app = Path(shutil.copytree(source, scratch / "app", ignore=shutil.ignore_patterns("__pycache__")))
    with Receiver() as receiver, StubModel(think_seconds=_THINK_SECONDS) as model:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        environment = _environment(receiver, model)
        with Service(
            _command(port), directory=app, environment=environment, url=url, log=scratch / "service.log"
        ) as service:
            with _step(console, f"opentelemetry-instrument uvicorn --workers {_WORKERS} app:app"):
                service.wait_for_workers("/health", _WORKERS, _START_SECONDS)
            with _step(console, f"{_REQUESTS_PER_ROUTE} requests to each of {', '.join(_ROUTES)}"):
                _send_requests(url, service)
            with _step(console, "telemetry from every worker, then SIGTERM"):
                complete = receiver.wait_for(_is_complete, _TELEMETRY_SECONDS)
                service.stop()
        report = compute_report(receiver.spans, receiver.points, app)
        if not report.workers:
            raise service.error(
                "The app ran, but its workers told nothing about AutoGen. It takes an installed autogen-vitals and "
                "opentelemetry-distro 0.64b0 or later: pip install -U 'autogen-vitals[local]'"
            )
    if not complete:
        console.print(f"Not all telemetry came within {_TELEMETRY_SECONDS:.0f} s: some of it is missing here.")
    show_report(report, console)


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


def _environment(receiver: Receiver, model: StubModel) -> dict[str, str]:
    # Without the caller's OTEL_*: they may send the demo's telemetry to a real backend, or switch some of it off.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return {
        **inherited,
        **receiver.environment("autogen-vitals-demo"),
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": "none",
        # No proxy of the caller's between the app and this process.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def _send_requests(url: str, service: Service) -> None:
    with connections(url, _REQUEST_SECONDS) as http, ThreadPoolExecutor(_CONCURRENCY) as threads:

        def ask(route: str) -> None:
            http.get(route, params={"q": _QUESTION}).raise_for_status()

        try:
            # One for each worker first, so that nobody else waits for what a first request does once per process.
            list(threads.map(ask, _ROUTES[:1] * _WORKERS))
            for index, route in enumerate(_ROUTES):
                list(threads.map(ask, [route] * (_REQUESTS_PER_ROUTE - (_WORKERS if index == 0 else 0))))
        except httpx.HTTPError as error:
            raise service.error(f"A request failed: {error}") from error


def _is_complete(receiver: Receiver) -> bool:
    """Whether all requests have arrived, and from each of their processes metrics that are newer than they are."""
    requests = request_spans(receiver.spans)
    if len(requests) < _REQUESTS_PER_ROUTE * len(_ROUTES):
        return False
    newest = {
        instance_of(point.resource): point.time_ns
        for point in receiver.points
        if point.metric == semconv.WORKER_INFO.name
    }
    return all(newest.get(instance_of(span.resource), 0) > span.end_ns for span in requests)
