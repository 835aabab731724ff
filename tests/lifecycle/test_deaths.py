"""Processes that really die, and who tells of them: once each, and not before somebody has heard it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.lifecycle import deaths as deaths_module
from autogen_vitals.lifecycle.deaths import Deaths
from autogen_vitals.lifecycle.process import ProcessFacts, current as process
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import CHAT, INVOKE_AGENT
from autogen_vitals.wrapping.life import noted_call
from autogen_vitals.wrapping.proxy import Wrapper

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="exit records need Linux")


class Server:
    """A supervisor: it forks workers, sends them signals and waits for them, as the instrumented functions have it."""

    def __init__(self, deaths: Deaths, recorder: Recorder, tracker: Tracker, run: Any) -> None:
        self.deaths, self.recorder, self.tracker, self.run = deaths, recorder, tracker, run
        self.kill: Any = Wrapper(os.kill, noted_call(deaths.sent, None))
        self.waitpid: Any = Wrapper(os.waitpid, noted_call(None, deaths.reaped))
        self._children: set[int] = set()

    def supervise(self) -> None:
        self.recorder.open(uses_autogen=True)
        self.recorder.supervises()
        self.deaths.supervises()

    def fork(self, work: Callable[[], object]) -> int:
        """A worker that works, and then waits for its end. Returns when it has worked."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.close(read)
                work()
                os.write(write, b".")
                signal.pause()
            finally:
                os._exit(99)
        os.close(write)
        os.read(read, 1)
        os.close(read)
        self._children.add(child)
        return child

    def worker(self, end: Callable[[], object] | None = None) -> int:
        """One that is in the middle of a chat, in which it ends in its own way."""

        def work() -> None:
            self.recorder.open(uses_autogen=True)
            self.tracker.phases.become_ready()
            self.run(INVOKE_AGENT, name="writer")
            self.run(CHAT, name="gpt-4o")
            if end is not None:
                end()

        return self.fork(work)

    def reap(self, child: int) -> tuple[int, int]:
        """Wait for it."""
        answer = self.waitpid(child, 0)
        self._children.discard(child)
        return answer

    def settle(self) -> None:
        """Until all has been reported that there is to report."""
        wait_until(lambda: not self.deaths._ends and not self.deaths._look_around)
        with_lock(self.deaths)

    def stop(self) -> None:
        for child in self._children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def wait_until(is_so: Callable[[], bool]) -> None:
    """For what another thread does; a minute is for ever."""
    deadline = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def with_lock(deaths: Deaths) -> None:
    """Until the thread has finished."""
    assert deaths._at_work.acquire(timeout=60)
    deaths._at_work.release()


def files(recorder: Recorder) -> list[str]:
    """Records, but for this process's own."""
    folder = recorder.directory
    mine = f"-{os.getpid()}-"
    return [] if folder is None else sorted(path.name for path in folder.glob("*.exit") if mine not in path.name)


@pytest.fixture(autouse=True)
def _is_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    # Judged by what is imported, and another test may have imported gunicorn.
    monkeypatch.setattr(ProcessFacts, "server", "plain")


@pytest.fixture
def server(deaths: Deaths, recorder: Recorder, tracker_: Tracker, run: Any) -> Iterator[Server]:
    """One; it is a supervisor only when it says so."""
    server = Server(deaths, recorder, tracker_, run)
    yield server
    server.stop()
    server.settle()


@pytest.fixture
def supervisor(server: Server) -> Server:
    """One that supervises, and says so."""
    server.supervise()
    return server


# --- what a supervisor sees ------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_is_reported_once_with_what_it_was_doing(supervisor: Server, sink: Any) -> None:
    """By SIGKILL from elsewhere."""
    child = supervisor.worker()
    os.kill(child, signal.SIGKILL)
    answer = supervisor.reap(child)
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.observed_by, exited.signal, exited.code) == ("signal", "supervisor", 9, None)
    assert answer == (child, 9)
    assert (exited.victim.pid, exited.victim.parent_pid) == (child, os.getpid())
    assert exited.victim.service == {"service.name": "shop"}
    assert exited.phase == "request"
    assert [flight.operation for flight in exited.flights] == ["chat gpt-4o"]
    assert exited.boot_failures == 0
    assert sink.deliveries == [5.0]
    assert files(supervisor.recorder) == []


def test_a_worker_that_leaves_by_itself_is_reported_with_its_code(supervisor: Server, sink: Any) -> None:
    """By os._exit, of which nobody else would know."""
    supervisor.reap(supervisor.worker(lambda: os._exit(7)))
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.signal, exited.code) == ("unknown", None, 7)
    assert exited.is_crash
    assert files(supervisor.recorder) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_its_supervisor_stops_is_no_crash(number: int, supervisor: Server, sink: Any) -> None:
    """Whatever it was in the middle of. There is nothing to deliver at once."""
    child = supervisor.fork(lambda: signal.signal(number, signal.SIG_DFL))
    supervisor.kill(child, number)
    supervisor.reap(child)
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.signal) == ("drained", number)
    assert sink.deliveries == []
    assert files(supervisor.recorder) == []


def test_a_worker_that_comes_to_its_end_is_no_crash(supervisor: Server, sink: Any) -> None:
    """With code 0."""
    supervisor.reap(supervisor.worker(lambda: os._exit(0)))
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.code) == ("clean", 0)
    assert files(supervisor.recorder) == []


def test_signals_that_end_nobody_are_not_what_ended_it(supervisor: Server, sink: Any) -> None:
    """Signal 0 asks whether it is there, others talk to it. The kernel, or somebody, has killed it."""
    child = supervisor.fork(lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN))
    for number in (0, signal.SIGUSR1):
        supervisor.kill(child, number)
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    supervisor.settle()
    assert [exited.reason for exited in sink.all("exited")] == ["signal"]


def test_the_first_signal_that_would_end_it_says_why(supervisor: Server, sink: Any) -> None:
    """Asked to stop, and killed for taking too long over it: it was asked to stop."""
    child = supervisor.fork(lambda: signal.signal(signal.SIGTERM, signal.SIG_IGN))
    supervisor.kill(child, signal.SIGTERM)
    supervisor.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.signal) == ("drained", signal.SIGKILL)


def test_who_is_asked_about_in_vain_is_not_dead(supervisor: Server, sink: Any) -> None:
    """WNOHANG of a child that lives, and a child that is stopped and goes on."""
    child = supervisor.worker()
    assert supervisor.waitpid(child, os.WNOHANG) == (0, 0)
    os.kill(child, signal.SIGSTOP)
    supervisor.waitpid(child, os.WUNTRACED)
    os.kill(child, signal.SIGCONT)
    supervisor.settle()
    assert sink.all("exited") == []
    assert len(files(supervisor.recorder)) == 1


def test_the_answers_of_the_app_s_own_calls_are_the_originals(supervisor: Server) -> None:
    """And their exceptions."""
    with pytest.raises(ChildProcessError):
        supervisor.waitpid(os.getpid(), 0)
    with pytest.raises(ProcessLookupError):
        supervisor.kill(2**22 + 1, 0)
    with pytest.raises(TypeError):
        supervisor.kill("no pid")
    assert supervisor.kill(os.getpid(), 0) is None


def test_a_worker_that_has_left_no_record_is_reported_by_a_supervisor(supervisor: Server, sink: Any) -> None:
    """As far as it can be."""
    child = supervisor.fork(supervisor.recorder.forget)
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.signal, exited.victim.pid) == ("signal", 9, child)
    assert (exited.victim.parent_pid, exited.flights) == (os.getpid(), ())


def test_a_program_that_an_app_runs_is_no_worker(server: Server, sink: Any) -> None:
    """It has no record, and its parent is no server."""
    server.recorder.open(uses_autogen=True)
    child = server.fork(server.recorder.forget)
    server.kill(child, signal.SIGKILL)
    server.reap(child)
    server.settle()
    assert sink.all("exited") == []


def test_a_child_of_an_app_is_reported_when_it_used_autogen(server: Server, sink: Any) -> None:
    """As one that multiprocessing has started; one that had nothing to do with it is not."""
    server.recorder.open()
    others = server.fork(lambda: None)
    ours = server.worker()
    for child in (others, ours):
        os.kill(child, signal.SIGKILL)
        server.reap(child)
    server.settle()
    assert [exited.victim.pid for exited in sink.all("exited")] == [ours]
    assert files(server.recorder) == []


def test_ends_before_they_could_serve_are_counted(
    supervisor: Server, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash loop, of a server's workers."""
    monkeypatch.setattr(ProcessFacts, "server", "gunicorn")
    for _ in range(3):
        child = supervisor.fork(lambda: None)
        os.kill(child, signal.SIGKILL)
        supervisor.reap(child)
        supervisor.settle()
    assert [exited.boot_failures for exited in sink.all("exited")] == [1, 2, 3]


def test_many_at_once_are_each_reported_once(supervisor: Server, sink: Any) -> None:
    """More than the thread can keep up with."""
    children = [supervisor.worker() for _ in range(12)]
    for child in children:
        os.kill(child, signal.SIGKILL)
    for child in children:
        supervisor.reap(child)
    supervisor.settle()
    assert sorted(exited.victim.pid for exited in sink.all("exited")) == sorted(children)


def test_inside_a_signal_handler_nothing_is_waited_for(supervisor: Server, sink: Any) -> None:
    """gunicorn waits for its workers inside SIGCHLD's, which may interrupt any line of ours."""
    children = {supervisor.worker() for _ in range(3)}
    supervisor._children.clear()
    reaped: list[int] = []

    def handler(*_: object) -> None:
        while True:
            try:
                pid, _status = supervisor.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            reaped.append(pid)

    previous = signal.signal(signal.SIGCHLD, handler)
    try:
        for child in children:
            os.kill(child, signal.SIGKILL)
        wait_until(lambda: set(reaped) == children)
    finally:
        signal.signal(signal.SIGCHLD, previous)
    supervisor.settle()
    assert {exited.victim.pid for exited in sink.all("exited")} == children
    assert len(sink.all("exited")) == 3


# --- delivery --------------------------------------------------------------------------------------------------------


def test_what_is_not_delivered_is_kept_and_told_again(supervisor: Server, sink: Any) -> None:
    """At the next occasion, not counted again; the file stays until then."""
    sink.delivers = False
    first = supervisor.worker()
    os.kill(first, signal.SIGKILL)
    supervisor.reap(first)
    supervisor.settle()
    assert len(files(supervisor.recorder)) == 1
    sink.delivers = True
    second = supervisor.worker()
    os.kill(second, signal.SIGKILL)
    supervisor.reap(second)
    supervisor.settle()
    assert [exited.victim.pid for exited in sink.all("exited")] == [first, second]
    assert [exited.victim.pid for exited in sink.all("repeated")] == [first]
    assert sink.all("repeated") == sink.all("exited")[:1]
    assert files(supervisor.recorder) == []


def test_nobody_else_takes_what_is_still_to_be_delivered(supervisor: Server, sink: Any, run: Any) -> None:
    """It is claimed, until its reporter dies too."""
    sink.delivers = False
    child = supervisor.worker()
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    supervisor.settle()
    supervisor.deaths.look_around()
    supervisor.settle()
    assert len(sink.all("exited")) == 1
    assert len(files(supervisor.recorder)) == 1


def test_while_nobody_listens_each_occasion_tries_one_of_the_old_ones(supervisor: Server, sink: Any) -> None:
    """Each try may take its whole time: an occasion must not take as many of them as there were crashes."""
    sink.delivers = False
    for number in range(1, 5):
        child = supervisor.worker()
        os.kill(child, signal.SIGKILL)
        supervisor.reap(child)
        supervisor.settle()
        assert len(sink.deliveries) <= 2 * number
    assert len(sink.all("exited")) == 4
    sink.delivers = True
    supervisor.deaths.settle()
    assert files(supervisor.recorder) == []


def test_the_end_of_the_process_is_an_occasion(supervisor: Server, sink: Any, moments: Any) -> None:
    """The last one."""
    sink.delivers = False
    child = supervisor.worker()
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    supervisor.settle()
    sink.delivers = True
    moments.exiting()
    assert len(sink.all("repeated")) == 1
    assert supervisor.recorder.directory is not None
    assert list(supervisor.recorder.directory.iterdir()) == []


def test_a_supervisor_that_ends_has_its_record_until_its_dead_are_told(
    supervisor: Server, recorder: Recorder, sink: Any, moments: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sibling that looks around meanwhile leaves them to it."""
    monkeypatch.setattr(deaths_module._thread, "start_new_thread", refuse)
    child = supervisor.worker()
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    own = [path for path in recorder.directory.glob("*.exit") if f"-{os.getpid()}-" in path.name]
    there: list[bool] = []

    def deliver(timeout: float) -> bool:
        there.append(own[0].exists())
        return True

    sink.deliver = deliver
    moments.exiting()
    assert there == [True]
    assert not own[0].exists()


def test_the_end_does_not_take_longer_than_it_may(
    supervisor: Server, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its time is over, what is left keeps its record, for whoever comes next."""
    monkeypatch.setattr(deaths_module._thread, "start_new_thread", refuse)
    children = [supervisor.worker() for _ in range(3)]
    for child in children:
        os.kill(child, signal.SIGKILL)
        supervisor.reap(child)
    clock = iter([0.0, 0.0, 6.0, 6.0])
    monkeypatch.setattr(deaths_module.time, "monotonic", lambda: next(clock, 6.0))
    supervisor.deaths.settle()
    monkeypatch.undo()
    assert len(sink.all("exited")) == 1
    assert len(files(supervisor.recorder)) == 2
    supervisor.deaths.settle()
    assert files(supervisor.recorder) == []


def refuse(*_: object) -> None:
    raise RuntimeError("can't start new thread")


def test_where_no_thread_can_be_started_the_end_reports(
    supervisor: Server, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As while the interpreter shuts down."""
    monkeypatch.setattr(deaths_module._thread, "start_new_thread", refuse)
    child = supervisor.worker()
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    assert sink.all("exited") == []
    supervisor.deaths.settle()
    assert [exited.victim.pid for exited in sink.all("exited")] == [child]
    assert not supervisor.deaths._at_work.locked()


def test_the_end_waits_for_the_thread_and_tells_nothing_twice(supervisor: Server, sink: Any) -> None:
    """Both at the same time."""
    child = supervisor.worker()
    is_delivering, may_deliver = threading.Event(), threading.Event()

    def deliver(timeout: float) -> bool:
        is_delivering.set()
        return may_deliver.wait(60)

    sink.deliver = deliver
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    assert is_delivering.wait(60)
    settling = threading.Thread(target=supervisor.deaths.settle)
    settling.start()
    may_deliver.set()
    settling.join(60)
    assert not settling.is_alive()
    assert len(sink.all("exited")) == 1
    assert sink.all("repeated") == []


def test_a_report_that_fails_keeps_no_other(supervisor: Server, sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread goes on, and is there for the next one."""
    judge = deaths_module.judge
    judged: list[Any] = []

    def failing_once(*args: Any, **kwargs: Any) -> Any:
        judged.append(args)
        if len(judged) == 1:
            raise LookupError
        return judge(*args, **kwargs)

    monkeypatch.setattr(deaths_module, "judge", failing_once)
    children = [supervisor.worker() for _ in range(2)]
    for child in children:
        os.kill(child, signal.SIGKILL)
        supervisor.reap(child)
        supervisor.settle()
    assert [exited.victim.pid for exited in sink.all("exited")] == children[1:]


# --- forks -----------------------------------------------------------------------------------------------------------


def test_a_child_forked_while_the_thread_is_at_work_has_nothing_of_it(
    supervisor: Server, sink: Any, in_fork: Callable[..., Any]
) -> None:
    """Neither its work nor its lock nor its claims; and it can wait for children of its own."""
    child = supervisor.worker()
    is_delivering, may_deliver = threading.Event(), threading.Event()
    parent = os.getpid()

    def deliver(timeout: float) -> bool:
        if os.getpid() == parent:
            is_delivering.set()
            may_deliver.wait(60)
        return True

    sink.deliver = deliver
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    assert is_delivering.wait(60)

    def in_child() -> Any:
        sink.told.clear()
        mine = [supervisor.deaths._at_work.locked(), len(supervisor.deaths._undelivered)]
        grandchild = supervisor.worker()
        os.kill(grandchild, signal.SIGKILL)
        supervisor.reap(grandchild)
        supervisor.settle()
        supervisor.recorder.forget()
        return [*mine, [exited.victim.pid == grandchild for exited in sink.all("exited")]]

    assert in_fork(in_child) == [False, 0, [True]]
    may_deliver.set()
    supervisor.settle()
    assert [exited.victim.pid for exited in sink.all("exited")] == [child]
    assert files(supervisor.recorder) == []


def test_a_worker_does_not_take_its_supervisor_s_other_workers_for_its_own(
    supervisor: Server, sink: Any, in_fork: Callable[..., Any]
) -> None:
    """A forked worker that runs a program and waits for it is no supervisor."""

    def in_child() -> Any:
        sink.told.clear()
        program = supervisor.fork(supervisor.recorder.forget)
        os.kill(program, signal.SIGKILL)
        supervisor.reap(program)
        supervisor.settle()
        return len(sink.all("exited"))

    assert in_fork(in_child) == 0


# --- what is found ---------------------------------------------------------------------------------------------------


VICTIM = """
import sys, time
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.crashes.reports import LastWords

class Sink:
    def recording(self, enabled): pass
    def service(self): return {"service.name": "victims"}
    def span_ids(self, span): return (0, 0)

recorder = Recorder(Sink(), sys.argv[1], enabled=True)
recorder.open(uses_autogen=True)
recorder.reached("ready")
recorder.importing("plugin")
print("now", flush=True)
time.sleep(600)
"""


def killed(state: Path) -> int:
    """The pid of a process that nobody of ours waited for, and that has left a record of the same service."""
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, str(state)], stdout=subprocess.PIPE)
    assert victim.stdout is not None
    assert victim.stdout.readline() == b"now\n"
    victim.kill()
    victim.wait()
    victim.stdout.close()
    return victim.pid


def test_who_died_unseen_is_found(deaths: Deaths, recorder: Recorder, sink: Any, tmp_path: Path) -> None:
    """By a process of the same service that was there already."""
    recorder.open()
    pid = killed(tmp_path / "state")
    deaths.look_around()
    wait_until(lambda: bool(sink.deliveries))
    with_lock(deaths)
    (exited,) = sink.all("exited")
    assert (exited.observed_by, exited.victim.pid, exited.reason) == ("sibling", pid, "unknown")
    assert (exited.signal, exited.code, exited.phase) == (None, None, "import")
    assert exited.victim.service == {"service.name": "victims"}
    assert [flight.operation for flight in exited.flights] == ["import plugin"]
    assert files(recorder) == []
    deaths.look_around()
    with_lock(deaths)
    assert len(sink.all("exited")) == 1


def test_who_died_before_this_process_began_is_found_by_the_next_start(
    deaths: Deaths, recorder: Recorder, sink: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the time at which it last gave a sign of life."""
    before_ns = time.time_ns()
    killed(tmp_path / "state")

    class Later:
        wall_ns = time.time_ns()
        clock_ns = 0

    monkeypatch.setitem(process.facts.__dict__, "creation_time", Later())
    recorder.open()
    deaths.look_around()
    wait_until(lambda: bool(sink.deliveries))
    with_lock(deaths)
    (exited,) = sink.all("exited")
    assert exited.observed_by == "next_start"
    assert before_ns < exited.ended_ns < Later.wall_ns


def test_of_two_that_look_one_tells(
    deaths: Deaths, recorder: Recorder, sink: Any, tmp_path: Path, in_fork: Callable[..., Any]
) -> None:
    """Exactly once."""
    recorder.open()
    for _ in range(3):
        killed(tmp_path / "state")
    ready, go = os.pipe()

    def look() -> Any:
        inherited = len(sink.all("exited"))
        os.read(ready, 1)
        deaths.look_around()
        wait_until(lambda: not deaths._look_around)
        with_lock(deaths)
        recorder.forget()
        return [exited.victim.pid for exited in sink.all("exited")][inherited:]

    told: list[Any] = []
    forking = threading.Thread(target=lambda: told.append(in_fork(look)))
    forking.start()
    os.write(go, b".")
    deaths.look_around()
    forking.join(60)
    wait_until(lambda: not deaths._look_around)
    with_lock(deaths)
    mine = [exited.victim.pid for exited in sink.all("exited")]
    os.close(ready)
    os.close(go)
    assert len(told[0] + mine) == len(set(told[0] + mine)) == 3
    assert files(recorder) == []


def test_who_is_supervised_is_left_to_the_supervisor_for_a_while(
    server: Server, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows more; but if it does not tell, whoever has seen it tells."""
    server.supervise()
    read, write = os.pipe()

    def looks_twice() -> None:
        os.dup2(write, 1)
        server.deaths.look_around()
        server.settle()
        left = len(sink.all("exited"))
        now_ns = time.time_ns
        monkeypatch.setattr(deaths_module.time, "time_ns", lambda: now_ns() + deaths_module._GRACE_NS)
        server.deaths.look_around()
        server.settle()
        told = [exited.victim.pid for exited in sink.all("exited")]
        os.write(1, json.dumps([left, told]).encode())

    victim = server.worker()
    os.kill(victim, signal.SIGKILL)
    # It has ended, and is not waited for yet.
    os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
    server.fork(looks_twice)
    left, told = json.loads(os.read(read, 10_000))
    os.close(read)
    os.close(write)
    assert left == 0
    assert told == [victim]
    # The supervisor, which comes to it at last, is told that it has been told.
    assert f"-{victim}-" in "".join(files(server.recorder))
    server.reap(victim)
    server.settle()
    assert sink.all("exited") == []
    assert f"-{victim}-" not in "".join(files(server.recorder))


def test_who_looks_around_leaves_its_own_workers_to_what_it_hears_of_them(
    supervisor: Server, sink: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not ask a file whether their supervisor lives, and cannot read that while it is written."""
    monkeypatch.setattr(deaths_module, "supervised", lambda *_: False)
    victim = supervisor.worker()
    os.kill(victim, signal.SIGKILL)
    os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
    supervisor.deaths.look_around()
    supervisor.settle()
    assert sink.all("exited") == []
    supervisor.reap(victim)
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.observed_by, exited.signal) == ("supervisor", signal.SIGKILL)


@contextlib.contextmanager
def looked_at(recorder: Recorder, pid: int) -> Iterator[None]:
    """Somebody else holds the record of a process."""
    assert recorder.directory is not None
    (path,) = recorder.directory.glob(f"*-{pid}-*.exit")
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def test_a_record_that_another_one_is_looking_at_is_waited_for(supervisor: Server, sink: Any) -> None:
    """A sibling, which lets go of it as soon as it has seen that there is a supervisor."""
    victim = supervisor.worker(lambda: os._exit(7))
    os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
    asked = threading.Event()
    claim_of_child = supervisor.deaths._claim_of_child

    def claiming(pid: int) -> Any:
        claim = claim_of_child(pid)
        asked.set()
        return claim

    supervisor.deaths._claim_of_child = claiming  # type: ignore[method-assign]
    with looked_at(supervisor.recorder, victim):
        supervisor.reap(victim)
        assert asked.wait(60)
    supervisor.settle()
    (exited,) = sink.all("exited")
    assert (exited.reason, exited.code, exited.phase) == ("unknown", 7, "request")
    assert [flight.operation for flight in exited.flights] == ["chat gpt-4o"]


def test_what_another_one_is_telling_is_not_told_as_well(supervisor: Server, sink: Any) -> None:
    """It does not let go of the record until it is done."""
    victim = supervisor.worker(lambda: os._exit(7))
    os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
    with looked_at(supervisor.recorder, victim):
        supervisor.reap(victim)
        supervisor.settle()
    assert sink.all("exited") == []


def test_before_this_process_is_of_interest_it_looks_for_nobody(deaths: Deaths, sink: Any, tmp_path: Path) -> None:
    """Every process that is instrumented comes by here."""
    killed(tmp_path / "state")
    deaths.look_around()
    assert not deaths._at_work.locked()
    assert not deaths._look_around
    assert sink.told == []


def test_what_is_switched_off_reports_nobody(supervisor: Server, sink: Any, tmp_path: Path) -> None:
    """Neither its own nor others."""
    supervisor.deaths.switch_off()
    child = supervisor.worker()
    os.kill(child, signal.SIGKILL)
    supervisor.reap(child)
    supervisor.deaths.look_around()
    supervisor.deaths.settle()
    assert not supervisor.deaths._at_work.locked()
    assert sink.all("exited") == []
    assert len(files(supervisor.recorder)) == 1


def test_without_records_a_supervisor_still_tells_what_it_saw(sink: Any, tmp_path: Path) -> None:
    """Switched off, or no folder for them."""
    recorder = Recorder(sink, str(tmp_path), enabled=False)
    deaths = Deaths(recorder, sink, 5.0)
    recorder.supervises()
    deaths.supervises()
    child = os.fork()
    if child == 0:
        os._exit(3)
    deaths.reaped(os.waitpid(child, 0))
    wait_until(lambda: bool(sink.all("exited")))
    with_lock(deaths)
    (exited,) = sink.all("exited")
    assert (exited.code, exited.victim.pid) == (3, child)
    assert list(tmp_path.iterdir()) == []
    deaths.switch_off()


def test_who_was_sent_what_is_bounded(deaths: Deaths) -> None:
    """Of a parent that kills programs for a living."""
    for pid in range(100, 5000):
        deaths.sent(pid, signal.SIGKILL)
    assert len(deaths._sent) <= 1024
    assert 4999 in deaths._sent


# --- why a child was forked -------------------------------------------------------------------------------------------


def start_reasons(deaths: Deaths, in_fork: Callable[..., Any], count: int = 3) -> list[str]:
    """Of children that are forked one after the other."""
    return [in_fork(lambda: process.facts.start_reason) for _ in range(count)]


def test_who_replaces_a_dead_worker_knows_it(deaths: Deaths, in_fork: Callable[..., Any]) -> None:
    """The first child that a master forks after one has ended; the others are just forked."""
    deaths.supervises()
    assert start_reasons(deaths, in_fork, 1) == ["fork"]
    deaths.reaped((4711, int(signal.SIGKILL)))
    deaths.reaped((4712, 0))
    assert start_reasons(deaths, in_fork) == ["worker_respawn", "worker_respawn", "fork"]


def test_nobody_replaces_who_was_asked_to_stop(deaths: Deaths, in_fork: Callable[..., Any]) -> None:
    """Fewer workers are wanted, or the new ones are there already; but who was killed for a timeout is replaced."""
    deaths.supervises()
    deaths.sent(os.getpid(), signal.SIGTERM)
    deaths.reaped((os.getpid(), 0))
    assert start_reasons(deaths, in_fork, 1) == ["fork"]
    deaths.sent(os.getpid(), signal.SIGABRT)
    deaths.reaped((os.getpid(), int(signal.SIGKILL)))
    assert start_reasons(deaths, in_fork, 2) == ["worker_respawn", "fork"]


def test_who_is_switched_off_says_nothing_of_a_fork(deaths: Deaths, in_fork: Callable[..., Any]) -> None:
    """Another one may have taken its place."""
    deaths.supervises()
    deaths.reaped((4711, int(signal.SIGKILL)))
    deaths.switch_off()
    assert start_reasons(deaths, in_fork, 1) == ["fork"]


def test_who_is_no_master_replaces_nobody(deaths: Deaths, in_fork: Callable[..., Any]) -> None:
    """A program may wait for children, and have others, for whatever reason."""
    deaths.reaped((4711, int(signal.SIGKILL)))
    assert start_reasons(deaths, in_fork, 1) == ["fork"]
