"""The exit record as a reader finds it: what this process is at, right now."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.crashes.layout import SLOT_COUNT, read
from autogen_vitals.crashes.record import ExitRecord
from autogen_vitals.crashes.reports import Flight, LastWords
from autogen_vitals.lifecycle.imports import ImportFinder
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, INVOKE_AGENT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exit records need Linux")

CANARY = "sk-canary-0123456789"


def records(recorder: Recorder) -> dict[int, LastWords]:
    """What the folder holds, by the pid of who wrote it."""
    folder = recorder.directory
    found = [] if folder is None else [read(path.read_bytes()) for path in folder.glob("*.exit")]
    return {words.identity.pid: words for words in found if words is not None}


def words(recorder: Recorder) -> LastWords:
    """What this process's own record says."""
    return records(recorder)[os.getpid()]


def doing(recorder: Recorder) -> list[tuple[str, str]]:
    """What it says is going on: operation and phase."""
    return [(flight.operation, flight.phase) for flight in words(recorder).flights]


def flight(recorder: Recorder) -> Flight:
    """The only thing that is going on."""
    (only,) = words(recorder).flights
    return only


@pytest.fixture
def spans(sink: Any) -> Callable[[], tuple[int, int]]:
    """Gives each observation a span of its own; answers the last one's ids."""
    given: list[tuple[int, int]] = []

    def started(observation: Any) -> None:
        observation.span = (0xABC, len(given) + 1)
        given.append(observation.span)

    sink.started = started
    return lambda: given[-1]


# --- from when on ----------------------------------------------------------------------------------------------------


def test_nothing_is_kept_before_the_process_is_of_interest(
    recorder: Recorder, tracker_: Tracker, run: Any, tmp_path: Path
) -> None:
    """Whatever happens in it, no folder is made."""
    assert not recorder.is_open
    with run(INVOKE_AGENT, name="writer"):
        tracker_.requests.open()
        recorder.importing("app")
        recorder.failed("ValueError", None, fatal=True)
    recorder.beat()
    assert recorder.ended() is None
    assert list(tmp_path.iterdir()) == []


def test_an_open_record_says_who_and_how_far(recorder: Recorder, tracker_: Tracker, sink: Any) -> None:
    """Private, and the sink knows of it."""
    recorder.open()
    first = words(recorder)
    assert (first.state, first.uses_autogen, first.supervises, first.flights) == ("starting", False, False, ())
    assert first.identity.service == {"service.name": "shop"}
    assert first.identity.created_ns == process.facts.creation_time.wall_ns
    assert first.identity.start_ticks > 0
    assert sink.all("recording") == [True]
    assert recorder.directory is not None
    for path in recorder.directory.glob("*.exit"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    recorder.open(uses_autogen=True)
    tracker_.phases.become_ready()
    second = words(recorder)
    assert (second.state, second.uses_autogen) == ("ready", True)
    assert second.heartbeat_ns >= first.heartbeat_ns
    assert len(records(recorder)) == 1
    tracker_.phases.drain()
    assert words(recorder).state == "draining"


def test_it_says_that_it_waits_for_children(recorder: Recorder) -> None:
    """Which makes a process of interest."""
    recorder.supervises()
    assert words(recorder).supervises


# --- what is going on ------------------------------------------------------------------------------------------------


def test_it_says_the_innermost_run_and_then_the_outer_one_again(
    recorder: Recorder, run: Any, spans: Callable[[], tuple[int, int]]
) -> None:
    """With the ids of its span."""
    recorder.open()
    with run(INVOKE_AGENT, name="writer"):
        outer = spans()
        assert (flight(recorder).operation, flight(recorder).phase) == ("invoke_agent writer", "request")
        assert (flight(recorder).trace_id, flight(recorder).span_id) == outer
        began_ns = flight(recorder).began_ns
        with run(CHAT, name="gpt-4o"):
            assert flight(recorder).operation == "chat gpt-4o"
            assert (flight(recorder).trace_id, flight(recorder).span_id) == spans() != outer
            assert flight(recorder).began_ns == began_ns
        assert flight(recorder).operation == "invoke_agent writer"
        assert (flight(recorder).trace_id, flight(recorder).span_id) == outer
    assert words(recorder).flights == ()


def test_going_back_to_the_outer_run_is_a_sign_of_life_of_now(recorder: Recorder, run: Any) -> None:
    """Not of when the outer one began."""
    recorder.open()
    with run(INVOKE_AGENT, name="writer"):
        with run(CHAT, name="gpt-4o"):
            inner_ns = time.time_ns()
        assert words(recorder).heartbeat_ns >= inner_ns


def test_a_request_is_one_flight_whatever_runs_in_it(
    recorder: Recorder, tracker_: Tracker, run: Any, spans: Callable[[], tuple[int, int]]
) -> None:
    """Without AutoGen it is a flight too, and it has its span as soon as that is known."""
    recorder.open()
    token = tracker_.requests.begin("checkout")
    assert token is not None
    assert doing(recorder) == [("", "request")]
    assert (flight(recorder).trace_id, flight(recorder).span_id) == (0, 0)
    tracker_.requests.spanned(token[0], (0xF00, 0xBA))
    assert (flight(recorder).trace_id, flight(recorder).span_id) == (0xF00, 0xBA)
    with run(INVOKE_AGENT, name="writer"):
        assert doing(recorder) == [("invoke_agent writer", "request")]
    assert doing(recorder) == [("", "request")]
    assert (flight(recorder).trace_id, flight(recorder).span_id) == (0xF00, 0xBA)
    tracker_.requests.end(token)
    assert doing(recorder) == []


def test_a_run_without_a_span_is_told_with_that_of_what_it_is_in(
    recorder: Recorder, tracker_: Tracker, run: Any
) -> None:
    """The trace ends there, so far as there is one."""
    recorder.open()
    token = tracker_.requests.begin("checkout", (0xF00, 0xBA))
    assert token is not None
    with run(INVOKE_AGENT, name="writer"), run(EXECUTE_TOOL, name="search"):
        assert (flight(recorder).trace_id, flight(recorder).span_id) == (0xF00, 0xBA)
    tracker_.requests.end(token)


def test_requests_at_the_same_time_are_flights_of_their_own(recorder: Recorder, tracker_: Tracker) -> None:
    """What began first comes first; the end of one leaves the others."""
    recorder.open()
    first, second = tracker_.requests.open("a", (1, 1)), tracker_.requests.open("b", (2, 2))
    assert [flight.trace_id for flight in words(recorder).flights] == [1, 2]
    tracker_.requests.finish(first, None)
    assert [flight.trace_id for flight in words(recorder).flights] == [2]
    tracker_.requests.finish(second, None)
    assert doing(recorder) == []


def test_a_request_that_began_before_the_record_has_its_run_told(
    recorder: Recorder, tracker_: Tracker, run: Any
) -> None:
    """The run has a flight of its own then, and takes it along."""
    request = tracker_.requests.begin("checkout")
    recorder.open()
    with run(INVOKE_AGENT, name="writer"):
        assert doing(recorder) == [("invoke_agent writer", "request")]
    assert doing(recorder) == []
    assert request is not None


def test_an_init_outside_of_requests_has_its_own_flight(recorder: Recorder, init: Any) -> None:
    """A nested one is what it is at."""

    class Nested:
        pass

    recorder.open()
    with init():
        assert doing(recorder) == [("init Component", "startup")]
        with init(Nested()):
            assert doing(recorder) == [("init " + Nested.__qualname__, "startup")]
        assert doing(recorder) == [("init Component", "startup")]
    assert doing(recorder) == []


def test_more_at_once_than_there_is_room_for_is_left_out(recorder: Recorder, tracker_: Tracker) -> None:
    """And all the room is there again afterwards."""
    recorder.open()
    requests = [tracker_.requests.open(str(number)) for number in range(SLOT_COUNT + 5)]
    assert len(words(recorder).flights) == SLOT_COUNT
    for request in requests:
        tracker_.requests.finish(request, None)
    assert doing(recorder) == []
    again = [tracker_.requests.open() for _ in range(SLOT_COUNT)]
    assert len(words(recorder).flights) == SLOT_COUNT
    assert again


def test_a_name_that_has_no_utf_8_is_told_as_far_as_it_has(recorder: Recorder, run: Any) -> None:
    """Half a surrogate pair, from a model that was cut off."""
    recorder.open()
    with run(EXECUTE_TOOL, name="x\ud83d"):
        assert doing(recorder) == [("execute_tool x?", "request")]


# --- imports ---------------------------------------------------------------------------------------------------------


def test_it_says_what_is_being_imported(recorder: Recorder) -> None:
    """Innermost, then what that is part of, then nothing."""
    recorder.open()
    recorder.importing("app")
    recorder.importing("autogen_agentchat")
    assert doing(recorder) == [("import autogen_agentchat", "import")]
    recorder.importing("app")
    assert doing(recorder) == [("import app", "import")]
    recorder.importing(None)
    assert doing(recorder) == []


def test_each_thread_s_import_is_a_flight_of_its_own(recorder: Recorder) -> None:
    """The end of one is not that of another, and none stays behind."""
    recorder.open()
    recorder.importing("app")
    other = threading.Thread(target=recorder.importing, args=("plugin",))
    other.start()
    other.join()
    assert sorted(doing(recorder)) == [("import app", "import"), ("import plugin", "import")]
    recorder.importing(None)
    assert doing(recorder) == [("import plugin", "import")]
    recorder.reached("ready")
    assert doing(recorder) == []


def test_the_import_finder_tells_it(recorder: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real import, as it looks from inside of it; one that fails is over too."""
    (tmp_path / "inner_of_it.py").write_text("import builtins; builtins.look()")
    (tmp_path / "outer_of_it.py").write_text("import builtins, inner_of_it; builtins.look(); raise LookupError")
    monkeypatch.syspath_prepend(str(tmp_path))
    seen: list[Any] = []
    monkeypatch.setattr("builtins.look", lambda: seen.append(doing(recorder)), raising=False)
    finder = ImportFinder(lambda begin, end: None, recorder.importing)
    recorder.open()
    finder.install()
    try:
        with pytest.raises(LookupError):
            import outer_of_it  # type: ignore[import-not-found]  # noqa: F401
    finally:
        finder.remove()
    assert seen == [[("import inner_of_it", "import")], [("import outer_of_it", "import")]]
    assert doing(recorder) == []


# --- its end ---------------------------------------------------------------------------------------------------------


def test_system_exit_in_the_main_thread_leaves_what_it_interrupted(
    recorder: Recorder, tracker_: Tracker, run: Any
) -> None:
    """As gunicorn ends a worker that does not answer: the request and the run in it are over for the app."""
    recorder.open()
    request = tracker_.requests.begin("checkout")
    assert request is not None
    with pytest.raises(SystemExit), run(INVOKE_AGENT, name="writer"), run(EXECUTE_TOOL, name="search"):
        raise SystemExit(1)
    tracker_.requests.end(request)
    assert flight(recorder).interrupted
    assert flight(recorder).operation == "execute_tool search"


def test_system_exit_in_another_thread_ends_that_thread_only(recorder: Recorder, run: Any) -> None:
    """The process goes on."""
    recorder.open()

    def body() -> None:
        with suppress(SystemExit), run(INVOKE_AGENT, name="writer"):
            raise SystemExit(1)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    assert doing(recorder) == []


def test_a_clean_end_leaves_no_file(recorder: Recorder, tracker_: Tracker, moments: Moments) -> None:
    """Neither the record nor the stack's."""
    recorder.open()
    tracker_.phases.become_ready()
    assert recorder.directory is not None
    moments.exiting()
    assert list(recorder.directory.iterdir()) == []


def test_an_end_by_an_exception_has_last_words(recorder: Recorder, moments: Moments, sink: Any) -> None:
    """Nobody waits for this process, so it says so itself, and takes its file along."""
    recorder.open(uses_autogen=True)
    recorder.failed("KeyError", "missing_credentials", fatal=True)
    moments.exiting()
    (exited,) = sink.all("exited")
    assert (exited.observed_by, exited.error_type, exited.category) == ("self", "KeyError", "missing_credentials")
    assert exited.victim.pid == os.getpid()
    assert exited.is_crash
    assert recorder.directory is not None
    assert list(recorder.directory.iterdir()) == []


def test_who_is_waited_for_leaves_the_record_to_its_supervisor(
    recorder: Recorder, deaths: Any, in_fork: Callable[..., Any], sink: Any
) -> None:
    """Marked as ended; and it does not tell of its own end."""
    recorder.supervises()

    def child() -> Any:
        recorder.failed("KeyError", "missing_credentials", fatal=True)
        return [recorder.ended(), os.getpid()]

    ended, pid = in_fork(child)
    assert ended is None
    left = records(recorder)[pid]
    assert (left.state, left.fatal, left.error_type) == ("ended", True, "KeyError")
    assert sink.all("exited") == []


def test_a_parent_that_does_not_wait_is_no_supervisor(recorder: Recorder, in_fork: Callable[..., Any]) -> None:
    """Its record does not say that it supervises."""
    recorder.open()

    def child() -> Any:
        recorder.ended()
        return sorted(records(recorder))

    assert in_fork(child) == [os.getpid()]


def test_a_server_that_starts_again_has_a_record_again(recorder: Recorder, moments: Moments) -> None:
    """As test clients and reloads in one process do."""
    recorder.open()
    moments.reached("ending")
    assert records(recorder) == {}
    moments.reached("starting")
    assert words(recorder).state == "starting"


def test_what_is_switched_off_keeps_nothing(recorder: Recorder, moments: Moments, in_fork: Callable[..., Any]) -> None:
    """Not in a child that is forked later either, nor for a server that starts again."""
    recorder.open()
    recorder.switch_off()
    moments.reached("starting")
    assert records(recorder) == {}
    assert in_fork(lambda: sorted(records(recorder))) == []


# --- forked children -------------------------------------------------------------------------------------------------


def test_a_forked_child_keeps_a_record_of_its_own(
    recorder: Recorder, tracker_: Tracker, run: Any, in_fork: Callable[..., Any]
) -> None:
    """What the parent is at is not its business, and it leaves the parent's record alone."""
    recorder.open(uses_autogen=True)
    recorder.supervises()
    parent = os.getpid()

    def child() -> Any:
        with run(CHAT, name="gpt-4o"):
            mine = words(recorder)
            return [
                sorted(records(recorder)) == sorted([parent, os.getpid()]),
                [flight.operation for flight in mine.flights],
                mine.identity.parent_pid,
                mine.uses_autogen,
                mine.supervises,
                mine.identity.uid != records(recorder)[parent].identity.uid,
            ]

    with run(INVOKE_AGENT, name="writer"):
        before = words(recorder)
        assert in_fork(child) == [True, ["chat gpt-4o"], parent, True, False, True]
        assert words(recorder) == before
        assert doing(recorder) == [("invoke_agent writer", "request")]
    assert doing(recorder) == []


def test_what_a_child_ends_of_the_parent_s_changes_neither_record(
    recorder: Recorder, tracker_: Tracker, run: Any, in_fork: Callable[..., Any]
) -> None:
    """A fork in the middle of a run: the child leaves the run, too."""
    recorder.open()
    request = tracker_.requests.begin("checkout")
    assert request is not None
    running = run(INVOKE_AGENT, name="writer")

    def child() -> Any:
        running.__exit__(None, None, None)
        tracker_.requests.end(request)
        # It has done nothing of its own yet.
        return [path.name for path in recorder.directory.glob(f"*-{os.getpid()}-*.exit")]  # type: ignore[union-attr]

    assert in_fork(child) == []
    assert doing(recorder) == [("invoke_agent writer", "request")]
    running.__exit__(None, None, None)


def test_a_child_that_is_killed_leaves_what_it_was_doing(recorder: Recorder, run: Any) -> None:
    """By SIGKILL, in the middle of a tool."""
    recorder.open()
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        with run(INVOKE_AGENT, name="writer"), run(EXECUTE_TOOL, name="search"):
            os.write(write_end, b".")
            signal.pause()
        os._exit(0)
    os.read(read_end, 1)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert [flight.operation for flight in records(recorder)[child].flights] == ["execute_tool search"]


def test_a_parent_without_a_record_has_children_without_one(recorder: Recorder, in_fork: Callable[..., Any]) -> None:
    """Until they are of interest themselves."""

    def child() -> Any:
        before = recorder.directory
        recorder.open()
        return [before, sorted(records(recorder)) == [os.getpid()]]

    assert in_fork(child) == [None, True]


# --- where it cannot be ----------------------------------------------------------------------------------------------


def test_where_no_folder_will_do_there_is_none_and_one_line_says_so(
    sink: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture, in_fork: Callable[..., Any]
) -> None:
    """The app goes on, and so do its children."""
    (tmp_path / "file").write_text("")
    recorder = Recorder(sink, str(tmp_path / "file" / "state"), enabled=True)
    recorder.open(uses_autogen=True)
    recorder.open()
    recorder.supervises()
    recorder.reached("ready")
    assert recorder.ended() is None
    assert sink.all("recording") == [False]
    (line,) = (record.getMessage() for record in caplog.records)
    assert "Not a directory" in line
    assert "OTEL_PYTHON_AUTOGEN_STATE_DIR" in line
    assert in_fork(lambda: sink.all("recording")) == [False]


def test_who_wants_none_gets_none(sink: Any, tmp_path: Path) -> None:
    """Nothing is tried, nothing is said."""
    recorder = Recorder(sink, str(tmp_path / "state"), enabled=False)
    recorder.open(uses_autogen=True)
    recorder.reached("ready")
    assert recorder.is_open
    assert list(tmp_path.iterdir()) == []
    assert sink.told == []


def test_a_full_folder_is_one_that_will_not_do(
    recorder: Recorder, sink: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the reason."""
    monkeypatch.setattr("autogen_vitals.crashes.record.ENTRY_LIMIT", -1)
    recorder.open()
    assert sink.all("recording") == [False]
    assert len(caplog.records) == 1


# --- nothing secret --------------------------------------------------------------------------------------------------


def test_no_secret_is_in_its_bytes(
    recorder: Recorder, escapes: Any, tracker_: Tracker, run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from the environment, a message, an argument, or a request's name; a tool's name is not one."""
    monkeypatch.setenv("OPENAI_API_KEY", CANARY)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={CANARY}")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"https://user:{CANARY}@collector")
    tracker_.failed = escapes.observed
    recorder = Recorder(recorder._sink, recorder._given, enabled=True)
    tracker_.recorder = tracker_.requests._recorder = escapes._recorder = recorder
    recorder.open(uses_autogen=True)
    tracker_.requests.begin(f"POST /?key={CANARY}")
    with pytest.raises(ValueError), run(EXECUTE_TOOL, name="search", arguments=CANARY):
        raise ValueError(f"cannot use {CANARY}")
    escapes.escaped(ValueError(CANARY), "process")
    with run(EXECUTE_TOOL, name="visible_name"):
        assert recorder.directory is not None
        for path in recorder.directory.iterdir():
            assert CANARY not in path.name
            assert CANARY.encode() not in path.read_bytes()
        assert any(b"visible_name" in path.read_bytes() for path in recorder.directory.iterdir())
    recorder.forget()


# --- whose processes report one another ------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_another_service_or_another_place_to_tell_it_is_another_group(
    variable: str, recorder: Recorder, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One does not report the other's dead."""
    assert Recorder(sink, "", enabled=True).group == recorder.group
    monkeypatch.setenv(variable, "http://elsewhere")
    assert Recorder(sink, "", enabled=True).group != recorder.group


def test_it_never_raises(recorder: Recorder, tracker_: Tracker, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that fails in every way: the app's runs, requests and imports go on."""
    recorder.open()

    def broken(*_: object, **__: object) -> None:
        raise LookupError

    for name in ("begin", "change", "end", "interrupt", "note", "error", "identify", "words"):
        monkeypatch.setattr(ExitRecord, name, broken)
    token = tracker_.requests.begin("checkout")
    assert token is not None
    with run(INVOKE_AGENT, name="writer"), run(CHAT, name="gpt-4o"):
        recorder.importing("x")
        recorder.beat()
        recorder.failed("ValueError", None, fatal=True)
        recorder.reached("ready")
    tracker_.requests.end(token)
    assert recorder.ended() is None


def test_a_real_process_that_is_killed_leaves_a_record_that_says_all(tmp_path: Path) -> None:
    """Zero code on the victim's side but ``enable()``."""
    script = tmp_path / "victim.py"
    script.write_text(
        "import sys, time, autogen_vitals\n"
        f"autogen_vitals.enable(state_dir={str(tmp_path / 'state')!r})\n"
        "import autogen_agentchat\n"
        "with autogen_vitals.request('job'):\n"
        "    print('now', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE) as victim:
        assert victim.stdout is not None
        victim.stdout.readline()
        victim.kill()
    (path,) = (tmp_path / "state").glob("*.exit")
    last = read(path.read_bytes())
    assert last is not None
    assert last.identity.pid == victim.pid
    assert (last.state, last.uses_autogen) == ("ready", True)
    assert [(flight.operation, flight.phase) for flight in last.flights] == [("", "request")]
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
