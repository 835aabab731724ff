"""Celery's own tracing of a task, in this process: what it tells of the task, and when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from celery.app.trace import build_tracer
from celery.backends.cache import CacheBackend
from celery.exceptions import Retry
from observed import Vitals

from autogen_vitals.crashes.layout import read

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exit records need Linux")


class Answers(CacheBackend):
    """A result backend in memory that looks at the exit record when an outcome is about to be known."""

    state_dir: Path
    seen: list[tuple[str, int]]

    def _store_result(self, task_id: str, result: Any, state: str, *args: Any, **kwargs: Any) -> Any:
        self.seen.append((state, in_flight(self.state_dir)))
        return super()._store_result(task_id, result, state, *args, **kwargs)


def in_flight(state_dir: Path) -> int:
    """How many things this process is at, as whoever finds it dead would read it."""
    (record,) = state_dir.glob("*.exit")
    words = read(record.read_bytes())
    assert words is not None
    return len(words.flights)


@pytest.mark.parametrize(
    ("raised", "state"), [(None, "SUCCESS"), (LookupError("failed"), "FAILURE"), (Retry("again"), "RETRY")]
)
def test_an_answered_task_is_not_interrupted(
    silent_vitals: Vitals, tmp_path: Path, raised: Exception | None, state: str
) -> None:
    """Its worker may be killed as soon as somebody knows the outcome, which is before Celery says that it has ended."""
    silent_vitals.enable(state_dir=str(tmp_path))
    silent_vitals.installed.tracker.recorder.open()
    app = Celery("tasks", broker="memory://", set_as_current=False)
    backend = Answers(app=app, url="memory://")
    backend.state_dir, backend.seen = tmp_path, []

    @app.task(name="work", backend=backend)
    def work() -> int:
        running = in_flight(tmp_path)
        if raised is not None:
            backend.seen.append(("running", running))
            raise raised
        return running

    trace = build_tracer("work", work, app=app)
    result = trace("the id", (), {}, {"id": "the id", "delivery_info": {}})
    if raised is None:
        assert result.retval == 1, "while it runs, the process is at it"
    else:
        assert backend.seen.pop(0) == ("running", 1), "while it runs, the process is at it"
    assert backend.seen == [(state, 0)]
    requests = silent_vitals.installed.tracker.requests
    assert requests.current() is None, "it has ended all the same"
