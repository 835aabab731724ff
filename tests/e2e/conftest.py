"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .harness import Launcher, Server, environment, free_port, model_environment
from .recordings import Recorder, Recording
from .telemetry import Telemetry

_CACHED_REDIS = Path(__file__).parents[2] / ".cache" / "system" / "bin" / "redis-server"
_REDIS_SECONDS = 20.0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """A failed test shows the log of each server it had to do with."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, (Start, Recording)):
                report.sections.extend((f"log of {name}", text) for name, text in value.logs)
    return report


class Start:
    """Starts servers that end with the test."""

    def __init__(self, folder: Path, model: StubModel) -> None:
        self.servers: list[Server] = []
        self._folder = folder
        self._model = model

    @property
    def logs(self) -> list[tuple[str, str]]:
        """What each server has printed."""
        return [(" ".join(server.command), server.log) for server in self.servers]

    def command(self, command: list[str], *variables: dict[str, str], port: int = 0) -> Server:
        """Run a command in the folder of the apps."""
        whole = environment(self._folder, model_environment(self._model), *variables)
        server = Server(command, whole, self._folder / f"server-{len(self.servers)}.log", port)
        self.servers.append(server)
        return server

    def __call__(
        self,
        launcher: Launcher,
        *variables: dict[str, str],
        app: str | None = None,
        instrument: bool = True,
    ) -> Server:
        """Serve an app; the answer is ready as soon as ``wait_ready`` says so."""
        port = free_port()
        prefix = ["opentelemetry-instrument"] if instrument else []
        return self.command([*prefix, *launcher.fill(port, app)], *variables, port=port)


@pytest.fixture(scope="session")
def model() -> Iterator[StubModel]:
    """One model for all tests of this process."""
    with StubModel() as stub:
        yield stub


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as accepting:
        yield accepting


@pytest.fixture
def telemetry(receiver: Receiver) -> Telemetry:
    return Telemetry(receiver)


@pytest.fixture
def start(tmp_path: Path, model: StubModel) -> Iterator[Start]:
    starter = Start(tmp_path, model)
    yield starter
    for server in starter.servers:
        server.clean_up()


@pytest.fixture(scope="session")
def recorder(tmp_path_factory: pytest.TempPathFactory, model: StubModel) -> Recorder:
    """Runs each server once, for all tests that ask about the same run."""
    folder = tmp_path_factory.getbasetemp()
    return Recorder((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "recordings", model)


@pytest.fixture
def recording(request: pytest.FixtureRequest, recorder: Recorder) -> Recording:
    """The run of the launcher that the test is parametrized with."""
    return recorder.of(request.param)


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Redis of our own, or a skip that says how to get one."""
    program = next((path for path in (str(_CACHED_REDIS), shutil.which("redis-server")) if path and _works(path)), None)
    if program is None:
        pytest.skip("needs redis-server: on PATH, or unpacked by scripts/system-tools")
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "--dir", str(folder)], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(lambda: "Ready to accept" in (folder / "log").read_text(), "redis-server did not start")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


def _works(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=10, check=False).returncode == 0
    except OSError:
        return False


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + _REDIS_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(otherwise)
        time.sleep(0.02)
