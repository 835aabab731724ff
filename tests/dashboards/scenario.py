"""One run of real services whose every deed is known: what the boards are held against.

``many``, 4 workers of gunicorn, is worked hard: it rebuilds clients, fails, blocks its loop, and loses 7 workers to
SIGKILL and one to ``os._exit``. ``one``, a single uvicorn, is healthy, and is deployed once more as version 2.
``broken`` cannot import a module, three times over.

What is known comes from the apps' own counts and clocks, in their answers, and from what was done to them; never from
what they exported. ``truth.py`` sums it up.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from e2e.conftest import Start
from e2e.crashing import NEVER_SECONDS, Scene, is_alive, wait_until, workers_of
from e2e.harness import READY_SECONDS, SOON, Launcher, Server
from e2e.telemetry import Arrived, Telemetry

from autogen_vitals import semconv
from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

NAMESPACE = "proof"
MANY, ONE, BROKEN = "proof/many", "proof/one", "proof/broken"
WORKERS = 4
FIRST_KILLS, LATER_KILLS = WORKERS, WORKERS - 1
BOOT_FAILURES = 3
STEADY_SECONDS = 5.0
EXPORT_MILLISECONDS = 1000
THINK_SECONDS = 0.05
BUILD_SECONDS = 2 * 0.02
"""What the constructors of the clients of a worker's start-up sleep."""
ARRIVAL_SECONDS = 30.0

_MANY = Launcher(
    "many", f"gunicorn -w {WORKERS} -k uvicorn_worker.UvicornWorker -b 127.0.0.1:{{port}} {{app}}", WORKERS
)
_ONE = Launcher("one", "uvicorn --port {port} {app}", 1, server="uvicorn")
_BROKEN = Launcher("broken", "gunicorn -w 1 -k uvicorn_worker.UvicornWorker -b 127.0.0.1:{port} {app}", 1)


@dataclass(frozen=True)
class Deed:
    """A request that was answered.

    Attributes:
        began_ns, ended_ns: as whoever asked saw it.
        body: what the app said.
    """

    job: str
    version: str
    act: str
    began_ns: int
    ended_ns: int
    status: int
    body: dict[str, Any] = field(repr=False)

    @property
    def pid(self) -> int:
        return self.body["pid"]


@dataclass(frozen=True)
class Played:
    """What was done, and what arrived. Everything has ended.

    Attributes:
        killed: pids of the workers that got SIGKILL while they waited for the model, in order of time.
        left: the one that left by ``os._exit``.
        unborn: those that failed to import the app.
        alive: who served when the steady time was over, by job.
        steady_ns: when it began, which is in the middle of a silence, and when it was over.
    """

    deeds: tuple[Deed, ...] = field(repr=False)
    killed: tuple[int, ...]
    left: int
    unborn: tuple[int, ...]
    alive: dict[str, frozenset[int]]
    steady_ns: tuple[int, int]
    arrived: Arrived = field(repr=False)
    logs: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def telemetry(self) -> Telemetry:
        return Telemetry(self.arrived)


def play(folder: Path) -> Played:
    """Play the whole scenario.

    Raises:
        ServerFailed: a service did not do what it was started for.
    """
    folder.mkdir()
    patient, slow = StubModel(think_seconds=THINK_SECONDS), StubModel(think_seconds=NEVER_SECONDS)
    with Receiver() as receiver, patient as model, slow as slow_model:
        stage = _Stage(folder, receiver, model, slow_model)
        try:
            return stage.play()
        finally:
            stage.clear()


class _Stage:
    """The services while they are played with."""

    def __init__(self, folder: Path, receiver: Receiver, model: StubModel, slow_model: StubModel) -> None:
        self._receiver = receiver
        self._start = Start(folder, model)
        # Another folder: it starts its servers at the same time, and logs are named by number.
        (folder / "broken").mkdir()
        self._start_broken = Start(folder / "broken", model)
        self._scene = Scene(self._start, receiver, folder, slow_model)
        self._boot_failure = folder / "broken" / "boot-failure"
        self._boot_failure.write_text("missing-module")
        self._variables = {
            **SOON,
            "OTEL_METRIC_EXPORT_INTERVAL": str(EXPORT_MILLISECONDS),
            "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(folder / "state"),
            "SLOW_MODEL_URL": slow_model.base_url,
        }
        self._deeds: list[Deed] = []

    def clear(self) -> None:
        """Leave nothing behind."""
        for server in (*self._start.servers, *self._start_broken.servers):
            server.clean_up()

    def play(self) -> Played:
        many = self._serve(_MANY, "1")
        one = self._serve(_ONE, "1")
        with ThreadPoolExecutor(1) as thread:
            one.wait_ready(1)
            many.wait_ready(WORKERS)
            self._warm(many)
            self._do(one, ONE, "1", ["shared"] * 5 + ["tool", "tool", "team"])
            unborn = thread.submit(self._fail_to_start)
            killed = self._kill(many, FIRST_KILLS)
            self._settle(one)
            one.stop()
            one = self._serve(_ONE, "2")
            self._warm(many)
            killed += self._kill(many, LATER_KILLS)
            left = self._scene.send(many, "leave").pid
            wait_until(lambda: not is_alive(left), many, "nobody left")
            self._warm(many)
            one.wait_ready(1)
            self._do(one, ONE, "2", ["shared"] * 3 + ["tool"] * 3 + ["stream"] * 2)
            self._do(many, MANY, "1", ["blocked", "stream", "team", "shared-team", "no-key"] * 2)
            # With those two: some worker's team serves two requests, one after the other.
            for _ in range(WORKERS - 1):
                self._do(many, MANY, "1", ["shared-team"])
            wait_until(lambda: self._told_of({*killed, left}), many, "not every death was told")
            dead = unborn.result(READY_SECONDS)
            self._settle(many, one)
            steady_ns = self._steady(many, one)
            alive = {MANY: frozenset(workers_of(many)), ONE: frozenset({one.pid})}
            many.stop()
            one.stop()
        logs = (*self._start.logs, *self._start_broken.logs)
        return Played(
            tuple(self._deeds),
            tuple(killed),
            left,
            dead,
            alive,
            steady_ns,
            Arrived.of(self._receiver),
            logs,
        )

    def _serve(self, launcher: Launcher, version: str) -> Server:
        return self._served(self._start, launcher, version, "measured:app")

    def _served(self, start: Start, launcher: Launcher, version: str, app: str, **variables: str) -> Server:
        attributes = f"service.namespace={NAMESPACE},service.version={version}"
        environment = {
            **self._receiver.environment(launcher.name),
            **self._variables,
            **variables,
            "OTEL_RESOURCE_ATTRIBUTES": attributes,
        }
        return start(launcher, environment, app=app)

    def _fail_to_start(self) -> tuple[int, ...]:
        """Start what cannot import a module, three at a time; who that was."""
        variables = {"BOOT_FAILURE_FILE": str(self._boot_failure)}
        servers = [
            self._served(self._start_broken, _BROKEN, "1", "dying_fastapi:app", **variables)
            for _ in range(BOOT_FAILURES)
        ]
        for server in servers:
            server.wait()
        return tuple(death.pid for server in servers for death in self._scene.told(server, "missing-module"))

    def _kill(self, server: Server, kills: int) -> list[int]:
        """Kill workers in the middle of a request, when all that they have done has been exported."""
        self._settle(server)
        killed = [self._scene.send(server, "think").pid for _ in range(kills)]
        wait_until(lambda: not any(map(is_alive, killed)), server, "not all were dead")
        return killed

    def _warm(self, server: Server) -> None:
        """Have each worker serve, most of the time what builds a client again."""
        wait_until(lambda: len(workers_of(server)) == WORKERS, server, "the dead were not replaced")
        shares: Counter[int] = Counter(dict.fromkeys(workers_of(server), 0))
        while min(shares.values()) < 2:
            if shares.total() > 200:
                raise server.failed(f"the requests did not spread: {shares}")
            shares.update(deed.pid for deed in self._do(server, MANY, "1", ["rebuild"] * 2))
        self._do(server, MANY, "1", ["tool"] * 4 + ["shared"] * 2)

    def _do(self, server: Server, job: str, version: str, acts: Sequence[str]) -> list[Deed]:
        """Ask for these acts, two at a time."""
        with ThreadPoolExecutor(2) as threads:
            deeds = list(threads.map(lambda act: _ask(server, job, version, act), acts))
        self._deeds += deeds
        return deeds

    def _steady(self, many: Server, one: Server) -> tuple[int, int]:
        """Some requests a second, by the same workers from begin to end, with silence before and after."""
        never = threading.Event()
        # What was before is not to be in the same minute of the history.
        never.wait(1.0)
        began_ns = time.time_ns()
        self._settle(many, one)
        until = time.monotonic() + STEADY_SECONDS
        while time.monotonic() < until:
            self._do(many, MANY, "1", ["rebuild", "rebuild", "shared"])
            self._do(one, ONE, "2", ["shared"])
            never.wait(0.1)
        self._settle(many, one)
        return began_ns, time.time_ns()

    def _settle(self, *servers: Server) -> None:
        """Wait until the workers have exported all that they have done: twice, for the first export may have begun."""
        for server in (*servers, *servers):
            pids = {deed.pid for deed in self._deeds} & (workers_of(server) | {server.pid})
            if not self._receiver.wait_for(partial(_heard_of, pids, time.time_ns()), ARRIVAL_SECONDS):
                raise server.failed(f"not all of {sorted(pids)} exported within {ARRIVAL_SECONDS:.0f} s")

    def _told_of(self, pids: set[int]) -> bool:
        events = self._scene.telemetry.events(semconv.PROCESS_EXIT_EVENT.name)
        return pids <= {event.attributes[semconv.PROCESS_PID] for event in events}


def _ask(server: Server, job: str, version: str, act: str) -> Deed:
    began = time.time_ns()
    answer = server.get(f"/do/{act}")
    return Deed(job, version, act, began, time.time_ns(), answer.status, answer.body)


def _heard_of(pids: set[int], since_ns: int, receiver: Receiver) -> bool:
    """Whether each of them has told of itself since."""
    return pids <= {
        point.attributes[semconv.PROCESS_PID]
        for point in receiver.points
        if point.time_ns >= since_ns and point.metric == semconv.WORKER_INFO.name
    }
