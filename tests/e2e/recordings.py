"""One run of each server with the app that builds a client for each request; many tests ask about the same run."""

from __future__ import annotations

import fcntl
import pickle
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .harness import (
    LAUNCHERS,
    ONLY_AT_STOP,
    Answer,
    Launcher,
    Server,
    ServerFailed,
    built_by,
    environment,
    free_port,
    model_environment,
)
from .telemetry import Arrived, Telemetry

REQUESTS = 20


@dataclass(frozen=True)
class Recording:
    """What happened, told by the app, and what arrived. The server has ended.

    Attributes:
        launcher: how it was served.
        master: pid of the process that was started.
        created_ns: the moments right before and right after that.
        ready_ns: when all workers had answered.
        returncode: of the master, on SIGTERM.
        health: answers to the requests that did not use AutoGen.
        answers: answers to those that did.
        arrived: what its processes exported.
        log: what they printed.
    """

    launcher: Launcher
    master: int
    created_ns: tuple[int, int]
    ready_ns: int
    returncode: int
    health: tuple[Answer, ...]
    answers: tuple[Answer, ...]
    arrived: Arrived
    log: str

    @property
    def telemetry(self) -> Telemetry:
        return Telemetry(self.arrived)

    @property
    def logs(self) -> list[tuple[str, str]]:
        return [(self.launcher.name, self.log)]

    @property
    def built(self) -> Counter[int]:
        """Clients built by each worker, counted by the app itself."""
        return built_by(self.answers)

    @property
    def parents(self) -> dict[int, int]:
        """Each worker's parent, told by the app itself."""
        return {answer.pid: answer.body["parent_pid"] for answer in self.answers}


class Recorder:
    """Runs each launcher once for all processes of a test run, whichever of them asks first.

    Not by xdist's groups: with pytest 9.2 they do not hold (https://github.com/pytest-dev/pytest-xdist/issues/1386).

    Args:
        folder: the same for all those processes.
    """

    def __init__(self, folder: Path, model: StubModel) -> None:
        self._folder = folder
        self._model = model
        folder.mkdir(exist_ok=True)

    def of(self, launcher: Launcher) -> Recording:
        """The run of a launcher; a run that failed fails every test that asks for it."""
        kept = self._folder / f"{launcher.name}.pickle"
        with (self._folder / f"{launcher.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not kept.exists():
                kept.write_bytes(pickle.dumps(self._attempt(launcher)))
        recording = pickle.loads(kept.read_bytes())
        if isinstance(recording, str):
            raise ServerFailed(recording)
        return recording

    def _attempt(self, launcher: Launcher) -> Recording | str:
        try:
            return self._record(launcher)
        except ServerFailed as error:
            return str(error)

    def _record(self, launcher: Launcher) -> Recording:
        port = free_port()
        with Receiver() as receiver:
            server = Server(
                ["opentelemetry-instrument", *launcher.fill(port)],
                environment(
                    self._folder, model_environment(self._model), receiver.environment(launcher.name), ONLY_AT_STOP
                ),
                self._folder / f"{launcher.name}.log",
                port,
            )
            try:
                server.wait_ready(launcher.workers)
                health = tuple(server.answers)
                answers = server.ask("/ask?q=hello", REQUESTS, launcher.workers)
                returncode = server.stop()
            finally:
                server.clean_up()
        return Recording(
            launcher,
            server.pid,
            (server.created_after_ns, server.created_before_ns),
            server.ready_ns,
            returncode,
            health,
            tuple(answers),
            Arrived.of(receiver),
            server.log,
        )


def recorded(*launchers: Launcher, long: Sequence[Launcher] = ()) -> pytest.MarkDecorator:
    """Parametrize a test with the runs of these launchers, of all without any; with those of a long run only ``make
    test-long`` does."""
    cases = [
        pytest.param(launcher, id=launcher.name, marks=pytest.mark.long if launcher in long else ())
        for launcher in launchers or LAUNCHERS
    ]
    return pytest.mark.parametrize("recording", cases, indirect=True)
