"""Ends that are none of a crash's: nothing is reported of them, then or at the next start, and no record stays."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .conftest import Start
from .crashing import (
    NEVER_SECONDS,
    CeleryWorker,
    Load,
    Scene,
    crashed_exits,
    dying_app,
    roll,
    uvicorn_workers,
    wait_until,
    workers_of,
)
from .harness import (
    GUNICORN_SYNC,
    GUNICORN_SYNC_PRELOAD,
    GUNICORN_UVICORN,
    UVICORN,
    UVICORN_WORKERS,
    Launcher,
    served_by,
)

pytestmark = pytest.mark.e2e


@pytest.fixture
def scene(start: Start, receiver: Receiver, tmp_path: Path, model: StubModel) -> Scene:
    # Whoever thinks here is answered: a server that drains waits for it.
    return Scene(start, receiver, tmp_path, model)


def _check_nothing_is_reported(scene: Scene) -> None:
    """Everything has stopped; whoever starts next finds nothing to tell."""
    scene.begin_again()
    events = [*scene.telemetry.events("autogen.process.exit"), *scene.telemetry.events("autogen.crash")]
    assert not events, "\n".join(f"{event.event_name} {event.attributes}" for event in events)
    assert not [point for point in crashed_exits(scene.telemetry) if point.value]
    assert scene.telemetry.summed("autogen.crashes") == 0
    assert not scene.left_over()


# Its workers do not hear SIGQUIT, which is what they are sent on SIGINT too: it kills them in the end.
NOT_GRACEFUL = replace(GUNICORN_UVICORN, command=GUNICORN_UVICORN.command + " --graceful-timeout 3")


@pytest.mark.parametrize(
    ("launcher", "number"),
    [
        pytest.param(launcher, number, id=f"{launcher.name}-{number.name}", marks=marks)
        for launcher, number, marks in (
            (UVICORN_WORKERS, signal.SIGINT, ()),
            (UVICORN, signal.SIGTERM, ()),
            (UVICORN, signal.SIGINT, pytest.mark.long),
            (UVICORN, signal.SIGQUIT, pytest.mark.long),
            (NOT_GRACEFUL, signal.SIGTERM, pytest.mark.long),
            (NOT_GRACEFUL, signal.SIGQUIT, pytest.mark.long),
            (GUNICORN_SYNC_PRELOAD, signal.SIGTERM, ()),
            (GUNICORN_SYNC_PRELOAD, signal.SIGINT, pytest.mark.long),
        )
    ],
)
def test_a_server_that_is_asked_to_stop(launcher: Launcher, number: signal.Signals, scene: Scene) -> None:
    """While it serves."""
    server = scene.serve(launcher).wait_ready(launcher.workers)
    with Load(server, 2) as load:
        wait_until(lambda: load.answered > 8, server, "it did not answer")
        server.stop(number)
    _check_nothing_is_reported(scene)


_PATIENT_UVICORN = uvicorn_workers(15)
_RECYCLING = "gunicorn -w 2 -b 127.0.0.1:{port} --max-requests 5 "


@served_by(
    Launcher("gunicorn-sync-preload", _RECYCLING + "--preload {app}", 2, GUNICORN_SYNC_PRELOAD.app),
    long=[
        Launcher("gunicorn-uvicorn", _RECYCLING + "-k uvicorn_worker.UvicornWorker {app}", 2),
        replace(_PATIENT_UVICORN, command=_PATIENT_UVICORN.command + " --limit-max-requests 15"),
    ],
)
def test_workers_that_have_served_enough(launcher: Launcher, scene: Scene) -> None:
    """They end by themselves and are replaced, under load."""
    server = scene.serve(launcher).wait_ready(launcher.workers)
    first = workers_of(server)
    with Load(server, 2):
        wait_until(lambda: not first & workers_of(server), server, "the first workers still serve")
    server.stop()
    _check_nothing_is_reported(scene)


@served_by(GUNICORN_UVICORN, long=[GUNICORN_SYNC])
def test_a_server_that_is_reloaded(launcher: Launcher, scene: Scene) -> None:
    """SIGHUP replaces all workers, under load. Many times, and the other servers: test_kills.py."""
    server = scene.serve(launcher).wait_ready(launcher.workers)
    with Load(server, 2):
        roll(server)
    server.stop()
    _check_nothing_is_reported(scene)


def test_autoreload(scene: Scene, tmp_path: Path) -> None:
    """uvicorn's --reload, whenever a file changes."""
    watched = tmp_path / "watched"
    watched.mkdir()
    source = watched / "source.py"
    source.touch()
    launcher = Launcher("uvicorn-reload", UVICORN.command + f" --reload --reload-dir {watched}", 1)
    server = scene.serve(launcher, dying_app(UVICORN)).wait_ready()
    first = server.answers[-1].pid
    os.utime(source, (time.time() + 60, time.time() + 60))
    wait_until(lambda: first not in workers_of(server), server, "it was not reloaded")
    server.wait_ready()
    server.stop()
    _check_nothing_is_reported(scene)


@pytest.mark.parametrize(
    "arguments",
    ["--concurrency 2", pytest.param("--concurrency 1 --max-tasks-per-child 1", marks=pytest.mark.long)],
)
def test_a_celery_worker_that_is_asked_to_stop(arguments: str, scene: Scene, redis_url: str) -> None:
    """Its children, which leave by os._exit, and those that have done as many tasks as they are to do."""
    with CeleryWorker(scene, redis_url, arguments) as worker:
        worker.wait_ready()
        for task in [worker.send("answer", "task") for _ in range(3)]:
            task.get(timeout=60)
        worker.server.stop()
    _check_nothing_is_reported(scene)


def test_children_that_come_to_their_end(scene: Scene) -> None:
    """By returning, by os._exit(0), or because their pool is stopped while one of them works."""
    script = scene.command("python", "dying_children.py", "answer", "1", "leave", "2", "pool", "3")
    assert script.wait() == 0, script.failed("the script failed")
    _check_nothing_is_reported(scene)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_script_that_is_stopped(number: signal.Signals, start: Start, receiver: Receiver, tmp_path: Path) -> None:
    """By Ctrl-C, or by whoever asks it to, in the middle of an agent's run."""
    with StubModel(think_seconds=NEVER_SECONDS) as slow_model:
        scene = Scene(start, receiver, tmp_path, slow_model)
        script = scene.command("python", "dying_script.py", "think", "stopped")
        wait_until(lambda: slow_model.requests > 0, script, "it did not ask the model")
        script.stop(number)
    _check_nothing_is_reported(scene)


def test_a_script_that_says_so_itself(scene: Scene, tmp_path: Path) -> None:
    """``sys.exit(0)`` is not even a boot failure, at whatever moment."""
    scene.plan_boot_failure("exit-0")
    script = scene.command("python", "dying_script.py")
    assert script.wait() == 0, script.failed("the script failed")
    scene.plan_boot_failure("")
    _check_nothing_is_reported(scene)
