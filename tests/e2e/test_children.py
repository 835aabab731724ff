"""Scripts that fork, spawn and pool: what a child recorded arrives, what its parent recorded is the parent's only."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, built_by
from .telemetry import Telemetry, by_pid

pytestmark = pytest.mark.e2e

CLIENT = "ReplayChatCompletionClient"
EVERY_INIT = {"OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD": "0"}


@pytest.mark.parametrize(
    "flush",
    [pytest.param(False, id="", marks=pytest.mark.long), pytest.param(True, id="parent-flushed-before")],
)
@pytest.mark.parametrize(
    "way", ["fork", "spawn", "forkserver", "executor-fork", "executor-spawn", "pool", "siblings", "os.fork"]
)
def test_children_count_their_own(
    way: str, flush: bool, start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """Every process, parent or child, has exactly the inits and runs it made, also where the parent had exported; each
    comes to its end, and none is told to have crashed."""
    command = ["opentelemetry-instrument", "python", "children.py", way, *(["flush"] if flush else [])]
    script = start.command(command, receiver.environment("children"), ONLY_AT_STOP, EVERY_INIT)
    assert script.wait() == 0, script.failed("the script failed")

    told = [json.loads(line) for line in script.log.splitlines() if line.startswith("{")]
    built = built_by(told)
    assert built[script.pid] == 3, "the parent builds twice before its children, once after"
    children = {line["pid"] for line in told} - {script.pid}
    assert children, "no child has told anything"

    assert by_pid(telemetry.inits(CLIENT)) == built, "init spans by pid"
    assert by_pid(telemetry.named("invoke_agent assistant")) == built, "runs by pid"
    by_instance = _counts(telemetry, "autogen.init.duration")
    assert sorted(by_instance.values()) == sorted(built.values()), f"inits a process: {by_instance}, made: {built}"
    assert telemetry.counted("gen_ai.invoke_agent.duration") == sum(built.values())
    assert telemetry.counted("autogen.request.duration") == sum(built.values())
    assert telemetry.counted("autogen.request.duration", start_type="cold") == len(built), "each process once"
    assert telemetry.summed("autogen.reinits", component_type=CLIENT) == sum(
        # The parent's last client is built at another line than the first two, all children's at the same.
        max(0, count - 1)
        for count in built.values()
    )
    for pid in children:
        worker = telemetry.workers()[pid].attributes
        assert worker["autogen.worker.server"] == ("plain" if way == "os.fork" else "multiprocessing")
    assert not [(exit.attributes, exit.body) for exit in telemetry.events("autogen.process.exit")]
    assert telemetry.workers()[script.pid].attributes["autogen.worker.server"] == "plain"


def _counts(telemetry: Telemetry, metric: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for point in telemetry.points(metric, component_type=CLIENT):
        counts[point.resource["service.instance.id"]] += point.count
    return counts
