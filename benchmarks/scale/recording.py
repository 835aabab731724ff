"""What one real worker exports: an example under uvicorn and ``opentelemetry-instrument``, asked for a while."""

from __future__ import annotations

import gzip
import itertools
import os
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from autogen_vitals import semconv
from autogen_vitals.local.loopback import LoopbackServer
from autogen_vitals.local.otlp import ReceivedPoint, decode_points, decode_spans
from autogen_vitals.local.otlp_http import Signal, otlp_router
from autogen_vitals.local.service import Service, connections, free_port
from autogen_vitals.local.stub_model import StubModel

ROOT = Path(__file__).parents[2]
WORKERS = 2
# A second stands for a minute: the values are those of a worker that is asked sixty times less.
EXPORT_SECONDS = 1.0
RECORD_SECONDS = 25.0
_START_SECONDS = 90.0
_REQUEST_SECONDS = 30.0
_ARRIVAL_SECONDS = 15.0
_FEWEST_EXPORTS = 8


@dataclass(frozen=True)
class App:
    """An example to record.

    Attributes:
        name: what the tables call it.
        folder, module: where it is, below ``examples``.
        paths: what it is asked for, in turn.
    """

    name: str
    folder: str
    module: str
    paths: tuple[str, ...]


HEALTHY = App(
    "healthy", "fastapi_app", "app", (*["/shared-client?q=hello"] * 3, "/team?q=When+is+it+open%3F+Use+the+tool")
)
BROKEN = App("broken", "cold_start", "broken", ("/prices?q=use+the+tool", "/ask?q=use+the+tool", "/ask-now?q=hello"))


@dataclass(frozen=True)
class Worker:
    """One process of an app.

    Attributes:
        instance, pid: who it was.
        exports: its points of this package's scope, of each export in which all its series were, oldest first.
        foreign_series: how many series the server's own instrumentation had besides.
        export_bytes, export_gzip_bytes: size of the last export; it is as large when nothing happens.
        requests: how many the app was asked, all workers together, start-up not counted.
        spans, span_bytes: what they exported for these.
    """

    app: App
    instance: str
    pid: int
    exports: tuple[tuple[ReceivedPoint, ...], ...]
    foreign_series: int
    export_bytes: int
    export_gzip_bytes: int
    requests: int
    spans: int
    span_bytes: int
    span_gzip_bytes: int

    @property
    def last(self) -> tuple[ReceivedPoint, ...]:
        """All that it ever told, once."""
        return self.exports[-1]


class Bodies:
    """A context manager that keeps what is sent to it by OTLP, with its signal."""

    def __init__(self) -> None:
        self._arrival = threading.Condition()
        self._kept: list[tuple[Signal, bytes]] = []
        self._server = LoopbackServer(otlp_router(self._accept))

    def __enter__(self) -> Bodies:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.__exit__(*exc_info)

    @property
    def endpoint(self) -> str:
        return self._server.url

    def of(self, signal: Signal) -> list[bytes]:
        """What has come so far, oldest first."""
        with self._arrival:
            return [body for kind, body in self._kept if kind == signal]

    def forget(self, signal: Signal) -> None:
        """From here on."""
        with self._arrival:
            self._kept = [kept for kept in self._kept if kept[0] != signal]

    def _accept(self, signal: Signal, body: bytes) -> None:
        with self._arrival:
            self._kept.append((signal, body))


def record(app: App, scratch: Path) -> Worker:
    """Run it, and pick the worker that was asked most.

    Raises:
        ServiceError: the app did not come up.
        RuntimeError: it exported too little to go by.
    """
    port = free_port()
    with Bodies() as bodies, StubModel() as model:
        service = Service(
            _command(app, port),
            directory=ROOT / "examples" / app.folder,
            environment=_environment(bodies.endpoint, model.base_url),
            url=f"http://127.0.0.1:{port}",
            log=scratch / f"{app.name}.log",
        )
        with service:
            service.wait_for_workers("/health", WORKERS, _START_SECONDS)
            # The first requests are the cold ones.
            _ask(port, app.paths * 4)
            time.sleep(EXPORT_SECONDS)
            bodies.forget("traces")
            requests = _ask_for(port, app.paths, RECORD_SECONDS)
            time.sleep(2 * EXPORT_SECONDS)
        return _worker(app, bodies, requests)


def _command(app: App, port: int) -> list[str]:
    tools = Path(sys.executable).parent
    serve = [str(tools / "uvicorn"), f"{app.module}:app", "--port", str(port), "--workers", str(WORKERS)]
    return [str(tools / "opentelemetry-instrument"), *serve, "--no-access-log", "--timeout-worker-healthcheck", "60"]


def _environment(endpoint: str, model_url: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "OPENAI_"))}
    inherited.pop("PYTHONDONTWRITEBYTECODE", None)
    return {
        **inherited,
        "OTEL_SERVICE_NAME": "fleet",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRIC_EXPORT_INTERVAL": str(int(EXPORT_SECONDS * 1000)),
        "OTEL_BSP_SCHEDULE_DELAY": "500",
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": model_url,
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }


def _ask(port: int, paths: Sequence[str]) -> None:
    with connections(f"http://127.0.0.1:{port}", _REQUEST_SECONDS) as http:
        for path in paths:
            # Some are to fail.
            http.get(path)


def _ask_for(port: int, paths: Sequence[str], seconds: float) -> int:
    """Ask, four times a second at most, for so long.

    Returns:
        How often.
    """
    end, asked = time.monotonic() + seconds, 0
    for path in itertools.cycle(paths):
        began = time.monotonic()
        if began > end:
            break
        _ask(port, [path])
        asked += 1
        time.sleep(max(0.0, began + 0.25 - time.monotonic()))
    return asked


def _worker(app: App, bodies: Bodies, requests: int) -> Worker:
    exports: defaultdict[str, list[tuple[bytes, tuple[ReceivedPoint, ...]]]] = defaultdict(list)
    for body in bodies.of("metrics"):
        points = tuple(decode_points(body))
        if points:
            exports[str(points[0].resource[semconv.SERVICE_INSTANCE_ID])].append((body, points))
    if not exports:
        raise RuntimeError(f"{app.name}: no metrics arrived")
    instance = max(exports, key=lambda found: _requests(exports[found][-1][1]))
    last_body, last = exports[instance][-1]
    # The last is the one at the end of the process, which keeps no interval.
    complete = [_ours(points) for _, points in exports[instance][:-1] if _keys(_ours(points)) == _keys(_ours(last))]
    if len(complete) < _FEWEST_EXPORTS:
        raise RuntimeError(f"{app.name}: only {len(complete)} exports had all series")
    pid = next(p.attributes[semconv.PROCESS_PID] for p in last if p.metric == semconv.WORKER_INFO.name)
    traces = bodies.of("traces")
    return Worker(
        app,
        instance,
        pid,
        tuple(complete),
        _series(last) - _series(complete[-1]),
        len(last_body),
        len(gzip.compress(last_body)),
        requests,
        sum(1 for body in traces for _ in decode_spans(body)),
        sum(map(len, traces)),
        sum(len(gzip.compress(body)) for body in traces),
    )


def _requests(points: Sequence[ReceivedPoint]) -> int:
    return sum(point.count for point in points if point.metric == semconv.REQUEST_DURATION.name)


def _series(points: Sequence[ReceivedPoint]) -> int:
    return sum(len(point.explicit_bounds) + 3 if point.type == "histogram" else 1 for point in points)


def _ours(points: Sequence[ReceivedPoint]) -> tuple[ReceivedPoint, ...]:
    return tuple(point for point in points if point.scope == semconv.SCOPE)


def _keys(points: Sequence[ReceivedPoint]) -> Counter[tuple[str, str]]:
    return Counter((point.metric, repr(sorted(point.attributes.items()))) for point in points)
