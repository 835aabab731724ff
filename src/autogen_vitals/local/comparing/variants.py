"""In which ways the app is served, and the command and the environment of each."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autogen_vitals.local.attaching import attached_environment
from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

ServerName = Literal["uvicorn", "gunicorn"]
SERVERS: tuple[ServerName, ...] = ("uvicorn", "gunicorn")

_HEALTH_CHECK = "timeout_worker_healthcheck"


@dataclass(frozen=True)
class Variant:
    """One way to serve the app.

    Attributes:
        preload: whether gunicorn's master imports the app before it forks its workers.
        kill: whether one of the workers is killed while it answers.
    """

    workers: int
    preload: bool = False
    kill: bool = False

    @property
    def name(self) -> str:
        """As a table's heading has it."""
        more = " preload" if self.preload else " kill" if self.kill else ""
        return f"{self.workers}{more}"

    def __str__(self) -> str:
        count = "1 worker" if self.workers == 1 else f"{self.workers} workers"
        return f"{count}{', --preload' if self.preload else ''}{', one killed' if self.kill else ''}"


def plan(workers: Sequence[int], *, preload: bool, kill: bool) -> tuple[Variant, ...]:
    """One worker first, which the others are compared with; then each number, and what else it is tried with."""
    return tuple(_plan(sorted({1, *workers}), preload=preload, kill=kill))


def _plan(numbers: Sequence[int], *, preload: bool, kill: bool) -> Iterator[Variant]:
    for number in numbers:
        yield Variant(number)
        if number > 1 and preload:
            yield Variant(number, preload=True)
        if number > 1 and kill:
            yield Variant(number, kill=True)


def command(server: ServerName, app: str, variant: Variant, port: int, arguments: Sequence[str]) -> list[str]:
    """What serves the app on a port of the loopback interface.

    Args:
        arguments: the user's own, for the server; ours come after them, and win.
    """
    run = [sys.executable, "-m", server, *arguments]
    if server == "gunicorn":
        run += ["--workers", str(variant.workers), "--bind", f"127.0.0.1:{port}"]
        return [*run, *(["--preload"] if variant.preload else []), app]
    run += ["--host", "127.0.0.1", "--port", str(port), "--workers", str(variant.workers)]
    if _has_health_check() and f"--{_HEALTH_CHECK.replace('_', '-')}" not in arguments:
        # On a slow machine the imports take longer than its own 5 s; it would kill the worker.
        run += [f"--{_HEALTH_CHECK.replace('_', '-')}", "60"]
    return [*run, app]


def environment(receiver: Receiver, model: StubModel | None, scratch: Path) -> dict[str, str]:
    """The whole environment of the app: it tells the receiver everything, and asks the model.

    Args:
        model: ``None`` leaves the caller's own in place.
        scratch: where its exit records may lie, and nobody else's are.
    """
    # Without the caller's OTEL_*: they may send the telemetry to a real backend, or switch some of it off.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    stub = {} if model is None else {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": "none"}
    variables = {
        **inherited,
        "OTEL_SERVICE_NAME": "autogen-vitals-compare",
        "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(scratch / "state"),
        "PYTHONUNBUFFERED": "1",
        # No proxy of the caller's between the app and this process.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        **stub,
    }
    return attached_environment(receiver.endpoint, variables)


def is_installed(server: ServerName) -> bool:
    """Whether this Python can run it."""
    return importlib.util.find_spec(server) is not None


def _has_health_check() -> bool:
    import uvicorn

    return _HEALTH_CHECK in inspect.signature(uvicorn.Config.__init__).parameters
