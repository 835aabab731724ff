"""A process that does not come to serve: why, in which phase, and how often already."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.local.receiver import Receiver
from autogen_vitals.local.stub_model import StubModel

from .conftest import Start
from .crashing import (
    Death,
    Deaths,
    Once,
    Scene,
    crashed_exits,
    dying_app,
    scene_in,
    told_by_anybody,
    uvicorn_workers,
)
from .harness import GUNICORN_SYNC, GUNICORN_UVICORN, GUNICORN_UVICORN_PRELOAD, UVICORN, Launcher, Server

# One run serves several tests; whoever asks second waits for it.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


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

RAISED_AT_IMPORT = (MISSING_KEY, MISSING_MODULE, CONSTRUCTOR)
AT_IMPORT = (*RAISED_AT_IMPORT, EXIT_3)
FAILURES = (*AT_IMPORT, LIFESPAN)

_CRASH_LOOP = 3


@dataclass(frozen=True)
class Column:
    """How the app is started.

    Attributes:
        failures: those that it can have.
        run: lets it fail in each of the ways; who that was.
        alone: those of which the process that was started fails itself: nobody that we see waits for it.
        code: what a worker exits with that cannot import the app.
        long: others fail to start in the same ways.
    """

    name: str
    failures: tuple[Failure, ...]
    run: Callable[[Scene], dict[str, Death]]
    alone: tuple[Failure, ...] = ()
    code: int = 3
    long: bool = False


def _starts(
    name: str,
    begin: Callable[[Scene], Server],
    failures: tuple[Failure, ...],
    alone: tuple[Failure, ...] = (),
    long: bool = False,
) -> Column:
    """A column that is started once for each failure, as where something starts it again and again."""

    def run(scene: Scene) -> dict[str, Death]:
        failed = {failure.name: _fail(scene, begin, failure) for failure in failures}
        scene.plan_boot_failure("")
        scene.begin_again()
        return failed

    return Column(name, failures, run, alone, long=long)


def _fail(scene: Scene, begin: Callable[[Scene], Server], failure: Failure) -> Death:
    scene.plan_boot_failure(failure.name)
    server = begin(scene)
    server.wait()
    return scene.told(server, failure.name)[0]


def _served(launcher: Launcher) -> Callable[[Scene], Server]:
    # The second worker would be asked to stop at a moment that cannot be foreseen.
    one_worker = replace(launcher, command=launcher.command.replace("-w 2", "-w 1"))
    return lambda scene: scene.serve(one_worker, dying_app(launcher))


def _celery(scene: Scene) -> Server:
    # Nobody listens there; it does not come that far.
    return scene.command("celery", "-A", "dying_celery", "worker", REDIS_URL="redis://127.0.0.1:1/0")


def _script(scene: Scene) -> Server:
    return scene.command("python", "dying_script.py")


# Each of its workers is given that time although it has ended: not longer than one takes to boot.
_IMPATIENT = uvicorn_workers(8)


def _run_uvicorn_workers(scene: Scene) -> dict[str, Death]:
    """It starts its workers again and again, unless they exit with 3."""
    failed: dict[str, Death] = {}
    scene.plan_boot_failure(RAISED_AT_IMPORT[0].name)
    server = scene.serve(_IMPATIENT)
    for failure in RAISED_AT_IMPORT:
        scene.plan_boot_failure(failure.name)
        failed[failure.name] = scene.told(server, failure.name)[0]
        scene.reported(failed[failure.name].pid)
    scene.receiver.wait_for(lambda _: len(scene.telemetry.events("autogen.process.exit")) >= _CRASH_LOOP, 40)
    scene.plan_boot_failure("")
    server.wait_ready(_IMPATIENT.workers)
    server.stop()
    for failure in (EXIT_3, LIFESPAN):
        failed[failure.name] = _fail_together(scene, failure)
    return failed


def _fail_together(scene: Scene, failure: Failure) -> Death:
    """Two workers fail; the supervisor stops when it has seen one. That one."""
    scene.plan_boot_failure(failure.name)
    server = scene.serve(_IMPATIENT)
    server.wait()
    told = scene.told(server, failure.name)
    return next((death for death in told if scene.telemetry.exits(death.pid)), told[0])


COLUMNS = (
    Column("uvicorn-workers", FAILURES, _run_uvicorn_workers, code=1),
    _starts("uvicorn", _served(UVICORN), FAILURES, alone=FAILURES),
    _starts("gunicorn-uvicorn", _served(GUNICORN_UVICORN), FAILURES, long=True),
    _starts("gunicorn-uvicorn-preload", _served(GUNICORN_UVICORN_PRELOAD), FAILURES, alone=AT_IMPORT, long=True),
    _starts("gunicorn-sync", _served(GUNICORN_SYNC), (MISSING_MODULE, EXIT_3)),
    _starts("celery", _celery, AT_IMPORT, alone=AT_IMPORT, long=True),
    _starts("script", _script, RAISED_AT_IMPORT, alone=RAISED_AT_IMPORT),
)
_BY_NAME = {column.name: column for column in COLUMNS}


def _case(column: Column, *failure: Failure) -> Any:
    name = "-".join((column.name, *(one.name for one in failure)))
    return pytest.param(column.name, *failure, id=name, marks=pytest.mark.long if column.long else ())


# Neighbours ask about different runs: processes of a test run do not wait for one another.
every_cell = pytest.mark.parametrize(
    ("deaths", "failure"),
    [_case(column, failure) for failure in FAILURES for column in COLUMNS if failure in column.failures],
    indirect=["deaths"],
)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    folder = tmp_path_factory.getbasetemp()
    return Once((folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "boot-failures")


@pytest.fixture
def deaths(request: pytest.FixtureRequest, once: Once, model: StubModel) -> Deaths:
    """The run of the column that the test is parametrized with."""

    def make(folder: Path) -> Deaths:
        with scene_in(folder, model) as scene:
            return scene.deaths(_BY_NAME[request.param].run(scene))

    return once.of(request.param, make)


@pytest.fixture
def column(request: pytest.FixtureRequest) -> Column:
    return _BY_NAME[request.node.callspec.params["deaths"]]


@every_cell
def test_a_failure_to_start_is_a_crash(deaths: Deaths, column: Column, failure: Failure) -> None:
    """One, which says why, and in which phase. ``sys.exit()`` is none, only an end of the process."""
    crashes = [event.attributes for event in deaths.telemetry.crashes(deaths.by_way[failure.name].pid)]
    if not failure.category:
        assert not crashes
        return
    assert len(crashes) == 1, f"{crashes}\n{deaths.log}"
    told = crashes[0]
    assert (told["error.type"], told["autogen.crash.category"]) == (failure.error_type, failure.category)
    if column.name == "script":
        # Nobody imports it: what fails there ends the process.
        assert told["autogen.crash.escaped"] == ("init" if failure is CONSTRUCTOR else "process")
        assert told["autogen.phase"] == "startup"
    else:
        assert told["autogen.crash.escaped"] == failure.escaped
        assert told["autogen.phase"] == failure.phase


@every_cell
def test_a_process_that_did_not_start_is_reported_once(deaths: Deaths, column: Column, failure: Failure) -> None:
    """As a boot failure, in the phase it had come to; by itself where nobody waits for it."""
    victim = deaths.by_way[failure.name]
    events = deaths.telemetry.exits(victim.pid)
    assert len(events) == 1, f"reports of process {victim.pid}: {events}\n{deaths.log}"
    told = events[0].attributes
    assert told["process.parent_pid"] == victim.parent_pid
    assert "autogen.exit.signal" not in told
    alone = failure in column.alone
    assert told["autogen.exit.observed_by"] == ("self" if alone else "supervisor")
    assert told.get("autogen.exit.code") == (None if alone else 3 if failure in (EXIT_3, LIFESPAN) else column.code)
    if column.name == "script":
        assert told["autogen.exit.reason"] == "exception"
    else:
        assert told["autogen.exit.reason"] == "boot_failure"
        assert told["autogen.phase"] == failure.phase
        assert told["autogen.exit.boot_failures"] >= 1


@pytest.mark.parametrize("deaths", [_case(column) for column in COLUMNS], indirect=True)
def test_nobody_else_is_reported(deaths: Deaths) -> None:
    """Each that had failed at most once, nobody who had not, and no record stays."""
    failed = told_by_anybody(deaths)
    told = [event.attributes for event in deaths.telemetry.events("autogen.process.exit")]
    others = [attributes for attributes in told if attributes["process.pid"] not in failed]
    assert not others, deaths.log
    assert len({attributes["process.pid"] for attributes in told}) == len(told)
    assert not deaths.left_over


@pytest.mark.parametrize(
    ("launcher", "failure"),
    [
        pytest.param(launcher, failure, id=f"{launcher.name}-{failure.name}", marks=marks)
        for launcher, failure, marks in (
            (GUNICORN_UVICORN, MISSING_KEY, pytest.mark.long),
            (GUNICORN_SYNC, MISSING_KEY, ()),
            (_IMPATIENT, LIFESPAN, pytest.mark.long),
        )
    ],
)
def test_workers_that_fail_together_are_each_reported(
    launcher: Launcher, failure: Failure, start: Start, receiver: Receiver, tmp_path: Path
) -> None:
    """The server stops the second when it has heard of the first, and with that itself: that is no end of its own."""
    scene = Scene(start, receiver, tmp_path)
    scene.plan_boot_failure(failure.name)
    server = scene.serve(launcher)
    server.wait()
    scene.plan_boot_failure("")
    scene.begin_again()
    # Whoever was stopped before it had failed has told of no crash.
    failed = [event.attributes["process.pid"] for event in scene.telemetry.events("autogen.crash")]
    exits = scene.telemetry.events("autogen.process.exit")
    ends = {event.attributes["process.pid"]: event.attributes for event in exits}
    assert len(failed) == len(set(failed)) >= 1, server.log
    assert len(exits) == len(failed)
    assert set(ends) == set(failed), server.log
    assert server.pid not in ends
    for told in ends.values():
        assert (told["autogen.exit.reason"], told["autogen.exit.observed_by"]) == ("boot_failure", "supervisor")
        assert told["error.type"] == failure.error_type
    assert not scene.left_over()


RULES = {"missing_credentials": "AG301", "missing_module": "AG406"}


@every_cell
def test_what_it_failed_with_is_a_finding(deaths: Deaths, column: Column, failure: Failure) -> None:
    """At the app's line, in the phase; of a key with its name, of what was read while the app was imported so."""
    if failure.category not in RULES:
        return
    pid = deaths.by_way[failure.name].pid
    findings = [event.attributes for event in deaths.telemetry.events("autogen.finding")]
    by_rule = {said["autogen.finding.rule"]: said for said in findings if said["process.pid"] == pid}
    assert RULES[failure.category] in by_rule, f"{findings}\n{deaths.log}"
    found = by_rule[RULES[failure.category]]
    assert found["autogen.finding.severity"] == "error"
    assert Path(found["code.file.path"]).name == "dying.py"
    if failure.category == "missing_credentials":
        assert "OPENAI_API_KEY" in found["autogen.finding.evidence"]
        at_import = "while the app was imported" in found["autogen.finding.evidence"]
        assert at_import == (column.name != "script")


@pytest.mark.parametrize("deaths", ["uvicorn-workers"], indirect=True)
def test_a_crash_loop_is_a_finding(deaths: Deaths) -> None:
    """The first two ends are each told by what they failed with; from the third on it is a loop, which is critical."""
    supervisor = deaths.by_way[MISSING_KEY.name].parent_pid
    events = deaths.telemetry.events("autogen.process.exit")
    loop = [event.attributes for event in events if event.attributes["process.parent_pid"] == supervisor]
    assert [end["autogen.finding.rule"] for end in loop] == ["AG502", "AG502"] + ["AG501"] * (len(loop) - 2)
    for rule, severity, ends in (("AG502", "ERROR", loop[:2]), ("AG501", "FATAL", loop[2:])):
        told = [event for end in ends for event in deaths.telemetry.findings(end["process.pid"])]
        # Those that are alike are told once.
        assert 1 <= len(told) <= len({end["autogen.crash.category"] for end in ends}), deaths.log
        for event in told:
            assert event.attributes["autogen.finding.rule"] == rule
            assert event.severity == severity
            assert event.attributes["process.pid"] == supervisor
            evidence = event.attributes["autogen.finding.evidence"]
            assert f"in {event.attributes['autogen.operation']}" in evidence
            category = next(end for end in ends if f"process {end['process.pid']}," in evidence)[
                "autogen.crash.category"
            ]
            assert f"{RULES[category]}: " in event.attributes["autogen.finding.remedy"]
    assert "number 3 of its supervisor's" in told[0].attributes["autogen.finding.evidence"]


@pytest.mark.parametrize("deaths", ["uvicorn-workers"], indirect=True)
def test_a_crash_loop_is_counted(deaths: Deaths) -> None:
    """Each end of a worker of the same supervisor has its number, and from the third on it is fatal."""
    supervisor = deaths.by_way[MISSING_KEY.name].parent_pid
    events = deaths.telemetry.events("autogen.process.exit")
    loop = [event for event in events if event.attributes["process.parent_pid"] == supervisor]
    numbers = [event.attributes.get("autogen.exit.boot_failures") for event in loop]
    assert len(numbers) >= _CRASH_LOOP, deaths.log
    assert numbers == list(range(1, len(numbers) + 1))
    assert [event.severity for event in loop] == ["ERROR", "ERROR"] + ["FATAL"] * (len(loop) - 2)
    assert sum(point.value or 0 for point in crashed_exits(deaths.telemetry)) == len(events)
