"""The examples, served as their READMEs say: what they call right is warm, and what they call wrong is not."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from celery import Celery

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, READY_SECONDS, free_port
from .telemetry import Telemetry, by_pid, startups

pytestmark = pytest.mark.e2e

EXAMPLES = Path(__file__).parents[2] / "examples"


def starts(telemetry: Telemetry) -> Counter[str]:
    """How many requests were of each start type."""
    points = telemetry.points("autogen.request.duration")
    return Counter(
        {kind: sum(point.count for point in points if _type(point) == kind) for kind in set(map(_type, points))}
    )


def _type(point: object) -> str:
    return point.attributes["autogen.start.type"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "preload", [pytest.param(False, id="", marks=pytest.mark.long), pytest.param(True, id="preload")]
)
def test_flask_app(preload: bool, start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """The shared client is built once a worker, after the fork; the other route builds one each time."""
    port, folder = free_port(), EXAMPLES / "flask_app"
    command = (
        f"opentelemetry-instrument gunicorn -c {folder}/gunicorn.conf.py --chdir {folder} -b 127.0.0.1:{port} app:app"
    )
    arguments = [*command.split(), *(["--preload"] if preload else [])]
    server = start.command(arguments, receiver.environment("flask-app"), ONLY_AT_STOP, port=port).wait_ready(2)
    shared = server.ask("/shared-client?q=hello", 8, 2)
    rebuilt = server.ask("/per-request?q=hello", 4, 1)
    assert server.stop() == 0
    workers = {answer.pid for answer in shared}
    assert by_pid(telemetry.inits()) == Counter(workers) + Counter(answer.pid for answer in rebuilt)
    told = starts(telemetry)
    assert (told["cold"], told["rebuild"]) == (2, len(rebuilt))
    # A worker's threads ask at once: then the client opens a second connection.
    assert told["warm"] + told["reconnect"] == len(shared) - 2
    assert told["warm"] >= 2


def test_celery_app(start: Start, redis_url: str, receiver: Receiver, telemetry: Telemetry) -> None:
    """The shared client is built once a pool process; the other task builds one each time."""
    folder = EXAMPLES / "celery_app"
    command = f"opentelemetry-instrument celery --workdir {folder} -A tasks worker --concurrency 1 -l INFO"
    worker = start.command(command.split(), {"REDIS_URL": redis_url}, receiver.environment("celery-app"), ONLY_AT_STOP)
    deadline = time.monotonic() + READY_SECONDS
    while " ready." not in worker.log:
        if worker.process.poll() is not None or time.monotonic() > deadline:
            raise worker.failed("the Celery worker did not become ready")
        time.sleep(0.05)
    sender = Celery(broker=redis_url, backend=redis_url)
    for name, count in (("shared-client", 3), ("per-task", 2)):
        for _ in range(count):
            assert sender.send_task(name, ["hello"]).get(timeout=READY_SECONDS)["reply"]
    sender.close()
    assert worker.stop() == 0
    assert starts(telemetry) == {"cold": 1, "warm": 2, "rebuild": 2}
    (child,) = by_pid(telemetry.named("invoke_agent assistant"))
    assert by_pid(telemetry.inits()) == {child: 3}, "none in the main process"


AN_INSTANCE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
import handler
for question in ("one", "two", ""):
    try:
        print(handler.handler({"question": question} if question else {}, None), flush=True)
    except KeyError:
        print("failed", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_function_app(start: Start, receiver: Receiver, telemetry: Telemetry, tmp_path: Path) -> None:
    """An instance that is frozen after each invocation and killed after the last: all that it recorded has gone out
    when its handler returned. The first is cold, the second warm; the third fails, which is told too."""
    command = ["python", "-c", AN_INSTANCE, str(EXAMPLES / "function_app")]
    on_demand = {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(tmp_path / "state"),
    }
    instance = start.command(command, receiver.environment("function-app"), ONLY_AT_STOP, on_demand)
    seen: list[Counter[str]] = []
    for _ in range(3):
        _, status = os.waitpid(instance.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status), instance.failed(f"it is not frozen, but over: {status}")
        seen.append(starts(telemetry))
        assert len(telemetry.named("invoke_agent assistant")) == min(len(seen), 2)
        assert len(startups(telemetry)) == 1
        instance.process.send_signal(signal.SIGCONT)
    assert seen == [{"cold": 1}, {"cold": 1, "warm": 1}, {"cold": 1, "warm": 1}], "the third never got to AutoGen"
    assert instance.wait() == -signal.SIGKILL
    (startup,) = startups(telemetry).values()
    assert startup.attributes["autogen.start.reason"] == "on_demand"
    assert startup.attributes["autogen.startup.complete"]
    (crash,) = telemetry.crashes(instance.pid)
    assert (crash.attributes["error.type"], crash.attributes["autogen.operation"]) == ("KeyError", "ask")
    assert by_pid(telemetry.inits()) == {instance.pid: 1}
