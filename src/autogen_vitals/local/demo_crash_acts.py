"""The demo's crash acts: a service that cannot start, a team that two requests share, a worker that is killed."""

from __future__ import annotations

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console

from autogen_vitals import semconv
from autogen_vitals.local.demo_stage import (
    COMMAND,
    REQUEST_SECONDS,
    START_SECONDS,
    TELEMETRY_SECONDS,
    WORKERS,
    environment,
    service_of,
    step,
)
from autogen_vitals.local.receiver import ReceivedLog, ReceivedSpan, Receiver
from autogen_vitals.local.service import Service
from autogen_vitals.local.stub_model import StubModel

_THINK_SECONDS = 1.5
"""Long enough for two runs to meet, and for a worker to be killed before it is answered."""

_LOOP = 3
_LOOP_SECONDS = 60.0
_HEALTH_CHECK_SECONDS = 3.0
"""uvicorn mostly waits that long for a sign of life of a worker that is gone, before it starts another one."""

_PAUSE_SECONDS = 0.01
_QUESTION = {"q": "What is the weather like?"}


@dataclass(frozen=True)
class CrashesTold:
    """What the acts exported; ``missing`` says what was waited for in vain."""

    logs: tuple[ReceivedLog, ...]
    spans: tuple[ReceivedSpan, ...]
    missing: tuple[str, ...]


def observe_crashes(console: Console, app: Path) -> CrashesTold:
    """Run the app in ``app`` without the key that it needs, then with it, and do what it does not stand.

    Raises:
        ServiceError: with the key it did not run, or did not answer.
    """
    # Not the folder of this machine's own services, where a crash of theirs would be found and told here.
    state = {"OTEL_PYTHON_AUTOGEN_STATE_DIR": str(app.parent / "state")}
    with StubModel(think_seconds=_THINK_SECONDS) as model, Receiver() as receiver:
        missing = _without_key(console, app, environment(receiver, model, **state), receiver)
        with_key = environment(receiver, model, OPENAI_API_KEY="none", **state)
        service, url = service_of(app, with_key, "crashing.log")
        with service:
            with step(console, f"OPENAI_API_KEY=… {COMMAND}"):
                service.wait_for_workers("/health", WORKERS, START_SECONDS)
            with step(console, "two requests at once to /shared-team of one worker"):
                missing += _share_team(url, service, receiver)
            if sys.platform != "win32":
                with step(console, "a request to /agent, and SIGKILL for its worker while it waits for the model"):
                    missing += _kill_worker(url, service, model, receiver)
        return CrashesTold(receiver.logs, receiver.spans, tuple(missing))


def _without_key(console: Console, app: Path, variables: dict[str, str], receiver: Receiver) -> list[str]:
    service, _ = service_of(app, variables, "without-key.log", _HEALTH_CHECK_SECONDS)
    with service, step(console, f"env -u OPENAI_API_KEY {COMMAND}: until it has failed {_LOOP} times, then SIGTERM"):
        looped = receiver.wait_for(
            lambda receiver: any(_boot_failures(exited) >= _LOOP for exited in _exits(receiver)),
            _LOOP_SECONDS,
        )
        service.stop()
    return [] if looped else [f"The end of {_LOOP} workers without a key was not told within {_LOOP_SECONDS:.0f} s"]


def _share_team(url: str, service: Service, receiver: Receiver) -> list[str]:
    def ask(connection: httpx.Client) -> None:
        connection.get("/shared-team", params=_QUESTION)

    with ExitStack() as stack, ThreadPoolExecutor(2) as threads:
        try:
            list(threads.map(ask, _connections_to_one_worker(url, service, stack)))
        except httpx.HTTPError as error:
            raise service.error(f"A request failed: {error}") from error
    told = receiver.wait_for(_has_failed_request, TELEMETRY_SECONDS)
    return [] if told else [f"The failure of a request was not told within {TELEMETRY_SECONDS:.0f} s"]


def _connections_to_one_worker(url: str, service: Service, stack: ExitStack) -> tuple[httpx.Client, httpx.Client]:
    connections: dict[int, httpx.Client] = {}
    # With one more than there are workers two of them are to the same one.
    while True:
        connection = stack.enter_context(_connection(url))
        other = connections.setdefault(_worker(connection, service), connection)
        if other is not connection:
            return other, connection


def _kill_worker(url: str, service: Service, model: StubModel, receiver: Receiver) -> list[str]:
    with _connection(url) as connection, ThreadPoolExecutor(1) as thread:
        pid = _worker(connection, service)
        asked_before = model.requests
        request = thread.submit(connection.get, "/agent", params=_QUESTION)
        while model.requests == asked_before:
            if request.done():
                raise service.error("The request ended before its worker had asked the model.")
            time.sleep(_PAUSE_SECONDS)
        os.kill(pid, signal.SIGKILL)
        with suppress(httpx.TransportError):
            request.result()
    told = receiver.wait_for(
        lambda receiver: any(exited.attributes[semconv.PROCESS_PID] == pid for exited in _exits(receiver)),
        TELEMETRY_SECONDS,
    )
    return [] if told else [f"The end of the worker that was killed was not told within {TELEMETRY_SECONDS:.0f} s"]


def _connection(url: str) -> httpx.Client:
    """A client with one connection, which stays: all of its requests are the same worker's."""
    return httpx.Client(base_url=url, timeout=REQUEST_SECONDS, limits=httpx.Limits(max_connections=1), trust_env=False)


def _worker(connection: httpx.Client, service: Service) -> int:
    try:
        return connection.get("/health").raise_for_status().json()["pid"]
    except httpx.HTTPError as error:
        raise service.error(f"A request failed: {error}") from error


def _exits(receiver: Receiver) -> list[ReceivedLog]:
    return [log for log in receiver.logs if log.event_name == semconv.PROCESS_EXIT_EVENT.name]


def _boot_failures(exited: ReceivedLog) -> int:
    return exited.attributes.get(semconv.EXIT_BOOT_FAILURES, 0)


def _has_failed_request(receiver: Receiver) -> bool:
    """Whether a crash has arrived together with the span of the request that it ended."""
    requests = {span.trace_id for span in receiver.spans if span.kind == "SERVER"}
    return any(log.event_name == semconv.CRASH_EVENT.name and log.trace_id in requests for log in receiver.logs)
