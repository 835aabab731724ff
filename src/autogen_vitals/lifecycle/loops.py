"""The event-loop watchdog: tells when a loop that runs AutoGen stands still, where in the code, and in whose run.

Every watched loop has a heartbeat: a timer of its own by which it shows that it comes round. One daemon thread looks at
the loops whose heartbeat is late, and reads the stack of such a loop's thread. The block is told in the loop's thread,
when the heartbeat comes after all or the run that blocks ends.

A false alarm is worse than a missed one, so a late heartbeat alone is no block. The watchdog must have seen the loop in
one and the same step for a while: not waiting for events, not working through many short steps, not between two calls
of ``run_until_complete``. And what the loop spent waiting for a CPU that other processes had does not count.
"""

from __future__ import annotations

import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextvars import Context
from threading import get_ident
from types import FrameType
from typing import Any

from autogen_vitals.guard import guarded, guarded_by_position
from autogen_vitals.lifecycle.births import current_loop
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork, resume_after_fork, wait_for_end
from autogen_vitals.lifecycle.sites import Site
from autogen_vitals.lifecycle.stacks import RUNNER, runner_around, site_of, step_of
from autogen_vitals.lifecycle.throttling import Pulse, throttled_since, waited_ns
from autogen_vitals.records import Record

_REST_NS = 1_000_000_000
_ABANDONED_NS = 600_000_000_000
_LEAVING_SECONDS = 0.5


class Block(Record, eq=False):
    """One time an event loop stood still.

    Attributes:
        site: the line that blocks: the innermost outside site-packages, the standard library and this package, or else
            the innermost. ``None`` when no frame could be read, because C code held the interpreter's lock.
        observation: whose code was running on the loop.
        wall_ns: when it began, nanoseconds since the epoch.
        duration_ns: how late the heartbeat was, hence a lower bound.
        throttled_ns: how much of that the cgroup's CPU quota took; 0 when unknown.
    """

    site: Site | None
    observation: Any | None
    wall_ns: int
    duration_ns: int
    throttled_ns: int


class _Doubt(Record, eq=False):
    """A beat is late. What the counters stood at when that was first seen, and the step that the loop was last in.

    Of the step, only what tells it from the next one: its frame would keep what the app has dropped alive. A loop
    written in C does not number its steps; there it is the frame all the same, for as long as the beat is late.
    """

    due_ns: int
    throttled: int | None
    waited: int | None
    step: object = None
    step_seen_ns: int = 0


class _Sample(Record, frozen=True):
    """What was read from the stack of a loop that stood still."""

    due_ns: int
    site: Site
    observation: Any | None


class _Heartbeat:
    """The beat of one loop.

    The loop's own thread writes what comes first, the watchdog's thread the rest; each reads the other's without a
    lock. ``due_ns`` ties them together: what was found about one beat is void for the next.

    Attributes:
        loop: weak, that no loop lives longer for being watched; the timer that the loop holds leads here, not back.
        due_ns: when the next beat should come.
        open: runs that have begun and not ended.
        quiet, unwatched: beats since no run was open, and since the last one began.
        thread, native_thread: the loop's thread, for Python and for the kernel.
        runner: ``id()`` of the frame that calls steps, of a loop written in C; 0 for asyncio's, where it has a name.
        run: weak, what identifies one call of ``run_forever``.
        over: nothing is to be done any more.
        alive_ns: when the loop was last seen not to stand still.
        resting_ns: since when it has not been running; 0 while it does.
        doubt, sample: two steps towards a block.
        sampled_due_ns: the beat that ``sample`` is, or was, about.
    """

    def __init__(
        self, loop: Any, period_ns: int, late: Callable[[_Heartbeat, bool], None], gone: Callable[[_Heartbeat], None]
    ) -> None:
        self.loop = weakref.ref(loop)
        self._period_ns, self._late, self._gone = period_ns, late, gone
        # An empty one: the timer would otherwise carry the context, and so the spans, of the run that came first.
        self._context = Context()
        self.open = self.quiet = self.unwatched = 0
        self.thread, self.native_thread = get_ident(), threading.get_native_id()
        self._written_in_c = not hasattr(loop, RUNNER)
        self.runner = runner_around(sys._getframe(1)) if self._written_in_c else 0
        self.run, self.over = _this_run(), False
        self.alive_ns = self.resting_ns = self.sampled_due_ns = 0
        self.doubt: _Doubt | None = None
        self.sample: _Sample | None = None
        self.schedule(loop)

    def schedule(self, loop: Any) -> None:
        """The next beat."""
        self.due_ns = time.perf_counter_ns() + self._period_ns
        loop.call_later(self._period_ns / 1e9, self.beat, context=self._context)

    @guarded
    def beat(self) -> None:
        """Called by the loop."""
        if self.over or self.thread != get_ident():  # a loop that moved to another thread is taken up there
            self._gone(self)
            return
        try:
            run = _this_run()
            same_run = run is not None and self.run is not None and run() is self.run()
            self.run = run
            if self._written_in_c:
                self.runner = id(sys._getframe(2))  # the guard's frame is between
            self._late(self, same_run)
        finally:
            self._go_on()

    def _go_on(self) -> None:
        """Beat again, or not.

        An idle service must not be woken for nothing, so the beat ends a second after the last run. Runs that are open
        keep it going, for they may block late. Some never end, as far as we are told (dropped, or ended in another
        thread): without a new one for ten minutes the loop is let go, at the price of a block in a run that is older.
        """
        self.quiet = 0 if self.open else self.quiet + 1
        self.unwatched += 1
        loop, period = self.loop(), self._period_ns
        if loop is None or self.quiet * period >= _REST_NS or self.unwatched * period >= _ABANDONED_NS:
            self._gone(self)
        else:
            self.schedule(loop)

    def standing_since(self) -> int:
        """From when on, at the earliest, the loop may be standing still."""
        return max(self.due_ns, self.alive_ns)


class LoopWatchdog:
    """Watches the loops that run AutoGen.

    Its state belongs to this process: a forked child begins without loops and without a thread, and gets both with its
    first run. The table has an entry for each thread whose loop ran AutoGen in the last second or does so still. Only
    that thread adds one, so it is read without a lock; the lock is for two threads whose first run comes at once.

    Args:
        heartbeat_ns: how often a watched loop shows that it is alive.
        threshold_ns: from when on a late one may be blocked. 0 for either: never watches.
        observation_on: whose code a frame is, if it is anyone's. Asked in the watchdog's thread.
        told: called once for each block, in the loop's thread; from a heartbeat in an empty context.
    """

    def __init__(
        self,
        heartbeat_ns: int,
        threshold_ns: int,
        observation_on: Callable[[FrameType], Any | None],
        told: Callable[[Block], object],
    ) -> None:
        self._heartbeat_ns = heartbeat_ns
        self._threshold_ns = threshold_ns
        # Several looks must fit into the threshold, whatever the heartbeat.
        self._tick_ns = max(1_000_000, min(heartbeat_ns, threshold_ns // 4))
        self._observation_on = guarded(observation_on)
        self._told = guarded(told)
        self._off = heartbeat_ns <= 0 or threshold_ns <= 0
        self._heartbeats: dict[int, _Heartbeat] = {}
        self._renew()
        renew_after_fork(self, LoopWatchdog._renew)
        prepare_for_fork(self, LoopWatchdog._end_thread)
        resume_after_fork(self, LoopWatchdog._resume_thread)

    def _renew(self) -> None:
        for heartbeat in self._heartbeats.values():
            heartbeat.over = True  # its timer came along if the child goes on with the parent's loop
        self._heartbeats = {}
        self._lock = threading.RLock()
        self._wake = threading.Event()
        self._leave = threading.Event()
        self._thread: threading.Thread | None = None
        self._pulse = Pulse(self._threshold_ns)

    # --- the loop's thread ----------------------------------------------------------------------------------------

    @guarded_by_position
    def watch(self) -> None:
        """A run begins: watch the loop of this thread, if there is one."""
        loop = None if self._off else current_loop()
        if loop is None:
            return
        heartbeat = self._heartbeats.get(get_ident())
        if heartbeat is None or heartbeat.loop() is not loop:
            heartbeat = self._begin(loop)
        heartbeat.open += 1
        heartbeat.quiet = heartbeat.unwatched = 0

    @guarded_by_position
    def operation_ended(self, observation: Any) -> None:
        """A run is over. A block in it is told now, so far as it has lasted: its span closes before the next beat."""
        heartbeat = self._heartbeats.get(get_ident())
        if heartbeat is None:
            return
        if heartbeat.open:
            heartbeat.open -= 1
        if heartbeat.sample is not None:
            self._tell_if_in(observation, heartbeat, heartbeat.sample)

    @guarded_by_position
    def init_ended(self, observation: Any) -> None:
        """The same of an init, which never called ``watch``."""
        heartbeat = self._heartbeats.get(get_ident())
        if heartbeat is not None and heartbeat.sample is not None:
            self._tell_if_in(observation, heartbeat, heartbeat.sample)

    def _tell_if_in(self, observation: Any, heartbeat: _Heartbeat, sample: _Sample) -> None:
        if sample.observation is observation and sample.due_ns == heartbeat.due_ns:
            self._conclude(heartbeat, sample)

    def _begin(self, loop: Any) -> _Heartbeat:
        with self._lock:
            if not self._heartbeats:
                self._pulse.begin()  # the last beat was before the thread's rest
            self._start_thread()
        former = self._heartbeats.get(get_ident())
        if former is not None:
            self._let_go(former)
        heartbeat = self._heartbeats[get_ident()] = _Heartbeat(loop, self._heartbeat_ns, self._beaten, self._let_go)
        self._wake.set()
        if self._off:  # stopped meanwhile, in another thread
            self._let_go(heartbeat)
        return heartbeat

    def _start_thread(self) -> None:
        if self._thread is None:
            leave = self._leave = threading.Event()
            thread = threading.Thread(target=self._watch_over, args=(leave,), name="autogen-vitals-loops", daemon=True)
            thread.start()
            self._thread = thread

    def _end_thread(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            self._leave.set()
            self._wake.set()
            wait_for_end(thread, _LEAVING_SECONDS)

    def _resume_thread(self) -> None:
        if self._heartbeats and not self._off:
            self._start_thread()

    def _let_go(self, heartbeat: _Heartbeat) -> None:
        heartbeat.over = True
        heartbeat.doubt = heartbeat.sample = None
        if self._heartbeats.get(heartbeat.thread) is heartbeat:
            self._heartbeats.pop(heartbeat.thread, None)

    def _beaten(self, heartbeat: _Heartbeat, same_run: bool) -> None:
        """A beat has come."""
        since = heartbeat.standing_since()
        if time.perf_counter_ns() - since < self._threshold_ns:
            return
        sample = heartbeat.sample
        if sample is not None and sample.due_ns == heartbeat.due_ns:
            self._conclude(heartbeat, sample)
        elif (
            same_run
            and heartbeat.sampled_due_ns != heartbeat.due_ns
            and self._pulse.was_busy(since, self._throttled_during(heartbeat))  # our thread could not run either
        ):
            self._tell(heartbeat, None, None)

    def _conclude(self, heartbeat: _Heartbeat, sample: _Sample) -> None:
        """Tell of a sample, unless the loop would have been in time had it been given a CPU."""
        heartbeat.sample = None
        starved_ns = 0
        doubt, waited = heartbeat.doubt, waited_ns(heartbeat.native_thread)
        if doubt is not None and doubt.waited is not None and waited is not None:
            # The kernel counts it as waiting, too, when the quota holds a thread back; that is told, and said.
            starved_ns = max(0, waited - doubt.waited - self._throttled_during(heartbeat))
        if time.perf_counter_ns() - heartbeat.standing_since() - starved_ns >= self._threshold_ns:
            self._tell(heartbeat, sample.site, sample.observation)

    def _tell(self, heartbeat: _Heartbeat, site: Site | None, observation: Any | None) -> None:
        late_ns = time.perf_counter_ns() - heartbeat.standing_since()
        throttled = min(late_ns, self._throttled_during(heartbeat))
        self._told(Block(site, observation, time.time_ns() - late_ns, late_ns, throttled))

    def _throttled_during(self, heartbeat: _Heartbeat) -> int:
        doubt = heartbeat.doubt
        seen_late = doubt is not None and doubt.due_ns == heartbeat.due_ns
        return throttled_since(doubt.throttled if doubt is not None and seen_late else self._pulse.throttled)

    def stop(self) -> None:
        """Switch off for good. The thread ends when it next wakes, and each heartbeat when it is next due."""
        self._off = True
        for heartbeat in list(self._heartbeats.values()):
            self._let_go(heartbeat)
        self._wake.set()

    # --- the watchdog's thread ------------------------------------------------------------------------------------

    def _watch_over(self, leave: threading.Event) -> None:
        while not (self._off or leave.is_set()):
            if self._heartbeats:
                leave.wait(self._tick_ns / 1e9)
                self._tick()
                continue
            self._wake.clear()
            if not (self._heartbeats or self._off or leave.is_set()):
                self._wake.wait()
                self._pulse.begin()

    @guarded
    def _tick(self) -> None:
        self._pulse.beat()
        for heartbeat in list(self._heartbeats.values()):
            self._look_at(heartbeat, time.perf_counter_ns())

    def _look_at(self, heartbeat: _Heartbeat, now: int) -> None:
        loop = heartbeat.loop()
        if heartbeat.over or loop is None or loop.is_closed():
            self._let_go(heartbeat)
            return
        if not loop.is_running():
            self._look_at_resting(heartbeat, now)
            return
        heartbeat.resting_ns = 0
        due = heartbeat.due_ns
        if now <= due:
            heartbeat.doubt = None
            return
        doubt = heartbeat.doubt
        if doubt is None or doubt.due_ns != due:
            doubt = heartbeat.doubt = _Doubt(due, self._pulse.throttled, waited_ns(heartbeat.native_thread))
        if heartbeat.sampled_due_ns != due and (now - heartbeat.standing_since()) * 2 >= self._threshold_ns:
            self._examine(heartbeat, doubt, now)

    def _look_at_resting(self, heartbeat: _Heartbeat, now: int) -> None:
        """Nobody runs the loop: its beat cannot come, and what was found about it is void."""
        heartbeat.alive_ns = now
        heartbeat.doubt = heartbeat.sample = None
        if not heartbeat.resting_ns:
            heartbeat.resting_ns = now
        elif now - heartbeat.resting_ns >= _REST_NS:
            self._let_go(heartbeat)  # the next run takes it up again

    def _examine(self, heartbeat: _Heartbeat, doubt: _Doubt, now: int) -> None:
        """Look at what a late loop does; the same step for a while makes a sample, of which one a block is enough."""
        stack, step = step_of(sys._current_frames().get(heartbeat.thread), heartbeat.runner)
        if not stack:
            heartbeat.alive_ns = now
            doubt.step = None
        elif doubt.step != step:
            doubt.step, doubt.step_seen_ns = step, now
        elif min(now - heartbeat.standing_since(), (now - doubt.step_seen_ns) * 3) >= self._threshold_ns:
            observation = next((found for frame in stack if (found := self._observation_on(frame)) is not None), None)
            sample = _Sample(doubt.due_ns, site_of(stack), observation)
            doubt.step = None
            if heartbeat.due_ns == doubt.due_ns:  # the loop has not come round while we looked
                heartbeat.sampled_due_ns = doubt.due_ns
                heartbeat.sample = sample


def _this_run() -> weakref.ref[Any] | None:
    """What tells one call of the running loop's ``run_forever`` from the next.

    There is no such thing by intention. But asyncio and uvloop alike set a bound method of their own, made anew, as a
    hook for the time of the call.
    """
    hook = sys.get_asyncgen_hooks().firstiter
    return None if hook is None else weakref.ref(hook)
