"""Many deaths at random moments under load, and many restarts: all of the first are reported, none of the second.

``make test`` and ``make test-long`` do with a few dozen. ``AUTOGEN_VITALS_KILLS=200 AUTOGEN_VITALS_RESTARTS=100
AUTOGEN_VITALS_DEPLOYS=100 make test test-long ARGS="-k kills"`` takes an hour.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .conftest import Start
from .crashing import (
    ARRIVAL_SECONDS,
    CeleryWorker,
    Load,
    Scene,
    crashed_exits,
    roll,
    uvicorn_workers,
    wait_until,
    workers_of,
)
from .harness import (
    GUNICORN_SYNC,
    GUNICORN_SYNC_PRELOAD,
    GUNICORN_UVICORN,
    GUNICORN_UVICORN_PRELOAD,
    UVICORN,
    UVICORN_WORKERS,
    Launcher,
    Server,
)

KILLS = int(os.environ.get("AUTOGEN_VITALS_KILLS", "24"))
RESTARTS = int(os.environ.get("AUTOGEN_VITALS_RESTARTS", "4"))
DEPLOYS = int(os.environ.get("AUTOGEN_VITALS_DEPLOYS", "2"))
WORKERS = 4

# A second a death is far more than it takes, on a busy machine too.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120 + 10 * max(KILLS, RESTARTS, DEPLOYS))]


def _with_four(launcher: Launcher) -> Launcher:
    command = launcher.command.replace("-w 2", f"-w {WORKERS}").replace("--workers 2", f"--workers {WORKERS}")
    return replace(launcher, command=command, workers=WORKERS)


@pytest.fixture
def scene(start: Start, receiver: Receiver, tmp_path: Path, model: StubModel) -> Scene:
    return Scene(start, receiver, tmp_path, model)


@pytest.mark.parametrize(
    ("launcher", "kills"),
    [
        pytest.param(GUNICORN_UVICORN_PRELOAD, KILLS, id="gunicorn"),
        # Each of its workers imports everything anew.
        pytest.param(uvicorn_workers(15), max(KILLS // 4, 1), id="uvicorn", marks=pytest.mark.long),
    ],
)
def test_each_kill_is_reported_once(launcher: Launcher, kills: int, scene: Scene) -> None:
    """Of workers that boot, wait or serve: each pid once, none lost, none invented."""
    server = scene.serve(_with_four(launcher)).wait_ready(WORKERS)
    with Load(server, WORKERS):
        killed = _kill(server, kills)
        scene.receiver.wait_for(lambda _: killed <= set(_reported(scene)), ARRIVAL_SECONDS)
    server.stop()
    assert _reported(scene) == Counter(killed)
    for event in scene.telemetry.events("autogen.process.exit"):
        told = event.attributes
        assert (told["autogen.exit.reason"], told["autogen.exit.signal"]) == ("signal", "SIGKILL"), told
        assert told["autogen.exit.observed_by"] == "supervisor", told
        assert told["process.parent_pid"] == server.pid
    assert sum(point.value or 0 for point in crashed_exits(scene.telemetry)) == kills
    # A worker may be killed while it makes its record; what was not finished is swept an hour later.
    assert not [name for name in scene.left_over() if not name.endswith(".new")]


def _kill(server: Server, kills: int) -> set[int]:
    """Kill that many workers, at moments that have nothing to do with what they do."""
    moments, never = random.Random(4), threading.Event()
    killed: set[int] = set()
    while len(killed) < kills:
        wait_until(lambda: bool(workers_of(server) - killed), server, "no worker was replaced")
        never.wait(moments.uniform(0, 0.3))
        victim = moments.choice(sorted(workers_of(server) - killed))
        os.kill(victim, signal.SIGKILL)
        killed.add(victim)
    return killed


def _reported(scene: Scene) -> Counter[int]:
    return Counter(event.attributes["process.pid"] for event in scene.telemetry.events("autogen.process.exit"))


@pytest.mark.parametrize(
    ("launcher", "restarts"),
    [
        pytest.param(GUNICORN_UVICORN_PRELOAD, RESTARTS, id="gunicorn-uvicorn"),
        pytest.param(GUNICORN_SYNC_PRELOAD, RESTARTS, id="gunicorn-sync", marks=pytest.mark.long),
        pytest.param(UVICORN_WORKERS, max(RESTARTS // 4, 1), id="uvicorn", marks=pytest.mark.long),
    ],
)
def test_no_restart_is_a_crash(launcher: Launcher, restarts: int, scene: Scene) -> None:
    """All workers are replaced again and again, under load: nothing is reported."""
    server = scene.serve(launcher).wait_ready(launcher.workers)
    with Load(server, 2):
        for _ in range(restarts):
            roll(server)
    server.stop()
    scene.begin_again()
    assert not _reported(scene)
    assert not scene.telemetry.events("autogen.crash")
    assert not scene.left_over()


Deploy = Callable[[Scene, pytest.FixtureRequest], None]


def _serve_and_stop(launcher: Launcher) -> Deploy:
    def serve_and_stop(scene: Scene, request: pytest.FixtureRequest) -> None:
        server = scene.serve(launcher).wait_ready(launcher.workers)
        with Load(server, 2) as load:
            wait_until(lambda: load.answered > 2, server, "it did not answer")
            server.stop()

    return serve_and_stop


def _work_and_stop(scene: Scene, request: pytest.FixtureRequest) -> None:
    with CeleryWorker(scene, request.getfixturevalue("redis_url")) as worker:
        worker.wait_ready()
        worker.send("answer", "task").get(timeout=60)
        worker.send("answer", "another")
        worker.server.stop()


@pytest.mark.parametrize(
    "serve_and_stop",
    [
        pytest.param(_serve_and_stop(UVICORN), id="uvicorn"),
        pytest.param(_serve_and_stop(UVICORN_WORKERS), id="uvicorn-workers", marks=pytest.mark.long),
        pytest.param(_serve_and_stop(GUNICORN_UVICORN), id="gunicorn-uvicorn", marks=pytest.mark.long),
        pytest.param(_serve_and_stop(GUNICORN_SYNC), id="gunicorn-sync", marks=pytest.mark.long),
        pytest.param(_work_and_stop, id="celery", marks=pytest.mark.long),
    ],
)
def test_no_deploy_is_a_crash(
    serve_and_stop: Callable[[Scene, pytest.FixtureRequest], None], scene: Scene, request: pytest.FixtureRequest
) -> None:
    """The whole server is asked to stop under load, by SIGTERM, and another one takes its place, again and again."""
    for _ in range(DEPLOYS):
        serve_and_stop(scene, request)
    scene.begin_again()
    assert not _reported(scene)
    assert not scene.telemetry.events("autogen.crash")
    assert not scene.left_over()
