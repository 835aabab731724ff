"""Real servers in subprocesses, and requests to them."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from autogen_vitals.local.service import connections
from autogen_vitals.local.stub_model import StubModel

APPS = Path(__file__).parent / "apps"
BIN = Path(sys.executable).parent
CLIENT = "OpenAIChatCompletionClient"

READY_SECONDS = 60.0
STOP_SECONDS = 60.0
_LOG_TAIL = 6000

# Nothing is exported on a schedule: what arrives was sent because the process was stopping. The flush may take longer
# than its default allows, for the machine may be busy.
ONLY_AT_STOP = {
    "OTEL_BSP_SCHEDULE_DELAY": "600000",
    "OTEL_METRIC_EXPORT_INTERVAL": "600000",
    "OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT": "20",
}
SOON = {**ONLY_AT_STOP, "OTEL_BSP_SCHEDULE_DELAY": "200", "OTEL_METRIC_EXPORT_INTERVAL": "300"}
DISABLED = {"OTEL_PYTHON_AUTOGEN_ENABLED": "false"}


@dataclass(frozen=True)
class Launcher:
    """How an app is served.

    Attributes:
        name: for test ids.
        command: with ``{port}`` and ``{app}`` to fill in.
        workers: processes that answer.
        app: the app with a client for each request that this server can serve.
        server: what ``autogen.worker.server`` is to say of its workers.
    """

    name: str
    command: str
    workers: int
    app: str = "per_request:app"
    server: str = "gunicorn"

    def fill(self, port: int, app: str | None = None) -> list[str]:
        """The command to serve ``app``, or its own, on ``port``."""
        return self.command.format(port=port, app=app or self.app).split()


_GUNICORN = "gunicorn -w 2 -b 127.0.0.1:{port} "
_UVICORN = "uvicorn --port {port} "
# A busy machine takes longer than 5 s to start a worker; uvicorn would kill it.
# On asyncio's loop; the others choose uvloop, which is installed.
UVICORN = Launcher("uvicorn", _UVICORN + "--loop asyncio {app}", 1, server="uvicorn")
UVICORN_WORKERS = Launcher(
    "uvicorn-workers", _UVICORN + "--workers 2 --timeout-worker-healthcheck 60 {app}", 2, server="uvicorn"
)
GUNICORN_UVICORN = Launcher("gunicorn-uvicorn", _GUNICORN + "-k uvicorn_worker.UvicornWorker {app}", 2)
GUNICORN_UVICORN_PRELOAD = Launcher(
    "gunicorn-uvicorn-preload", _GUNICORN + "--preload -k uvicorn_worker.UvicornWorker {app}", 2
)
GUNICORN_SYNC = Launcher("gunicorn-sync", _GUNICORN + "{app}", 2, "flask_per_request:app")
GUNICORN_SYNC_PRELOAD = Launcher("gunicorn-sync-preload", _GUNICORN + "--preload {app}", 2, "flask_per_request:app")

LAUNCHERS = (
    UVICORN,
    UVICORN_WORKERS,
    GUNICORN_UVICORN,
    GUNICORN_UVICORN_PRELOAD,
    GUNICORN_SYNC,
    GUNICORN_SYNC_PRELOAD,
)


def served_by(*launchers: Launcher, long: Sequence[Launcher] = ()) -> pytest.MarkDecorator:
    """Parametrize a test with these launchers, and with those of a long run, which only ``make test-long`` takes."""
    cases = [pytest.param(launcher, id=launcher.name) for launcher in launchers]
    cases += [pytest.param(launcher, id=launcher.name, marks=pytest.mark.long) for launcher in long]
    return pytest.mark.parametrize("launcher", cases)


def environment(home: Path, *parts: dict[str, str]) -> dict[str, str]:
    """A child's whole environment: nothing of the surrounding one but ``PATH``."""
    merged = {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "HOME": str(home), "PYTHONUNBUFFERED": "1"}
    for part in parts:
        merged.update(part)
    return merged


def model_environment(model: StubModel, key: str = "sk-none") -> dict[str, str]:
    """What OpenAI's SDK reads."""
    return {"OPENAI_API_KEY": key, "OPENAI_BASE_URL": model.base_url}


def free_port() -> int:
    """A port nobody listens on, below those the kernel gives to outgoing connections while the server starts."""
    for _ in range(100):
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port between 20000 and 32000")


@dataclass(frozen=True)
class Answer:
    """What one request got."""

    status: int
    body: dict[str, Any]

    @property
    def pid(self) -> int:
        return self.body["pid"]


class ServerFailed(Exception):
    """A server did not do what it was started for. The message ends with its log."""


class Unanswered(ServerFailed):
    """A request was accepted, or not even that, and nothing came back."""


class Server:
    """A command in a process group of its own.

    Args:
        command: what to run, in the folder of the apps.
        environment: its whole environment.
        log: file for its output.
        port: where it will listen, if it will.
    """

    def __init__(self, command: Sequence[str], environment: dict[str, str], log: Path, port: int = 0) -> None:
        self.command = list(command)
        self.answers: list[Answer] = []
        self.port = port
        self._log = log
        self.created_after_ns = time.time_ns()
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=APPS,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.created_before_ns = time.time_ns()
        self.ready_ns = 0
        self.stop_seconds = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def returncode(self) -> int | None:
        return self.process.returncode

    def failed(self, message: str) -> ServerFailed:
        """``message``, the command and the log as an exception to raise."""
        return self._failed(ServerFailed, message)

    def _failed(self, kind: type[ServerFailed], message: str) -> ServerFailed:
        return kind(f"{message}\n$ {' '.join(self.command)}\n{self.log[-_LOG_TAIL:]}")

    def wait_ready(self, workers: int = 1, path: str = "/health") -> Server:
        """Wait until ``workers`` processes have answered ``path``."""
        deadline = time.monotonic() + READY_SECONDS
        while not self._accepts():
            if self.process.poll() is not None:
                raise self.failed(f"it ended with {self.process.returncode} before it listened")
            if time.monotonic() > deadline:
                raise self.failed(f"it did not listen within {READY_SECONDS:.0f} s")
            time.sleep(0.03)
        seen: set[int] = set()
        while len(seen) < workers:
            if self.process.poll() is not None:
                raise self.failed(f"it ended with {self.process.returncode} before all its workers had answered")
            if time.monotonic() > deadline:
                raise self.failed(f"{len(seen)} of {workers} workers answered within {READY_SECONDS:.0f} s")
            # A worker that leaves after so many requests may take one with it.
            with contextlib.suppress(Unanswered):
                seen.update(answer.pid for answer in self.get_all([path] * workers))
        self.ready_ns = time.time_ns()
        return self

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def get(self, path: str) -> Answer:
        """One request, in a connection of its own."""
        return self.get_all([path])[0]

    def get_all(self, paths: Sequence[str]) -> list[Answer]:
        """Requests at the same time, each in a connection of its own; their answers in order."""
        return self._send([("GET", path, None) for path in paths])

    def post(self, path: str, body: dict[str, Any]) -> Answer:
        """One request with a JSON body."""
        return self._send([("POST", path, body)])[0]

    def _send(self, requests: Sequence[tuple[str, str, Any]]) -> list[Answer]:
        with connections(f"http://127.0.0.1:{self.port}", READY_SECONDS) as http:

            def send(request: tuple[str, str, Any]) -> Answer:
                method, path, body = request
                try:
                    response = http.request(method, path, json=body)
                    return Answer(response.status_code, response.json())
                except httpx.TransportError as error:
                    raise self._failed(Unanswered, f"{method} {path} had no answer: {error!r}") from error
                except ValueError as error:
                    raise self.failed(f"{method} {path} was not answered with JSON: {error!r}") from error

            with ThreadPoolExecutor(len(requests)) as threads:
                answers = list(threads.map(send, requests))
        self.answers.extend(answers)
        return answers

    def ask(self, path: str, total: int, workers: int, each: int = 3) -> list[Answer]:
        """At least ``total`` requests, two at a time, until each of ``workers`` processes has had ``each`` of them."""
        answers: list[Answer] = []
        while len(answers) < total or not _shared(answers, workers, each):
            if len(answers) > total + 200:
                raise self.failed(f"the requests did not spread: {Counter(answer.pid for answer in answers)}")
            answers += self.get_all([path] * min(2, workers))
        bad = [answer for answer in answers if answer.status != 200]
        if bad:
            raise self.failed(f"{len(bad)} of {len(answers)} requests to {path} failed: {bad[0]}")
        return answers

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal to the process that was started, and nothing to its children; its return code."""
        started = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise self.failed(f"it did not end within {STOP_SECONDS:.0f} s of signal {number}") from error
        self.stop_seconds = time.monotonic() - started
        return self.process.returncode

    def wait(self) -> int:
        """Wait for its own end; its return code."""
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise self.failed(f"it did not end within {STOP_SECONDS:.0f} s") from error

    def clean_up(self) -> None:
        """Leave nothing behind, workers of a dead master included: the group is our own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def _shared(answers: Iterable[Answer], workers: int, each: int) -> bool:
    shares = Counter(answer.pid for answer in answers)
    return len(shares) >= workers and min(shares.values()) >= each


def built_by(answers: Iterable[Answer | dict[str, Any]]) -> Counter[int]:
    """How many clients each process says it has built: the highest it has reported."""
    built: Counter[int] = Counter()
    for answer in answers:
        body = answer.body if isinstance(answer, Answer) else answer
        if "built" in body:
            built[body["pid"]] = max(built[body["pid"]], body["built"])
    return built
