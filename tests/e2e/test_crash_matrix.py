"""Each way to die, in each kind of process: reported exactly once, by whoever could see it, with what can be known.

How each of them fails to start is in test_boot_failures.py.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.local.stub_model import StubModel

from .crashing import CeleryWorker, Death, Deaths, Once, Scene, crashed_exits, scene_in, uvicorn_workers
from .harness import (
    GUNICORN_SYNC,
    GUNICORN_SYNC_PRELOAD,
    GUNICORN_UVICORN,
    GUNICORN_UVICORN_PRELOAD,
    UVICORN,
    Launcher,
    Server,
)

# One run serves several tests; whoever asks second waits for it.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@dataclass(frozen=True)
class Way:
    """A way to die, and what a supervisor sees of it; ``operation`` is what was in flight, ``rule`` what it falls
    under."""

    reason: str
    signal: str | None
    code: int | None
    operation: str
    rule: str


DYING = "execute_tool die"
WAYS = {
    "think": Way("signal", "SIGKILL", None, "chat gpt-4o-mini", "AG503"),
    "segv": Way("signal", "SIGSEGV", None, DYING, "AG506"),
    "abort": Way("signal", "SIGABRT", None, DYING, "AG506"),
    "exit-7": Way("unknown", None, 7, DYING, "AG503"),
    # gunicorn aborts a worker that hangs.
    "hang": Way("timeout", "SIGABRT", None, DYING, "AG504"),
    "stop": Way("timeout", "SIGKILL", None, DYING, "AG504"),
}
DEADLY = ("think", "segv", "abort", "exit-7")

# As short as a worker that boots on a busy machine allows.
_PATIENCE = 15


@dataclass(frozen=True)
class Column:
    """A kind of process.

    Attributes:
        ways: those that it dies of.
        seen: somebody waits for it, and learns of its status; else the next start finds its record.
        run: has one process die in each of the ways, and one raise MemoryError; who they were.
        survives: an exception ends a request, not the process.
        long: others of its kind die in the same ways.
    """

    name: str
    ways: tuple[str, ...]
    seen: bool
    run: Callable[[Scene, pytest.FixtureRequest], dict[str, Death]]
    survives: bool = True
    long: bool = False


def _impatient(launcher: Launcher) -> Launcher:
    return replace(launcher, command=launcher.command.replace("-w 2", f"-w 2 --timeout {_PATIENCE}"))


def _gunicorn(launcher: Launcher, long: bool = True) -> Column:
    def run(scene: Scene, request: pytest.FixtureRequest) -> dict[str, Death]:
        server = scene.serve(_impatient(launcher)).wait_ready(2)
        # The others die while it hangs.
        hung = scene.send(server, "hang")
        victims = {"hang": hung, **_die_one_by_one(scene, server)}
        scene.reported(hung.pid)
        server.stop()
        return victims

    return Column(launcher.name, (*DEADLY, "hang"), True, run, long=long)


def _run_uvicorn_workers(scene: Scene, request: pytest.FixtureRequest) -> dict[str, Death]:
    server = scene.serve(uvicorn_workers(_PATIENCE)).wait_ready(2)
    victims = _die_one_by_one(scene, server)
    # Last, for uvicorn looks at one worker after the other.
    victims["stop"] = scene.die(server, "stop")
    server.stop()
    return victims


def _die_one_by_one(scene: Scene, server: Server) -> dict[str, Death]:
    victims = {"memory": scene.send(server, "memory")}
    scene.crashed(victims["memory"].pid)
    for way in DEADLY:
        victims[way] = scene.die(server, way)
    return victims


def _run_uvicorn(scene: Scene, request: pytest.FixtureRequest) -> dict[str, Death]:
    """Its own next start tells of it, as where something starts it again and again."""
    victims: dict[str, Death] = {}
    server = scene.serve(UVICORN).wait_ready()
    victims["memory"] = scene.send(server, "memory")
    scene.crashed(server.pid)
    for way in DEADLY:
        victims[way] = scene.send(server, way)
        server.wait()
        server = scene.serve(UVICORN).wait_ready()
        scene.reported(victims[way].pid)
    server.stop()
    return victims


def _run_script(scene: Scene, request: pytest.FixtureRequest) -> dict[str, Death]:
    victims: dict[str, Death] = {}
    for way in ("memory", *DEADLY):
        script = scene.command("python", "dying_script.py", way, way)
        (victims[way],) = [scene.kill_in_model_call(script, way)] if way == "think" else scene.told(script, way)
        script.wait()
    return victims


def _run_children(scene: Scene, request: pytest.FixtureRequest) -> dict[str, Death]:
    ways = ("memory", "missing-module", "exit-3", *DEADLY)
    arguments = [argument for way in ways for argument in (way, way)]
    script = scene.command("python", "dying_children.py", *arguments)
    victims = {"think": scene.kill_in_model_call(script, "think")}
    victims |= {way: scene.told(script, way)[0] for way in ways}
    script.wait()
    return victims


def _run_celery(scene: Scene, request: pytest.FixtureRequest) -> dict[str, Death]:
    with CeleryWorker(scene, request.getfixturevalue("redis_url")) as worker:
        worker.wait_ready()
        victims = {way: scene.die(worker.server, way, worker.send) for way in DEADLY}
        # Celery's main process does not survive the news of a MemoryError.
        victims["memory"] = scene.send(worker.server, "memory", worker.send)
        worker.server.wait()
    return victims


COLUMNS = (
    _gunicorn(GUNICORN_SYNC),
    _gunicorn(GUNICORN_UVICORN),
    Column("uvicorn-workers", (*DEADLY, "stop"), True, _run_uvicorn_workers),
    _gunicorn(GUNICORN_SYNC_PRELOAD),
    _gunicorn(GUNICORN_UVICORN_PRELOAD, long=False),
    Column("uvicorn", DEADLY, False, _run_uvicorn),
    Column("celery", DEADLY, True, _run_celery),
    Column("script", DEADLY, False, _run_script, survives=False, long=True),
    Column("multiprocessing", DEADLY, True, _run_children, survives=False),
)
_BY_NAME = {column.name: column for column in COLUMNS}


def _case(column: Column, *way: str) -> Any:
    marks = pytest.mark.long if column.long else ()
    return pytest.param(column.name, *way, id="-".join((column.name, *way)), marks=marks)


every_column = pytest.mark.parametrize("deaths", [_case(column) for column in COLUMNS], indirect=True)
# Neighbours ask about different runs: processes of a test run do not wait for one another.
every_cell = pytest.mark.parametrize(
    ("deaths", "way"),
    [_case(column, way) for way in WAYS for column in COLUMNS if way in column.ways],
    indirect=["deaths"],
)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    folder = tmp_path_factory.getbasetemp()
    return Once((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "deaths")


@pytest.fixture
def deaths(request: pytest.FixtureRequest, once: Once, model: StubModel) -> Deaths:
    """The run of the column that the test is parametrized with."""
    column = _BY_NAME[request.param]

    def make(folder: Path) -> Deaths:
        with scene_in(folder, model) as scene:
            victims = column.run(scene, request)
            scene.begin_again()
            return scene.deaths(victims)

    return once.of(column.name, make)


@pytest.fixture
def column(request: pytest.FixtureRequest, deaths: Deaths) -> Column:
    return _BY_NAME[request.node.callspec.params["deaths"]]


@every_cell
def test_a_death_is_reported_once(deaths: Deaths, column: Column, way: str) -> None:
    """With reason, phase, operation and trace; with signal or code where somebody has seen them."""
    victim, expected = deaths.by_way[way], WAYS[way]
    events = deaths.telemetry.exits(victim.pid)
    assert len(events) == 1, f"reports of process {victim.pid}: {events}\n{deaths.log}"
    told = events[0].attributes
    if not column.seen:
        expected = replace(expected, signal=None, code=None, reason=_UNSEEN.get(way, "unknown"))
    status = (told.get("autogen.exit.signal"), told.get("autogen.exit.code"))
    if way == "hang" and "sync" in column.name:
        # It exits while it is aborted, if it does so before gunicorn kills it.
        assert status in {(None, 0), (None, 1), ("SIGKILL", None)}
    else:
        assert status == (expected.signal, expected.code), f"{told}\n{deaths.log}"
    assert told["autogen.exit.reason"] == expected.reason
    assert told["autogen.exit.observed_by"] == ("supervisor" if column.seen else "next_start")
    assert told["autogen.phase"] == "request"
    assert told["autogen.operation"] == expected.operation
    assert told["process.parent_pid"] == victim.parent_pid
    assert events[0].trace_id == victim.trace_id
    assert events[0].span_id


@every_cell
def test_a_death_is_a_finding(deaths: Deaths, column: Column, way: str) -> None:
    """By the rule that its event names, in its trace; of a native crash with the line where it hit."""
    victim, expected = deaths.by_way[way], WAYS[way]
    findings = deaths.telemetry.findings(victim.pid)
    assert len(findings) == 1, f"findings about process {victim.pid}: {findings}\n{deaths.log}"
    told, (end,) = findings[0].attributes, deaths.telemetry.exits(victim.pid)
    assert told["autogen.finding.rule"] == end.attributes["autogen.finding.rule"] == expected.rule
    assert (told["autogen.finding.severity"], findings[0].severity) == ("error", "ERROR")
    was_seen = column.seen or expected.rule == "AG506"
    assert told["autogen.finding.confidence"] == ("observed" if was_seen else "inferred")
    assert told["autogen.operation"] == expected.operation
    assert f"in {expected.operation} (phase request" in told["autogen.finding.evidence"]
    assert f"trace {victim.trace_id})" in told["autogen.finding.evidence"]
    assert findings[0].trace_id == victim.trace_id
    assert told["process.pid"] != victim.pid
    # gunicorn's workers have a handler for SIGABRT, so that there is no stack of it.
    assert way != "segv" or "exception.stacktrace" in end.attributes, deaths.log
    if "exception.stacktrace" in end.attributes:
        assert Path(told["code.file.path"]).name == "dying.py", f"{told}\n{deaths.log}"


# What the record alone says: faulthandler has left the stack of a native crash.
_UNSEEN = {"segv": "signal", "abort": "signal"}


@pytest.mark.parametrize("deaths", ["multiprocessing"], indirect=True)
@pytest.mark.parametrize(
    ("way", "code", "error_type"), [("missing-module", 1, "ModuleNotFoundError"), ("exit-3", 3, "SystemExit")]
)
def test_a_child_that_fails_is_reported_once(deaths: Deaths, way: str, code: int, error_type: str) -> None:
    """By its parent: multiprocessing has made an exit code of what nobody caught."""
    (event,) = deaths.telemetry.exits(deaths.by_way[way].pid)
    told = event.attributes
    assert (told["autogen.exit.reason"], told["autogen.exit.observed_by"]) == ("exception", "supervisor")
    assert (told["autogen.exit.code"], told["error.type"]) == (code, error_type)


@every_column
def test_nobody_else_is_reported(deaths: Deaths, column: Column) -> None:
    """Whoever did not die, and whoever ended as it should, is in no report; each report has an id of its own."""
    victims = {death.pid for way, death in deaths.by_way.items() if way != "memory" or not column.survives}
    events = deaths.telemetry.events("autogen.process.exit")
    others = [event.attributes for event in events if event.attributes["process.pid"] not in victims]
    assert not others, deaths.log
    assert len({event.attributes["log.record.uid"] for event in events}) == len(events)


@pytest.mark.parametrize("deaths", [_case(column) for column in COLUMNS if column.seen], indirect=True)
def test_the_counter_says_the_same(deaths: Deaths) -> None:
    """``autogen.process.exits`` counts what there are events of, under the same words.

    A supervisor does. What the next start has counted is lost if it is killed before it exports its metrics.
    """
    words = ("autogen.exit.reason", "autogen.phase", "autogen.exit.observed_by")
    events = deaths.telemetry.events("autogen.process.exit")
    told = Counter(tuple(event.attributes.get(word) for word in words) for event in events)
    counted: Counter[tuple[Any, ...]] = Counter()
    for point in crashed_exits(deaths.telemetry):
        counted[tuple(point.attributes.get(word) for word in words)] += int(point.value or 0)
    assert +counted == told


@every_column
def test_no_record_is_left_over(deaths: Deaths) -> None:
    """Those of the dead were reported, those of the others have ended with them."""
    assert not deaths.left_over


@every_column
def test_an_error_that_nobody_caught_is_a_crash(deaths: Deaths, column: Column) -> None:
    """A MemoryError in a handler: one crash. A server's worker survives it; a script and a child of its own do not."""
    victim = deaths.by_way["memory"]
    (crash,) = deaths.telemetry.crashes(victim.pid)
    told = crash.attributes
    assert (told["error.type"], told["autogen.crash.category"]) == ("MemoryError", "other")
    if column.survives:
        assert crash.trace_id == victim.trace_id
        assert (told["autogen.crash.escaped"], told["autogen.phase"]) == ("request", "request")
    else:
        assert told["autogen.crash.escaped"] == "process"
        exits = [event.attributes["autogen.exit.reason"] for event in deaths.telemetry.exits(victim.pid)]
        assert exits == ["exception"]
