"""The service of one subject: started, asked, looked at, stopped."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from bench.measure import surroundings

from autogen_vitals.local.service import Service, ServiceError, free_port
from load.clients import Window, ask_for
from load.plan import WORKERS
from load.pulse import Pulse, between, read
from load.servers import Beside
from load.states import State

READY_SECONDS = 60.0
EXPORT_MS = 10_000
"""Between two exports of metrics: each window has one, which a minute's default would give to few."""


class Serving:
    """A context manager: two workers of uvicorn's under ``opentelemetry-instrument``, and an endpoint of their own.

    Workers of uvicorn's own are spawned: each sets up its own SDK, and nothing but uvicorn is in the way of a signal.

    Args:
        python: of the subject's environment.
        folder: for its files, made if need be.
        settings: environment variables beside those that all have.
    """

    def __init__(
        self, python: str, state: State, model_url: str, folder: Path, settings: dict[str, str] | None = None
    ) -> None:
        self._python, self._model_url, self._folder = Path(python), model_url, folder
        self._settings = settings or {}
        self._pulses = folder / "pulses"
        self._endpoint = Beside("endpoint", state.name)
        self._stack = ExitStack()

    def __enter__(self) -> Serving:
        self._pulses.mkdir(parents=True)
        with ExitStack() as stack:
            stack.enter_context(self._endpoint)
            port = free_port()
            self._url = f"http://127.0.0.1:{port}"
            self._service = stack.enter_context(
                Service(
                    self._command(port),
                    directory=self._folder,
                    environment=self._environment(),
                    url=self._url,
                    log=self._folder / "log",
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def _command(self, port: int) -> list[str]:
        tools = [str(self._python.parent / name) for name in ("opentelemetry-instrument", "uvicorn")]
        # A busy machine takes longer than 5 s to start a worker; uvicorn would kill it.
        patient = ["--timeout-worker-healthcheck", "60"]
        quiet = ["--no-access-log", "--log-level", "warning"]
        return [*tools, "load.app:app", "--workers", str(WORKERS), "--port", str(port), *patient, *quiet]

    def _environment(self) -> dict[str, str]:
        return {
            **surroundings(self._folder, self._endpoint.url),
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_METRIC_EXPORT_INTERVAL": str(EXPORT_MS),
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": self._model_url,
            "LOAD_PULSE": str(self._pulses),
            **self._settings,
        }

    @property
    def exports(self) -> int:
        """How many its endpoint has taken; known when it is left."""
        return self._endpoint.requests

    def wait_ready(self) -> None:
        """Until both workers answer.

        Raises:
            ServiceError: they do not.
        """
        self._service.wait_for_workers("/health", WORKERS, READY_SECONDS)

    def window(self, seconds: float, clients: int, seed: str) -> Window:
        """Load, for so long."""
        return asyncio.run(ask_for(seconds, self._url, clients, seed))

    def pulses(self, began: float, ended: float) -> list[list[Pulse]]:
        """Of each worker that there was in this time."""
        return [found for worker in read(self._pulses) if len(found := between(worker, began, ended)) > 1]

    def error(self, message: str) -> ServiceError:
        """The message with the end of its log."""
        return self._service.error(message)

    def stop(self) -> float:
        """Seconds that it took to end: a deployment waits for that."""
        began = time.perf_counter()
        self._service.stop()
        return time.perf_counter() - began
