"""AutoGen's distributed runtime: a host and two workers in three processes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import ONLY_AT_STOP, SOON, Server, free_port
from .telemetry import Telemetry

pytestmark = pytest.mark.e2e
pytest.importorskip("grpc")

EVERY_INIT = {"OTEL_PYTHON_AUTOGEN_INIT_SPAN_THRESHOLD": "0"}
SECONDS = 60.0


def wait(condition: Callable[[], Any], server: Server, what: str) -> Any:
    deadline = time.monotonic() + SECONDS
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise server.failed(f"{what} within {SECONDS:.0f} s")
        time.sleep(0.03)
    return found


def said(server: Server, word: str) -> dict[str, Any] | None:
    """What a process has said of itself under that word."""
    lines = (json.loads(line) for line in server.log.splitlines() if line.startswith('{"word"'))
    return next((line for line in lines if line["word"] == word), None)


class Three:
    """The processes, started one after the other."""

    def __init__(self, start: Start, *variables: dict[str, str]) -> None:
        self._start, self._variables, self._port = start, variables, free_port()
        self.host = self._run("host")
        self.studio = self._run("studio")

    def _run(self, *arguments: str) -> Server:
        role, *tasks = arguments
        command = ["opentelemetry-instrument", "python", "distributed.py", role, str(self._port), *tasks]
        server = self._start.command(command, *self._variables)
        wait(lambda: said(server, "ready"), server, f"the {role} was not ready")
        return server

    def desk(self, *tasks: str) -> Server:
        """The worker whose main program sends these tasks."""
        return self._run("desk", *tasks)


def test_three_processes_are_one_trace(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """Each task's runs, by calls and by publications, in whatever process, hang together; each process has the inits
    and runs that it made; nobody has crashed, and AutoGen's own messaging spans stay quiet."""
    three = Three(start, receiver.environment("distributed"), ONLY_AT_STOP, EVERY_INIT)
    desk = three.desk("first", "second")
    assert desk.wait() == 0, desk.failed("the desk failed")
    assert three.studio.stop() in (0, -15), three.studio.failed("the studio failed")
    assert three.host.stop() in (0, -15), three.host.failed("the host failed")

    for server in (three.host, three.studio, desk):
        over = said(server, "over")
        assert over is not None, server.failed("it did not come to its end")
        mine = [span for span in telemetry.spans if span.attributes["process.pid"] == over["pid"]]
        inits = Counter(
            span.attributes["autogen.component.type"]
            for span in mine
            if span.attributes.get("autogen.init.stage") == "construct"
        )
        assert inits == Counter(over["built"]), f"inits of {server.command[3]}"
        told = Counter(span.attributes["gen_ai.agent.name"] for span in mine if span.name.startswith("invoke_agent"))
        assert told == Counter(over["runs"]), f"runs of {server.command[3]}"

    planners = telemetry.named("invoke_agent planner")
    assert len({span.trace_id for span in planners}) == 2
    for planner in planners:
        spans = {span.name: span for span in telemetry.spans if span.trace_id == planner.trace_id}
        by_id = {span.span_id: name for name, span in spans.items()}
        parents = {name: by_id.get(span.parent_span_id) for name, span in spans.items() if name.startswith("invoke")}
        assert parents == {
            "invoke_agent planner": None,
            "invoke_agent writer": "invoke_agent planner",
            "invoke_agent critic": "invoke_agent planner",
            "invoke_agent closer": "invoke_agent critic",
        }
        assert by_id[spans["chat replay"].parent_span_id] == "invoke_agent writer" if "chat replay" in spans else True
    assert not [span.name for span in receiver.spans if "Worker Runtime" in span.scope]
    assert not [event.attributes for event in telemetry.events("autogen.process.exit")]


def test_a_worker_that_is_killed_is_told_of_with_the_trace_it_was_in(
    start: Start, receiver: Receiver, telemetry: Telemetry
) -> None:
    """The studio dies in the middle of what the desk has asked for: another process of the service says so."""
    three = Three(start, receiver.environment("distributed"), SOON, EVERY_INIT)
    desk = three.desk("first", "die")
    assert three.studio.wait() == -9
    exits = wait(lambda: telemetry.exits(three.studio.pid), three.host, "nobody told of the studio's end")
    (exited,) = exits
    assert exited.attributes["autogen.operation"] == "invoke_agent writer"
    assert exited.attributes["autogen.phase"] == "request"
    assert exited.attributes["autogen.exit.observed_by"] == "sibling"
    assert exited.attributes["autogen.exit.interrupted"] == 1
    asking = said(desk, "asking")
    assert asking is not None
    assert exited.trace_id == asking["trace_id"], "the trace that the desk's planner had begun"
