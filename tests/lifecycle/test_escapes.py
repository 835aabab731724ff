"""Exceptions on their way out: each is told once, with what it ended, and what is no failure is not."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.crashes.layout import read
from autogen_vitals.lifecycle.boundaries import RequestBlock
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, INVOKE_AGENT, INVOKE_WORKFLOW, Escape
from autogen_vitals.wrapping.life import noted_call
from autogen_vitals.wrapping.proxy import Wrapper

CANARY = "sk-canary-0123456789"
ESCAPES: tuple[Escape, ...] = ("request", "import", "lifespan", "loop", "thread", "process")
"""From the inside to the outside."""


@pytest.fixture
def open_escapes(escapes: Escapes, tracker_: Tracker, recorder: Recorder) -> Escapes:
    """In a process of interest, told by the tracker as the instrumentation has it."""
    tracker_.failed = escapes.observed
    recorder.open()
    return escapes


@pytest.fixture
def crashes(sink: Any) -> Callable[[], list[tuple[str, str, str]]]:
    """What was told: what ended, the class, the operation."""
    return lambda: [(crash.escaped, crash.error_type, crash.operation) for crash in sink.all("crashed")]


def raised(error: BaseException) -> BaseException:
    """The same with a traceback."""
    try:
        raise error
    except BaseException as caught:
        return caught


def last_error(recorder: Recorder) -> tuple[str, str | None, bool]:
    """What the exit record says of it."""
    assert recorder.directory is not None
    (path,) = recorder.directory.glob("*.exit")
    words = read(path.read_bytes())
    assert words is not None
    return words.error_type, words.category, words.fatal


# --- once ------------------------------------------------------------------------------------------------------------


def test_an_exception_that_ends_a_run_is_told_with_all_that_is_known(
    open_escapes: Escapes, sink: Any, run: Any, recorder: Recorder
) -> None:
    """What it ended, when, what it means, where it came from."""
    with pytest.raises(KeyError), run(INVOKE_AGENT, name="writer") as observation:  # noqa: PT012
        observation.span = (0xABC, 1)
        raise KeyError("OPENAI_API_KEY")
    (crash,) = sink.all("crashed")
    assert (crash.escaped, crash.operation) == ("run", "invoke_agent writer")
    assert (crash.error_type, crash.category, crash.phase) == ("KeyError", observation.category, "request")
    assert crash.span == (0xABC, 1)
    assert "test_escapes.py" in crash.stacktrace
    assert "OPENAI_API_KEY" not in crash.stacktrace
    assert last_error(recorder) == ("KeyError", observation.category, False)


def test_however_many_places_see_it_it_is_one(open_escapes: Escapes, tracker_: Tracker, run: Any, crashes: Any) -> None:
    """The chat, the agent, the team, the request, the thread, the loop and the process."""
    caught: list[BaseException] = []
    with pytest.raises(ValueError), RequestBlock(tracker_, open_escapes, "job"):  # noqa: PT012, SIM117
        with run(INVOKE_WORKFLOW, name="team"), run(INVOKE_AGENT, name="writer"), run(CHAT, name="gpt-4o"):
            try:
                raise ValueError
            except ValueError as error:
                caught.append(error)
                raise
    for escape in ESCAPES:
        open_escapes.escaped(caught[0], escape)
    assert crashes() == [("run", "ValueError", "invoke_workflow team")]


def test_the_same_class_raised_again_is_another_one(open_escapes: Escapes, run: Any, crashes: Any) -> None:
    """Of a request that fails each time."""
    for _ in range(3):
        with pytest.raises(ValueError), run(INVOKE_AGENT, name="writer"):
            raise ValueError
    assert len(crashes()) == 3


def test_what_wraps_it_on_its_way_out_of_a_request_is_no_other_one(
    open_escapes: Escapes, tracker_: Tracker, run: Any, crashes: Any
) -> None:
    """With ``from`` or without."""

    def fail(*, explicitly: bool) -> None:
        with RequestBlock(tracker_, open_escapes, "job"):
            try:
                with run(INVOKE_AGENT, name="writer"):
                    raise ValueError
            except ValueError as error:
                if explicitly:
                    raise RuntimeError("bad gateway") from error
                raise RuntimeError("bad gateway")  # noqa: B904

    for explicitly in (True, False):
        with pytest.raises(RuntimeError):
            fail(explicitly=explicitly)
    assert [error for _, error, _ in crashes()] == ["ValueError", "ValueError"]


def test_an_error_that_hides_another_one_stands_for_itself(
    open_escapes: Escapes, tracker_: Tracker, run: Any, crashes: Any
) -> None:
    """``from None`` says that they have nothing to do with each other."""
    with pytest.raises(RuntimeError), RequestBlock(tracker_, open_escapes, "job"):  # noqa: PT012
        try:
            with run(INVOKE_AGENT, name="writer"):
                raise ValueError
        except ValueError:
            raise RuntimeError("bad gateway") from None
    assert [error for _, error, _ in crashes()] == ["ValueError", "RuntimeError"]


def test_another_run_that_fails_because_the_first_one_did_is_another_one(
    open_escapes: Escapes, run: Any, crashes: Any
) -> None:
    """A fallback that fails too."""
    with pytest.raises(RuntimeError):  # noqa: PT012
        try:
            with run(INVOKE_AGENT, name="first"):
                raise ValueError
        except ValueError:
            with run(INVOKE_AGENT, name="second"):
                raise RuntimeError  # noqa: B904
    assert crashes() == [("run", "ValueError", "invoke_agent first"), ("run", "RuntimeError", "invoke_agent second")]


def test_a_chain_without_an_end_is_not_followed_for_ever(open_escapes: Escapes, crashes: Any) -> None:
    """An app may make one."""
    first, second = raised(ValueError()), raised(KeyError())
    first.__cause__, second.__cause__ = second, first
    open_escapes.escaped(first, "request")
    open_escapes.escaped(second, "thread")
    assert [error for _, error, _ in crashes()] == ["ValueError"]


def test_no_exception_is_kept_alive(open_escapes: Escapes, run: Any) -> None:
    """Nor are the frames that it came through."""

    class Local:
        alive = 0

        def __init__(self) -> None:
            Local.alive += 1

        def __del__(self) -> None:
            Local.alive -= 1

    def fail() -> None:
        local = Local()
        with run(INVOKE_AGENT, name="writer"):
            raise ValueError(local)

    for _ in range(5):
        try:
            fail()
        except ValueError as error:
            open_escapes.escaped(error, "process")
    assert Local.alive == 0


def test_what_was_seen_is_bounded(open_escapes: Escapes) -> None:
    """Of a process that fails all day."""
    errors = [raised(ValueError()) for _ in range(1000)]
    for error in errors:
        open_escapes.escaped(error, "request")
    assert len(open_escapes._seen) < 1000


# --- what is none ----------------------------------------------------------------------------------------------------


def test_a_block_of_the_user_s_may_be_inside_of_a_request(
    open_escapes: Escapes, tracker_: Tracker, crashes: Any
) -> None:
    """In a Flask view, or a Celery task: their signals tell of the same exception."""
    for _ in range(2):
        with pytest.raises(ValueError) as caught, RequestBlock(tracker_, open_escapes, "job"):
            raise ValueError
        open_escapes.escaped(caught.value, "request")
        del caught
    assert crashes() == [("request", "ValueError", "job")] * 2


@pytest.mark.parametrize("escape", ["request", "thread", "loop"])
def test_what_fails_at_the_same_place_again_is_another_one(escape: Escape, open_escapes: Escapes, crashes: Any) -> None:
    """It may even have the address of the one before."""

    def fail() -> None:
        try:
            raise ValueError
        except ValueError as error:
            open_escapes.escaped(error, escape)

    for _ in range(5):
        fail()
    assert len(crashes()) == 5


@pytest.mark.parametrize("last", ["loop", "thread"])
def test_what_looks_like_one_that_has_come_to_its_end_is_another(
    last: Escape, open_escapes: Escapes, crashes: Any
) -> None:
    """Same class, same line, same address: the first is dead by then."""
    error = raised(ValueError())
    open_escapes.escaped(error, last)
    open_escapes.escaped(error, "thread")
    assert len(crashes()) == 2


def test_a_supervisor_s_news_of_a_child_are_no_crash_of_its_own(
    open_escapes: Escapes, recorder: Recorder, sink: Any
) -> None:
    """Gunicorn raises ``HaltServer`` where a worker does not boot; of a second one, out of its own end."""

    class HaltServer(Exception):
        pass

    open_escapes.escaped(raised(HaltServer("Worker failed to boot.", 3)), "process")
    assert sink.all("crashed") == []
    assert last_error(recorder)[2] is False


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError])
def test_who_is_asked_to_end_has_not_failed(
    kind: type[BaseException], open_escapes: Escapes, tracker_: Tracker, run: Any, crashes: Any, recorder: Recorder
) -> None:
    """Nor is it about to end the process, but for an exit code that says so."""
    with pytest.raises(kind), RequestBlock(tracker_, open_escapes, "job"), run(INVOKE_AGENT, name="writer"):
        raise kind
    for escape in ESCAPES:
        open_escapes.escaped(raised(kind()), escape)
    assert crashes() == []
    assert last_error(recorder)[2] is False


def test_an_exit_code_ends_the_process_and_is_no_crash(open_escapes: Escapes, crashes: Any, recorder: Recorder) -> None:
    """uvicorn exits with 1 where it cannot import the app."""
    open_escapes.escaped(raised(SystemExit(1)), "import")
    assert crashes() == []
    assert last_error(recorder) == ("SystemExit", "other", True)


def test_an_exit_code_does_not_hide_what_has_failed_before(open_escapes: Escapes, recorder: Recorder) -> None:
    """uvicorn exits with 3 when a lifespan has failed, some time later."""
    open_escapes.escaped(raised(ValueError()), "lifespan", "lifespan")
    open_escapes.escaped(raised(SystemExit(3)), "process")
    assert last_error(recorder)[::2] == ("ValueError", True)


@pytest.mark.parametrize("escape", ["import", "lifespan", "process"])
def test_what_ends_the_process_is_noted_as_that(escape: Escape, open_escapes: Escapes, recorder: Recorder) -> None:
    """Also where it was seen before, by a run."""
    error = raised(ValueError())
    open_escapes.escaped(error, "request")
    assert last_error(recorder)[2] is False
    open_escapes.escaped(error, escape)
    assert (last_error(recorder)[0], last_error(recorder)[2]) == ("ValueError", True)


def test_nothing_is_told_before_the_process_is_of_interest(escapes: Escapes, recorder: Recorder, crashes: Any) -> None:
    """A process without AutoGen and without a server fails as it likes."""
    for escape in ESCAPES:
        escapes.escaped(raised(ValueError()), escape)
    assert crashes() == []
    recorder.open()
    escapes.escaped(raised(ValueError()), "thread")
    assert crashes() == [("thread", "ValueError", "")]


def test_nothing_is_told_when_switched_off(open_escapes: Escapes, run: Any, crashes: Any) -> None:
    """By nobody."""
    open_escapes.switch_off()
    for escape in ESCAPES:
        open_escapes.escaped(raised(ValueError()), escape)
    with pytest.raises(ValueError), run(INVOKE_AGENT, name="writer"):
        raise ValueError
    assert crashes() == []


# --- when ------------------------------------------------------------------------------------------------------------


def test_the_phase_is_that_of_what_it_ended(open_escapes: Escapes, tracker_: Tracker, sink: Any) -> None:
    """A lifespan fails while the app starts, or while it shuts down."""
    # All of them alive: one that is gone may leave its place to the next.
    first, second, third, fourth, fifth = (raised(ValueError()) for _ in range(5))
    tracker_.phases.begin_starting()
    open_escapes.escaped(first, "lifespan")
    open_escapes.escaped(second, "import")
    tracker_.phases.become_ready()
    open_escapes.escaped(third, "request")
    open_escapes.escaped(fourth, "thread")
    tracker_.phases.drain()
    open_escapes.escaped(fifth, "lifespan")
    assert [crash.phase for crash in sink.all("crashed")] == ["startup", "import", "request", "background", "draining"]


def test_an_import_that_failed_is_named(sink: Any, tracker_: Tracker, recorder: Recorder) -> None:
    """Where that is what ended the process; what the app's code is refused then is configuration."""
    error = raised(ModuleNotFoundError("No module named 'chromadb'", name="chromadb"))
    escapes = Escapes(sink, tracker_.phases, recorder, "known", lambda: ("app", error), 1.5, SiteFinder(()))
    recorder.open()
    escapes.escaped(error, "process")
    (crash,) = sink.all("crashed")
    assert (crash.escaped, crash.operation, crash.phase) == ("import", "import app", "import")
    assert crash.category == "missing_module"
    assert last_error(recorder) == ("ModuleNotFoundError", "missing_module", True)


def test_an_import_that_fails_in_a_request_ends_that_request(sink: Any, tracker_: Tracker, recorder: Recorder) -> None:
    """Not the process, which goes on to serve."""
    error = raised(ModuleNotFoundError("No module named 'chromadb'", name="chromadb"))
    escapes = Escapes(sink, tracker_.phases, recorder, "known", lambda: ("chromadb", error), 1.5, SiteFinder(()))
    recorder.open()
    escapes.escaped(error, "request", "job")
    (crash,) = sink.all("crashed")
    assert (crash.escaped, crash.operation) == ("request", "job")
    assert last_error(recorder)[2] is False


# --- messages --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "message"),
    [("none", ""), ("known", "No module named 'chromadb'"), ("all", "No module named 'chromadb', said the user")],
)
def test_a_message_is_told_as_the_setting_has_it(
    mode: Any, message: str, sink: Any, tracker_: Tracker, recorder: Recorder
) -> None:
    """A library's own words, the whole, or nothing."""
    escapes = Escapes(sink, tracker_.phases, recorder, mode, lambda: None, 1.5, SiteFinder(()))
    recorder.open()
    escapes.escaped(raised(ModuleNotFoundError("No module named 'chromadb', said the user")), "request")
    (crash,) = sink.all("crashed")
    assert crash.message == message


def test_no_secret_is_told_in_any_mode(sink: Any, tracker_: Tracker, recorder: Recorder) -> None:
    """Neither in the message nor in the stack."""
    recorder.open()
    for mode in ("none", "known", "all"):
        escapes = Escapes(sink, tracker_.phases, recorder, mode, lambda: None, 1.5, SiteFinder(()))  # type: ignore[arg-type]
        escapes.escaped(raised(ValueError(f"api_key={CANARY}")), "request")
    assert len(sink.all("crashed")) == 3
    assert all(CANARY not in repr(crash) for crash in sink.all("crashed"))


# --- threads, and tasks that nobody awaits ---------------------------------------------------------------------------


def test_a_thread_that_fails_is_told_and_the_hook_that_was_there_still_hears(
    open_escapes: Escapes, monkeypatch: pytest.MonkeyPatch, crashes: Any
) -> None:
    """Whatever the app does about its threads."""
    heard: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", Wrapper(heard.append, noted_call(open_escapes.thread_ended, None)))

    def fail() -> None:
        raise ValueError

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    assert [args.exc_type for args in heard] == [ValueError]
    assert crashes() == [("thread", "ValueError", "")]


def test_a_thread_that_exits_has_not_failed(open_escapes: Escapes, crashes: Any) -> None:
    """And one whose exception is gone tells nothing."""
    for value in (SystemExit(1), None):
        open_escapes.thread_ended(threading.ExceptHookArgs((ValueError, value, None, None)))
    assert crashes() == []


def test_a_task_that_nobody_awaits_is_told_and_the_handler_that_was_there_still_hears(
    open_escapes: Escapes, monkeypatch: pytest.MonkeyPatch, crashes: Any
) -> None:
    """Only tasks: a loop complains of a lot of other things."""
    wrapper = noted_call(open_escapes.loop_complained, None)
    original = asyncio.BaseEventLoop.call_exception_handler
    monkeypatch.setattr(asyncio.BaseEventLoop, "call_exception_handler", Wrapper(original, wrapper))
    heard: list[Any] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: heard.append(context))

        async def fail() -> None:
            raise ValueError

        task = asyncio.create_task(fail())
        await asyncio.wait([task])
        del task
        loop.call_exception_handler({"message": "the transport is broken", "exception": raised(OSError())})
        loop.call_exception_handler({"message": "no exception at all"})
        loop.call_exception_handler(context={"message": "by name", "exception": raised(KeyError()), "task": None})

    asyncio.run(main())
    assert crashes() == [("loop", "ValueError", ""), ("loop", "KeyError", "")]
    assert [context["message"] for context in heard] == [
        "Task exception was never retrieved",
        "the transport is broken",
        "no exception at all",
        "by name",
    ]


# --- whole processes -------------------------------------------------------------------------------------------------


HARNESS = """
import atexit, sys
import autogen_vitals
from observed import Vitals
vitals = Vitals()
vitals.tracer_provider._atexit_handler = vitals.meter_provider._atexit_handler = None

def tell():
    for event in vitals.events("autogen.crash"):
        attributes = event.attributes
        print("crash", attributes["error.type"], attributes["autogen.phase"], file=sys.stderr)

atexit.register(tell)
vitals.enable(state_dir=sys.argv[1])
import autogen_core
"""

PROGRAMS = {
    "script": ("raise LookupError('the end')", ["crash LookupError startup"]),
    "asyncio.run": (
        "import asyncio\nasync def main():\n    raise LookupError('the end')\nasyncio.run(main())",
        ["crash LookupError startup"],
    ),
    "failed import": ("import app_that_fails", ["crash LookupError import"]),
    "thread": (
        "import threading\ndef fail(): raise LookupError\nt = threading.Thread(target=fail)\nt.start()\nt.join()",
        ["crash LookupError startup"],
    ),
    "sys.exit": ("sys.exit(3)", []),
    "ctrl-c": ("raise KeyboardInterrupt", []),
    "caught": ("try:\n    raise LookupError\nexcept LookupError: pass", []),
    "interactive": ("sys.ps1 = '>>> '\nraise LookupError('the end')", []),
    "notebook": (
        (
            "def run_cell(source):\n"
            "    try:\n"
            "        exec(compile(source, 'cell', 'exec'), {'__name__': '__main__'})\n"
            "    except LookupError as error:\n"
            "        sys.last_value = sys.last_exc = error\n"
            "run_cell('raise LookupError')"
        ),
        [],
    ),
}


def run_python(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """With this test's modules."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment, **options)


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_ends_a_program_is_told(name: str, tmp_path: Path) -> None:
    """As the interpreter has it: once, and the exit code and what it prints are its own."""
    body, expected = PROGRAMS[name]
    (tmp_path / "app_that_fails.py").write_text("raise LookupError('the end')")
    script = tmp_path / "program.py"
    script.write_text(HARNESS + body + "\n")
    plain = tmp_path / "plain.py"
    plain.write_text("import sys\n" + body + "\n")
    state = str(tmp_path / "state")
    with_us, without = (run_python(str(path), state) for path in (script, plain))
    told = [line for line in with_us.stderr.splitlines() if line.startswith("crash ")]
    assert told == expected, with_us.stderr
    assert with_us.returncode == without.returncode
    printed = [line for line in with_us.stderr.splitlines() if not line.startswith("crash ")]
    assert printed[-1:] == without.stderr.splitlines()[-1:]
    assert os.listdir(state) == []


def test_a_program_run_as_a_module_is_one_too(tmp_path: Path) -> None:
    """``python -m``: runpy's frames come first."""
    (tmp_path / "program.py").write_text(HARNESS + "raise LookupError('the end')\n")
    told = run_python("-m", "program", str(tmp_path / "state"), cwd=tmp_path)
    assert "crash LookupError startup" in told.stderr
    assert told.returncode == 1


# --- never hurts -----------------------------------------------------------------------------------------------------


def test_it_never_raises(open_escapes: Escapes, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it is given, and whatever an exception's class thinks of."""
    caplog.set_level(logging.CRITICAL)

    class Hostile(Exception):
        def __str__(self) -> str:
            raise LookupError

        def __eq__(self, other: object) -> bool:
            raise LookupError

        __hash__ = None  # type: ignore[assignment]

        def __bool__(self) -> bool:
            raise LookupError

    hostile = raised(Hostile())
    open_escapes.escaped(hostile, "request")
    open_escapes.thread_ended(None)  # type: ignore[arg-type]
    open_escapes.loop_complained(None)  # type: ignore[arg-type]
    open_escapes.observed(None, hostile)  # type: ignore[arg-type]
    open_escapes.main_thread_ended()
