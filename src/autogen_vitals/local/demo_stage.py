"""What every act of the demo needs: how an example is started, with which environment, and how that is told."""

from __future__ import annotations

import inspect
import os
import shutil
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import uvicorn
from rich.console import Console

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.service import Service, free_port
from autogen_vitals.local.stub_model import StubModel

WORKERS = 2
COMMAND = f"opentelemetry-instrument uvicorn --workers {WORKERS} app:app"
"""What is run, as it is told."""

START_SECONDS = 60.0
REQUEST_SECONDS = 60.0
TELEMETRY_SECONDS = 20.0

_HEALTH_CHECK = "timeout_worker_healthcheck"
_INSTRUMENT = "from opentelemetry.instrumentation.auto_instrumentation import run; run()"


def example_directory(name: str = "fastapi_app") -> Path:
    """Where an example is: beside this file in an installed package, at the top of a checkout.

    Raises:
        FileNotFoundError: it is in neither place.
    """
    here = Path(__file__).resolve()
    for root in (here.parent, here.parents[3]):
        candidate = root / "examples" / name
        if (candidate / "app.py").is_file():
            return candidate
    raise FileNotFoundError(f"examples/{name} is missing from this installation of autogen-vitals")


def copy_example(name: str, scratch: Path) -> Path:
    """A copy: the telemetry takes what lies in site-packages for a library, not for the app that is to blame."""
    return Path(shutil.copytree(example_directory(name), scratch / name, ignore=shutil.ignore_patterns("__pycache__")))


def service_of(
    app: Path, environment: Mapping[str, str], log: str, health_check_seconds: float = START_SECONDS
) -> tuple[Service, str]:
    """The app that lies in ``app`` on its workers, not started yet, and where it will answer.

    Args:
        app: its folder.
        environment: its whole environment.
        log: name of the file beside that folder.
        health_check_seconds: how long uvicorn waits for a sign of life of a worker before it kills it; on a slow
            machine the imports take longer than its own 5 s.
    """
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    return Service(
        _command(port, health_check_seconds), directory=app, environment=environment, url=url, log=app.parent / log
    ), url


def environment(receiver: Receiver, model: StubModel, **variables: str) -> dict[str, str]:
    """The app's whole environment: it exports to the receiver, asks the model, and has these variables besides.

    A key for the model is not among them: it is up to the act.
    """
    # Without the caller's OTEL_*: they may send the demo's telemetry to a real backend, or switch some of it off.
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith("OTEL_") and name != "OPENAI_API_KEY"
    }
    return {
        **inherited,
        **receiver.environment("autogen-vitals-demo"),
        "OTEL_METRIC_EXPORT_INTERVAL": "1000",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OPENAI_BASE_URL": model.base_url,
        # No proxy of the caller's between the app and this process.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **variables,
    }


@contextmanager
def step(console: Console, doing: str) -> Generator[None, None, None]:
    """Tell what is being done, and how long it took."""
    began = time.monotonic()
    with console.status(doing) if console.is_terminal else nullcontext():
        yield
    console.print(f"{doing} [dim]({time.monotonic() - began:.1f} s)[/dim]", soft_wrap=True, highlight=False)


def _command(port: int, health_check_seconds: float) -> list[str]:
    command = [sys.executable, "-c", _INSTRUMENT, sys.executable, "-m", "uvicorn"]
    command += ["app:app", "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS), "--no-access-log"]
    if _HEALTH_CHECK in inspect.signature(uvicorn.Config.__init__).parameters:
        command += [f"--{_HEALTH_CHECK.replace('_', '-')}", str(int(health_check_seconds))]
    return command
