"""``autogen-vitals run`` in front of a Celery worker: its main process, its pool, and what is said of their tasks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autogen_vitals.local.receiver import Receiver

from .articles import Example
from .conftest import Start
from .test_celery import Tasks, tasks  # noqa: F401
from .test_run import Recorded, watched

pytestmark = pytest.mark.e2e

CELERY = "celery -A {module} worker -l INFO --without-gossip --without-mingle --prefetch-multiplier 1 --concurrency {n}"

Record = Callable[[str, int], tuple[Example, Recorded]]


@pytest.fixture
def record(start: Start, tmp_path: Path, receiver: Receiver, redis_url: str, tasks: Tasks) -> Record:  # noqa: F811
    """Runs the tasks of a module in so many children, ready for them."""

    def run(module: str, children: int) -> tuple[Example, Recorded]:
        pytest.importorskip("autogen")
        example = Example.copied("scaling_crash", tmp_path, receiver)
        mine = {"OTEL_PYTHON_AUTOGEN_STATE_DIR": str(tmp_path / "state"), "REDIS_URL": redis_url}
        server = watched(start, example.folder, CELERY.format(module=module, n=children).split(), mine)
        tasks.wait_ready(server)
        return example, Recorded(server, example.folder, children)

    return run


def test_agents_of_the_main_process_are_named_in_the_first_screen(record: Record, tasks: Tasks) -> None:  # noqa: F811
    """It has used them before it forked; Celery ends as it is asked to, and its tasks are the requests."""
    # One child: two would read from one connection, and then anything may happen.
    example, served = record("tasks_broken", 1)
    answers = [tasks.ask(1)[0] for _ in range(3)]
    (child,) = {answer["pid"] for answer in answers}
    assert served.server.stop() == 0
    assert served.report["run"]["exit_code"] == 0
    assert ("AG202", example.line("assistant = ")) in served.to_fix
    assert "AG202 " in served.first_screen, served.first_screen
    assert child in {worker["pid"] for worker in served.report["workers"]}
    (asked,) = (each for each in served.report["requests"] if each["name"] == "ask")
    assert asked["count"] == 3
    crashes = dict(served.report["crashes"])
    assert (crashes.pop("ends"), any(crashes.values())) == ({"drained": 1}, False), "the main process was asked to stop"


def test_agents_for_each_task_have_nothing_to_fix(record: Record, tasks: Tasks) -> None:  # noqa: F811
    """The same tasks, put right."""
    _, served = record("tasks_fixed", 2)
    for _ in range(3):
        tasks.ask(4)
    assert served.server.stop() == 0
    assert served.to_fix == []
    assert "Nothing to fix" in served.first_screen
