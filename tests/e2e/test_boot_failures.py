"""A process that does not come to serve: why, in which phase, and how often already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .crashing import ARRIVAL_SECONDS, Death, Scene, crashed_exits, dying_app, uvicorn_workers
from .harness import (
    GUNICORN_SYNC,
    GUNICORN_UVICORN,
    GUNICORN_UVICORN_PRELOAD,
    UVICORN,
    Launcher,
    Server,
)

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Failure:
    """A way not to come up.

    Attributes:
        error_type, category, escaped: of the crash; empty where nothing was raised but ``SystemExit``.
        phase: in which it failed.
    """

    name: str
    error_type: str = ""
    category: str = ""
    escaped: str = ""
    phase: str = "import"


MISSING_KEY = Failure("missing-key", "KeyError", "missing_credentials", "import")
MISSING_MODULE = Failure("missing-module", "ModuleNotFoundError", "missing_module", "import")
CONSTRUCTOR = Failure("constructor", "OpenAIError", "missing_credentials", "init")
EXIT_3 = Failure("exit-3")
LIFESPAN = Failure("lifespan", "RuntimeError", "other", "lifespan", "startup")


@dataclass(frozen=True)
class Column:
    """How the app is started.

    Attributes:
        begin: starts it.
        alone: whoever imports it has nobody that waits for it.
        code: what a worker exits with that cannot import it.
    """

    name: str
    begin: Callable[[Scene], Server]
    failures: tuple[Failure, ...]
    alone: bool = False
    code: int = 3


def _served(launcher: Launcher, *failures: Failure, alone: bool = False, code: int = 3) -> Column:
    return Column(launcher.name, lambda scene: scene.serve(launcher, dying_app(launcher)), failures, alone, code)


def _celery(scene: Scene) -> Server:
    # Nobody listens there; it does not come that far.
    return scene.command("celery", "-A", "dying_celery", "worker", REDIS_URL="redis://127.0.0.1:1/0")


def _script(scene: Scene) -> Server:
    return scene.command("python", "dying_script.py")


# Each of its workers is given that time, although it has ended: not longer than one takes to boot.
IMPATIENT = uvicorn_workers(5)
AT_IMPORT = (MISSING_KEY, MISSING_MODULE, CONSTRUCTOR, EXIT_3)
COLUMNS = (
    _served(UVICORN, *AT_IMPORT, LIFESPAN, alone=True),
    _served(IMPATIENT, *AT_IMPORT, LIFESPAN, code=1),
    _served(GUNICORN_UVICORN, *AT_IMPORT, LIFESPAN),
    _served(GUNICORN_UVICORN_PRELOAD, *AT_IMPORT, LIFESPAN, alone=True),
    _served(GUNICORN_SYNC, MISSING_MODULE, EXIT_3),
    Column("celery", _celery, AT_IMPORT, alone=True),
    Column("script", _script, (MISSING_KEY, MISSING_MODULE, CONSTRUCTOR), alone=True),
)
CELLS = [
    pytest.param(column, failure, id=f"{column.name}-{failure.name}")
    for failure in (*AT_IMPORT, LIFESPAN)
    for column in COLUMNS
    if failure in column.failures
]


@pytest.fixture
def scene(start: Start, receiver: Receiver, tmp_path: Path) -> Scene:
    return Scene(start, receiver, tmp_path)


@pytest.mark.parametrize(("column", "failure"), CELLS)
def test_a_failure_to_start_is_reported(column: Column, failure: Failure, scene: Scene) -> None:
    """As one crash, which says why, and one end of a process, in the phase it had come to."""
    scene.plan_boot_failure(failure.name)
    server = column.begin(scene)
    victim = scene.told(server, failure.name)[0]
    if column.name == IMPATIENT.name and failure not in (EXIT_3, LIFESPAN):
        # It starts them again and again.
        scene.reported(victim.pid)
        server.stop()
    else:
        server.wait()
    scene.plan_boot_failure("")
    scene.begin_again()

    crashes = [event.attributes for event in scene.telemetry.crashes(victim.pid)]
    _check_crash(crashes, failure, by_hand=column.name == "script")
    (event,) = scene.telemetry.exits(victim.pid)
    _check_exit(event.attributes, victim, column, failure)
    failed = {death.pid for death in scene.told(server, failure.name)}
    events = scene.telemetry.events("autogen.process.exit")
    others = [event.attributes for event in events if event.attributes["process.pid"] not in failed]
    assert not others, "ends of processes that had not failed"
    assert not scene.left_over()


def _check_crash(crashes: list[dict[str, Any]], failure: Failure, *, by_hand: bool) -> None:
    if not failure.category:
        assert not crashes, "sys.exit() is no crash, but an end of the process"
        return
    (told,) = crashes
    assert (told["error.type"], told["autogen.crash.category"]) == (failure.error_type, failure.category)
    # Nobody imports a script: what fails there ends the process.
    assert told["autogen.crash.escaped"] == ("process" if by_hand and failure.escaped == "import" else failure.escaped)
    if not by_hand:
        assert told["autogen.phase"] == failure.phase


def _check_exit(told: dict[str, Any], victim: Death, column: Column, failure: Failure) -> None:
    alone = column.alone and not (failure is LIFESPAN and column.name == GUNICORN_UVICORN_PRELOAD.name)
    code = column.code if failure not in (EXIT_3, LIFESPAN) else 3
    assert told["autogen.exit.reason"] == ("exception" if column.name == "script" else "boot_failure")
    assert told["autogen.exit.observed_by"] == ("self" if alone else "supervisor")
    assert told.get("autogen.exit.code") == (None if alone else code)
    assert "autogen.exit.signal" not in told
    assert told["process.parent_pid"] == victim.parent_pid
    if column.name != "script":
        assert told["autogen.phase"] == failure.phase
        assert told["autogen.exit.boot_failures"] >= 1


def test_a_crash_loop_is_counted(scene: Scene) -> None:
    """uvicorn starts its workers again and again: each end has its number, and from the third on it is fatal."""
    scene.plan_boot_failure(MISSING_KEY.name)
    server = scene.serve(IMPATIENT)

    def numbers() -> list[int]:
        return [
            event.attributes.get("autogen.exit.boot_failures", 0)
            for event in scene.telemetry.events("autogen.process.exit")
        ]

    looped = scene.receiver.wait_for(lambda _: max(numbers(), default=0) >= 3, 2 * ARRIVAL_SECONDS)
    assert looped, server.failed(f"numbers of the failures: {numbers()}")
    scene.plan_boot_failure("")
    server.wait_ready(IMPATIENT.workers)
    server.stop()
    assert numbers() == list(range(1, len(numbers()) + 1))
    events = scene.telemetry.events("autogen.process.exit")
    assert [event.severity for event in events] == ["ERROR", "ERROR"] + ["FATAL"] * (len(events) - 2)
    assert sum(point.value or 0 for point in crashed_exits(scene.telemetry)) == len(events)
