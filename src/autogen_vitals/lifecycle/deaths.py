"""Processes that are gone: seen by whoever waited for them, or found by what they have left, and reported once."""

from __future__ import annotations

import _thread
import os
import signal
import time
import uuid
from collections import OrderedDict, deque
from typing import Any

from autogen_vitals.crashes.claims import Claim, dead, pid_namespace, records_of, supervised, was_told
from autogen_vitals.crashes.files import has_ended, start_ticks
from autogen_vitals.crashes.memory import OomWatch
from autogen_vitals.crashes.reports import Identity, LastWords, ProcessExit
from autogen_vitals.crashes.verdict import BootFailures, Verdict, judge
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork, resume_after_fork, wait_for
from autogen_vitals.lifecycle.observation import Sink
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.records import Record, replace
from autogen_vitals.vocabulary import ExitReason, Observer, ServerKind

_ENDING = {signal.SIGTERM, signal.SIGINT, signal.SIGABRT} | {
    getattr(signal, name) for name in ("SIGKILL", "SIGQUIT", "SIGHUP") if hasattr(signal, name)
}
_BOOTING: tuple[ServerKind, ...] = ("gunicorn", "uvicorn", "celery")
_TERM = int(signal.SIGTERM)
_ASKED = {signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGQUIT", signal.SIGTERM)}
"""With these a master asks a worker to stop that it does not need any more: fewer workers, a reload."""
_SENT_LIMIT = 1024
_WAITING_LIMIT = 1024
_LAST_WAIT = 0.5
"""Seconds in which who has been killed dies, and who looks at a record lets go of it."""
_UNDELIVERED_LIMIT = 256
_GRACE_NS = 30 * 1_000_000_000
"""For how long the dead are left to a supervisor that is alive: it knows more."""


class _End(Record, frozen=True):
    """What a supervisor has seen of one child."""

    pid: int
    signal: int | None
    code: int | None
    sent: int | None
    seen_ns: int


class _Report(Record, frozen=True):
    """One that could not be delivered yet. The claim is kept: if this process dies too, another one takes it over."""

    exited: ProcessExit
    claim: Claim | None
    in_place_of_supervisor: bool = False

    def done(self) -> None:
        """It has been delivered."""
        if self.claim is not None and self.in_place_of_supervisor:
            self.claim.told_in_place_of()
        elif self.claim is not None:
            self.claim.done()


class Deaths:
    """Finds out about processes that are gone and reports each of them once.

    A supervisor is told of its children by ``os.waitpid``, perhaps inside a signal handler: it notes what it saw, and
    a thread of this object's, which lives as long as there is something to do, does the rest. No lock is waited for.

    Args:
        recorder: knows where the records are.
        sink: is told.
        timeout: seconds that one delivery may take.
    """

    def __init__(self, recorder: Recorder, sink: Sink, timeout: float) -> None:
        self.active = True
        self._recorder = recorder
        self._sink = sink
        self._timeout = timeout
        self._has_delivered = False
        self._renew()
        prepare_for_fork(self, Deaths._prepare)
        resume_after_fork(self, Deaths._resume)
        renew_after_fork(self, Deaths._forked)

    def _prepare(self) -> None:
        self._watch_memory()
        if not self._has_delivered:
            wait_for(self._at_work, self._timeout)

    def _resume(self) -> None:
        # What a master forks first is who takes the place of one that has ended.
        self._unreplaced = max(0, self._unreplaced - 1)

    def _forked(self) -> None:
        if self.active and self._is_supervisor and self._unreplaced:
            process.facts.forked_as = "worker_respawn"
        self._renew()

    def _watch_memory(self) -> None:
        # From before there is a child that the kernel could kill.
        if self._oom is None:
            self._oom = OomWatch()

    def _renew(self) -> None:
        self._is_supervisor = False
        # Children that have ended without being asked to, and in whose place none has been forked yet.
        self._unreplaced = 0
        self._oom: OomWatch | None = None
        self._boot_failures = BootFailures()
        # The first signal that would end it, by the child it was sent to.
        self._sent: OrderedDict[int, int] = OrderedDict()
        self._ends: deque[_End] = deque(maxlen=_WAITING_LIMIT)
        self._undelivered: deque[_Report] = deque()
        # Found dead, though their supervisor lives: since when, by their record's id.
        self._found: dict[str, int] = {}
        self._look_around = False
        self._at_work = _thread.allocate_lock()

    # --- what is seen ---------------------------------------------------------------------------------------------

    @guarded
    def supervises(self) -> None:
        """This process is a server's supervisor: whatever child it waits for is a worker."""
        self._is_supervisor = True
        self._watch_memory()
        # Imported by the first look-up of a host, in whatever thread of the SDK's: see forking.wait_for().
        "localhost".encode("idna")

    @guarded
    def sent(self, pid: int, number: int) -> None:
        """This process has sent a signal. Signal 0, and what a server uses to talk to its workers, end nobody."""
        # Uvicorn kills what does not answer, be it that it has ended and only waits to be waited for.
        if number in _ENDING and not has_ended(pid):
            self._sent.setdefault(pid, number)
            while len(self._sent) > _SENT_LIMIT:
                self._sent.popitem(last=False)

    @guarded
    def given_up(self, worker: Any) -> None:
        """The supervisor is about to end a worker that has taken too long, by whatever signals."""
        self.sent(worker.pid, signal.SIGABRT)

    @guarded
    def reaped(self, answer: tuple[int, int]) -> None:
        """``os.waitpid`` has told of a child: its pid and its status."""
        pid, status = answer
        if not self.active or pid <= 0 or not (os.WIFEXITED(status) or os.WIFSIGNALED(status)):
            return
        signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        sent = self._sent.pop(pid, None)
        if self._recorder.is_draining:
            sent = _TERM  # a master that stops kills whoever was forked too late to be asked
        if sent not in _ASKED:
            self._unreplaced += 1
        self._ends.append(_End(pid, signal, code, sent, time.time_ns()))
        self._wake()

    @guarded
    def look_around(self) -> None:
        """See whether anybody has died unseen."""
        if self.active and self._recorder.is_open:
            self._look_around = True
            self._wake()

    @guarded
    def settle(self) -> None:
        """This process ends: report now what is still to be reported."""
        if self._is_supervisor and self._sent:
            self._let_go()
        if not (self._ends or self._undelivered or self._at_work.locked()):
            return
        deadline = time.monotonic() + self._timeout
        if self._at_work.acquire(timeout=self._timeout):
            try:
                self._report_ends(deadline)
            finally:
                self._at_work.release()

    @guarded
    def _let_go(self) -> None:
        """A gunicorn that ends kills who is left, and does not wait for them: they were asked to stop."""
        deadline = time.monotonic() + _LAST_WAIT
        while self._sent and time.monotonic() < deadline:
            for pid in list(self._sent):
                claim = self._claim_of_child(pid)
                if claim is not None:
                    claim.done()
                if claim is not None or not self._has_record(pid):
                    self._sent.pop(pid, None)
            if self._sent:
                time.sleep(0.01)

    def _has_record(self, pid: int) -> bool:
        directory = self._recorder.directory
        return directory is not None and bool(records_of(directory, self._recorder.group, pid))

    @guarded
    def own_end(self, words: LastWords) -> None:
        """Nobody waits for this process, and an exception has ended it."""
        verdict = judge(words, signal=None, code=None, sent=None, oom=False, seen=False)
        self._sink.exited(self._exit(words.identity, words, verdict, "self", time.time_ns()))

    def switch_off(self) -> None:
        """Report nobody any more."""
        self.active = False

    # --- what is done about it ------------------------------------------------------------------------------------

    def _wake(self) -> None:
        # Not threading.Thread: its start() waits, and takes locks that the interrupted code may hold.
        if self._at_work.acquire(blocking=False):
            try:
                _thread.start_new_thread(self._work, ())
            except RuntimeError:
                self._at_work.release()  # the interpreter is shutting down: see settle()

    @guarded
    def _work(self) -> None:
        try:
            while self._ends or self._look_around:
                self._report_ends()
                if self._look_around:
                    self._look_around = False
                    self._report_others()
        finally:
            self._at_work.release()
        if self._ends or self._look_around:
            self._wake()  # noted between the last look and the release

    def _report_ends(self, deadline: float = float("inf")) -> None:
        self._again()
        while self._ends and time.monotonic() < deadline:
            self._report_end(self._ends.popleft())

    @guarded
    def _report_end(self, end: _End) -> None:
        had_record = self._has_record(end.pid)
        claim = self._claim_of_child(end.pid)
        if claim is None and had_record:
            claim = self._claim_when_let_go(end.pid)
            if claim is None:
                return  # somebody else tells of it, or has
        if claim is None and not self._is_supervisor:
            return  # a child that is none of ours: a program that the app runs
        words = None if claim is None else claim.words
        if claim is not None and not _is_of_interest(claim.words):
            claim.done()
            return
        verdict = self._judge(words, end)
        victim = _stranger(end.pid) if words is None else words.identity
        report = self._exit(victim, words, verdict, "supervisor", end.seen_ns, end)
        self._report(_Report(report, claim))

    def _claim_of_child(self, pid: int) -> Claim | None:
        directory = self._recorder.directory
        for claim in () if directory is None else dead(directory, self._recorder.group, pid=pid):
            if claim.words.identity.parent_pid == process.facts.pid:
                return claim
            claim.release()  # of an earlier process of that number
        return None

    def _claim_when_let_go(self, pid: int) -> Claim | None:
        """Of a record that somebody else is looking at: to leave it to us, or to report it."""
        directory, deadline = self._recorder.directory, time.monotonic() + _LAST_WAIT
        while directory is not None and self._has_record(pid) and time.monotonic() < deadline:
            claim = self._claim_of_child(pid)
            if claim is not None:
                return claim
            if was_told(directory, self._recorder.group, pid):
                return None
            time.sleep(0.01)
        return None

    def _judge(self, words: LastWords | None, end: _End) -> Verdict:
        was_killed = end.signal == signal.SIGKILL and end.sent is None
        oom = was_killed and self._oom is not None and self._oom.rose()
        verdict = judge(words, signal=end.signal, code=end.code, sent=end.sent, oom=oom, seen=True)
        if words is None and self._recorder.directory is not None:
            # It had not come to where a record is begun, which is before the app is imported.
            reason: ExitReason = "boot_failure" if verdict.reason == "unknown" else verdict.reason
            verdict = Verdict(reason, "startup", before_serving=True)
        return verdict

    def _report_others(self) -> None:
        self._again()
        directory, group = self._recorder.directory, self._recorder.group
        if directory is None:
            return
        created_ns, found = process.facts.creation_time.wall_ns, self._found
        self._found = {}
        for claim in dead(directory, group):
            words = claim.words
            identity = words.identity
            has_supervisor = self._is_own_child(identity) or supervised(directory, group, identity)
            if has_supervisor:
                since_ns = self._found[identity.uid] = found.get(identity.uid, time.time_ns())
                if time.time_ns() - since_ns < _GRACE_NS:
                    claim.release()
                    continue
            if not _is_of_interest(words):
                claim.done()
                continue
            verdict = judge(words, signal=None, code=None, sent=None, oom=False, seen=False)
            observer: Observer = "next_start" if words.heartbeat_ns < created_ns else "sibling"
            exited = self._exit(identity, words, verdict, observer, words.heartbeat_ns)
            self._report(_Report(exited, claim, in_place_of_supervisor=has_supervisor))

    def _is_own_child(self, identity: Identity) -> bool:
        """Whether this process is who waits for it, and is to hear of its end."""
        if not self._recorder.is_supervisor or identity.parent_pid != (pid := process.facts.pid):
            return False
        return (identity.parent_start_ticks, identity.pid_namespace) == (start_ticks(pid), pid_namespace())

    def _exit(
        self,
        victim: Identity,
        words: LastWords | None,
        verdict: Verdict,
        observer: Observer,
        ended_ns: int,
        end: _End | None = None,
    ) -> ProcessExit:
        exited = ProcessExit(verdict.reason, observer, victim, verdict.phase, ended_ns)
        if end is not None:
            exited = replace(exited, signal=end.signal, code=end.code)
        if words is not None:
            last = {"error_type": words.error_type, "category": words.category, "stack": words.stack}
            exited = replace(exited, flights=words.flights, **last)
        if exited.is_crash and verdict.before_serving and victim.server in _BOOTING:
            exited = replace(exited, boot_failures=self._boot_failures.note(time.monotonic_ns()))
        return exited

    def _report(self, report: _Report, *, repeated: bool = False) -> bool:
        """Whether that is done with."""
        exited = report.exited
        self._sink.exited(exited, repeated=repeated)
        if not exited.is_crash or self._deliver():
            report.done()
            return True
        self._undelivered.append(report)
        while len(self._undelivered) > _UNDELIVERED_LIMIT:
            given_up = self._undelivered.popleft().claim
            if given_up is not None:
                given_up.release()
        return False

    def _deliver(self) -> bool:
        try:
            return self._sink.deliver(self._timeout)
        finally:
            self._has_delivered = True

    def _again(self) -> None:
        for _ in range(len(self._undelivered)):
            if not self._report(self._undelivered.popleft(), repeated=True):
                return  # nobody is there, and each try may take its time: the others have their turn another time


def _is_of_interest(words: LastWords) -> bool:
    """A worker of a server's is, whatever it had come to; any other process only if it had to do with AutoGen."""
    return words.uses_autogen or words.identity.server in _BOOTING


def _stranger(pid: int) -> Identity:
    """A worker that has left no record."""
    facts = process.facts
    return Identity(
        uid=uuid.uuid4().hex,
        pid=pid,
        parent_pid=facts.pid,
        start_ticks=0,
        parent_start_ticks=0,
        pid_namespace="",
        created_ns=0,
        server=facts.server,
    )
