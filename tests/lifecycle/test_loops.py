"""A loop that stands still is told once, with the line and the run; one that does not is never told."""

from __future__ import annotations

import asyncio
import contextvars
import ctypes
import gc
import re
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from autogen_vitals.lifecycle import loops, throttling
from autogen_vitals.lifecycle.loops import Block, LoopWatchdog

MS = 1_000_000
HEARTBEAT, THRESHOLD = 50 * MS, 200 * MS
THREAD = "autogen-vitals-loops"

NewLoop = Callable[[], asyncio.AbstractEventLoop]


class Run:
    """What a run is to the watchdog: anything."""


def run_on(frame: FrameType) -> Run | None:
    """The run of a frame is in a local variable of a name that only these tests use."""
    return frame.f_locals.get("run_of_this_frame")


class Watched:
    """A watchdog, and what it has told."""

    def __init__(self, heartbeat: int = HEARTBEAT, threshold: int = THRESHOLD) -> None:
        self.blocks: list[Block] = []
        self.threads: list[threading.Thread] = []
        self.dog = LoopWatchdog(heartbeat, threshold, run_on, self.told)

    def told(self, block: Block) -> None:
        self.blocks.append(block)
        self.threads.append(threading.current_thread())

    @property
    def block(self) -> Block:
        """The only one."""
        assert len(self.blocks) == 1, self.blocks
        return self.blocks[0]

    async def run(self, step: Callable[[], object], run: Run | None = None) -> Run:
        """A run that does this, and then ends in the same step."""
        run_of_this_frame = run or Run()
        self.dog.watch()
        step()
        self.dog.operation_ended(run_of_this_frame)
        return run_of_this_frame


@pytest.fixture
def watched() -> Iterator[Watched]:
    """A watchdog with the default times."""
    watched = Watched()
    yield watched
    thread = watched.dog._thread
    watched.dog.stop()
    if thread is not None:
        thread.join(10)
        assert not thread.is_alive()


@pytest.fixture(params=["asyncio", "uvloop"])
def new_loop(request: pytest.FixtureRequest) -> NewLoop:
    """Makes loops of one kind."""
    if request.param == "asyncio":
        return asyncio.new_event_loop
    return pytest.importorskip("uvloop").new_event_loop


@pytest.fixture
def loop(new_loop: NewLoop) -> Iterator[asyncio.AbstractEventLoop]:
    """One loop, closed in the end."""
    loop = new_loop()
    yield loop
    loop.close()


def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    """Waits in this thread; what is expected comes soon, or on a busy machine later."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


async def beaten() -> None:
    """Gives the loop the time for a late heartbeat, and two more."""
    await asyncio.sleep(3 * HEARTBEAT / 1e9)


def sleeps() -> None:
    time.sleep(0.7)


def computes() -> None:
    end = time.thread_time() + 0.5  # its own: what others had the CPU for is no block
    while time.thread_time() < end:
        sum(range(100))


SLEEPS = (__file__, sleeps.__code__.co_firstlineno + 1)


# --- what is told -----------------------------------------------------------------------------------------------------


def test_a_run_that_blocks_is_told_before_it_ends(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """Line, run, time and duration; and the heartbeat that comes afterwards does not tell it again."""
    told: list[int] = []

    async def main() -> Run:
        run_of_this_frame = Run()
        watched.dog.watch()
        sleeps()
        watched.dog.operation_ended(run_of_this_frame)
        told.append(len(watched.blocks))
        await beaten()
        return run_of_this_frame

    begun, clock = time.time_ns(), time.perf_counter_ns()
    run = loop.run_until_complete(main())
    elapsed = time.perf_counter_ns() - clock
    block = watched.block
    assert told == [1]
    assert block.site is not None
    assert (block.site.file, block.site.line) == SLEEPS
    assert block.site.function.endswith("sleeps")
    assert block.observation is run
    assert 300 * MS <= block.duration_ns <= elapsed
    assert begun - MS <= block.wall_ns <= begun + elapsed - block.duration_ns + MS
    assert 0 <= block.throttled_ns <= block.duration_ns
    assert watched.threads == [threading.current_thread()]


def test_a_block_outside_any_run_is_told_by_the_heartbeat(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """Another coroutine of the app keeps the runs waiting: it is nobody's, and the line is the finding."""

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()
        sleeps()
        await beaten()

    loop.run_until_complete(main())
    assert watched.block.site is not None
    assert (watched.block.site.file, watched.block.site.line) == SLEEPS
    assert watched.block.observation is None


def test_another_run_s_end_does_not_tell_it(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """Only the run that blocks is about to lose its span; the rest can wait for the heartbeat."""
    told: list[int] = []

    async def main() -> None:
        run_of_this_frame = Run()
        watched.dog.watch()
        sleeps()
        watched.dog.operation_ended(Run())
        told.append(len(watched.blocks))
        await beaten()
        watched.dog.operation_ended(run_of_this_frame)

    loop.run_until_complete(main())
    assert told == [0]
    assert isinstance(watched.block.observation, Run)


def test_the_innermost_run_is_the_one(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """A tool in an agent in a team: it is the tool that blocks."""
    tool = Run()

    async def main() -> None:
        run_of_this_frame = Run()
        watched.dog.watch()
        await watched.run(sleeps, tool)
        watched.dog.operation_ended(run_of_this_frame)
        await beaten()

    loop.run_until_complete(main())
    assert watched.block.observation is tool


def test_computing_blocks_too(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """It need not be one call that waits: the step is one, whatever line it is at."""

    async def main() -> None:
        await watched.run(computes)
        await beaten()

    loop.run_until_complete(main())
    assert watched.block.site is not None
    assert watched.block.site.function.endswith("computes")


def test_the_site_is_the_app_s_line(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """A library that blocks was called by somebody."""

    def calls() -> None:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.5)"], capture_output=True, check=True)

    async def main() -> None:
        await watched.run(calls)
        await beaten()

    loop.run_until_complete(main())
    assert watched.block.site is not None
    assert (watched.block.site.file, watched.block.site.line) == (__file__, calls.__code__.co_firstlineno + 1)


def test_a_callback_without_app_code_is_not_blamed_on_who_runs_the_loop(watched: Watched) -> None:
    """The line that runs the loop is outside the step. (Under uvloop such a step has no frame at all.)"""
    loop = asyncio.new_event_loop()

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()
        asyncio.get_running_loop().call_soon(time.sleep, 0.5)
        await beaten()

    loop.run_until_complete(main())
    loop.close()
    assert watched.block.site is not None
    assert Path(watched.block.site.file).name == "events.py"


def test_every_block_is_told_once(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """Two are two, and a long one is one."""

    async def main() -> None:
        await watched.run(sleeps)
        await beaten()
        await watched.run(lambda: time.sleep(1))
        await beaten()

    loop.run_until_complete(main())
    assert len(watched.blocks) == 2
    assert watched.blocks[0].wall_ns + watched.blocks[0].duration_ns <= watched.blocks[1].wall_ns
    assert watched.blocks[1].duration_ns >= 800 * MS


def test_a_second_run_of_the_loop_is_watched_from_its_first_step(
    watched: Watched, loop: asyncio.AbstractEventLoop
) -> None:
    """A server without a loop of its own runs one for each request."""
    loop.run_until_complete(watched.run(lambda: None))

    async def main() -> None:
        await watched.run(sleeps)
        await beaten()

    loop.run_until_complete(main())
    assert watched.block.site is not None
    assert (watched.block.site.file, watched.block.site.line) == SLEEPS


def test_two_loops_in_two_threads(watched: Watched, new_loop: NewLoop) -> None:
    """Each is told in its own thread, with its own run; a third that does not block, not at all."""
    together = threading.Barrier(3)
    runs: dict[str, Run] = {}

    def serve(step: Callable[[], object]) -> None:
        loop = new_loop()

        async def main() -> None:
            await watched.run(lambda: None)
            await beaten()
            together.wait()
            runs[threading.current_thread().name] = await watched.run(step)
            await beaten()

        loop.run_until_complete(main())
        loop.close()

    steps: dict[str, Callable[[], object]] = {"first": sleeps, "second": sleeps, "third": lambda: None}
    threads = [threading.Thread(target=serve, args=(step,), name=name) for name, step in steps.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(thread.name for thread in watched.threads) == ["first", "second"]
    for thread, block in zip(watched.threads, watched.blocks, strict=True):
        assert block.observation is runs[thread.name]


CATASTROPHE = re.compile(r"(a+)+$")


def catastrophe(seconds: float) -> Callable[[], object]:
    """Something that takes this long, or up to twice, and in which no other thread runs."""
    text, took = "a" * 16 + "b", 0.0
    while took < seconds:
        text = "a" + text
        clock = time.process_time()
        CATASTROPHE.match(text)
        took = time.process_time() - clock
    return lambda: CATASTROPHE.match(text)


def test_c_code_that_holds_the_lock_is_told_without_a_line(
    watched: Watched, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread could look meanwhile. The process was busy, so it is no stopped machine."""
    # A processor that others share is twice as slow now as it may be when it counts.
    hold_the_lock = catastrophe(1.0)
    # As if it had a CPU for itself: on a machine that is full, it could be the others who had it.
    monkeypatch.setattr(time, "process_time_ns", time.perf_counter_ns)

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()
        # On a full machine the watchdog may come too late to see the first.
        for _ in range(3):
            if not watched.blocks:
                await watched.run(hold_the_lock)
                await beaten()

    loop.run_until_complete(main())
    assert (watched.block.site, watched.block.observation) == (None, None)
    assert watched.block.duration_ns >= 300 * MS


def test_what_throttling_took_is_said(
    watched: Watched, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cgroup's count, as much as it grew; never more than the block lasted."""
    start = time.perf_counter_ns()
    monkeypatch.setattr(throttling, "throttled_ns", lambda: (time.perf_counter_ns() - start) // 4)

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()
        await watched.run(sleeps)

    loop.run_until_complete(main())
    block = watched.block
    assert block.duration_ns // 8 <= block.throttled_ns <= block.duration_ns // 2


# --- what is not ------------------------------------------------------------------------------------------------------


def test_a_thousand_well_behaved_runs(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """One after the other, and all at once: many short steps are no block."""

    async def run() -> None:
        run_of_this_frame = Run()
        watched.dog.watch()
        for _ in range(3):
            await asyncio.sleep(0)
            sum(range(1_000))
        watched.dog.operation_ended(run_of_this_frame)

    async def main() -> None:
        for _ in range(500):
            await run()
            await asyncio.sleep(0.001)
        await asyncio.gather(*(run() for _ in range(200)))
        await beaten()

    loop.run_until_complete(main())
    assert watched.blocks == []


def test_many_short_steps_in_one_round_are_no_block(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """The heartbeat is late, and nobody is to blame."""

    async def short() -> None:
        time.sleep(0.005)

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()
        await asyncio.gather(*(short() for _ in range(100)))
        await beaten()

    loop.run_until_complete(main())
    assert watched.blocks == []


def test_a_loop_that_waits_is_not_blocked(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """For a model, as a rule."""

    async def main() -> None:
        watched.dog.watch()
        await asyncio.sleep(0.5)
        watched.dog.operation_ended(Run())

    loop.run_until_complete(main())
    assert watched.blocks == []


@pytest.mark.parametrize("holds_the_lock", [False, True])
def test_a_pause_between_two_runs_of_the_loop(
    watched: Watched, loop: asyncio.AbstractEventLoop, holds_the_lock: bool
) -> None:
    """Nobody ran the loop: it was not the loop that stood still."""
    pause = catastrophe(0.4) if holds_the_lock else sleeps

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()

    loop.run_until_complete(main())
    pause()
    loop.run_until_complete(main())
    assert watched.blocks == []


def test_a_process_that_slept_is_not_blocked(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """Nothing of it ran, and it used no CPU: this call holds the interpreter's lock asleep."""
    library = ctypes.PyDLL(None)

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()
        library.usleep(500_000)
        await beaten()

    loop.run_until_complete(main())
    assert watched.blocks == []


STOPPED = """
import asyncio, sys
from autogen_vitals.lifecycle.loops import LoopWatchdog
async def main():
    dog = LoopWatchdog(50_000_000, 200_000_000, lambda frame: None, lambda block: print("block", block))
    print("ready", flush=True)
    end = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    while not end.done():
        dog.watch()
        await asyncio.sleep(0.002)
        dog.operation_ended(None)
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_stopped_process_is_not_blocked() -> None:
    """SIGSTOP, a debugger, a laptop that was shut. And at its exit the thread makes no noise."""
    process = subprocess.Popen([sys.executable, "-c", STOPPED], stdin=-1, stdout=-1, stderr=-1, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    for _ in range(3):
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.7)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.15)
    assert process.communicate("\n", timeout=60) == ("", "")
    assert process.returncode == 0


# --- what it costs ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("heartbeat", "threshold"), [(0, THRESHOLD), (HEARTBEAT, 0)])
def test_zero_switches_it_off(heartbeat: int, threshold: int, loop: asyncio.AbstractEventLoop) -> None:
    """No thread, no timer."""
    watched = Watched(heartbeat, threshold)
    loop.run_until_complete(watched.run(lambda: None))
    assert watched.dog._thread is None
    assert watched.dog._heartbeats == {}


def test_no_thread_without_a_loop(watched: Watched) -> None:
    """A fork server, or an app of AutoGen 0.2, has no use for one."""
    watched.dog.watch()
    watched.dog.operation_ended(Run())
    assert watched.dog._thread is None


class Beats:
    """Counts the heartbeats of all watchdogs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        schedule = loops._Heartbeat.schedule

        def counted(heartbeat: Any, loop: Any) -> None:
            self.count += 1
            schedule(heartbeat, loop)

        monkeypatch.setattr(loops._Heartbeat, "schedule", counted)


def test_an_idle_service_is_left_alone(
    watched: Watched, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second after the last run the heartbeat ends and the thread sleeps; the next run wakes both."""
    beats = Beats(monkeypatch)

    async def main() -> None:
        await watched.run(lambda: None)
        begun = time.monotonic()
        while watched.dog._heartbeats:
            await asyncio.sleep(0.01)
        assert time.monotonic() - begun >= 0.9
        assert 15 <= beats.count <= 21
        count = beats.count
        await beaten()  # the thread has seen it
        pulse = watched.dog._pulse._tick
        await asyncio.sleep(0.3)
        assert watched.dog._pulse._tick is pulse
        assert beats.count == count
        await watched.run(sleeps)
        assert len(watched.blocks) == 1

    loop.run_until_complete(main())


def test_an_open_run_keeps_it_going(
    watched: Watched, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may block late; one that never ends does not keep it for ever."""
    monkeypatch.setattr(loops, "_REST_NS", 100 * MS)
    monkeypatch.setattr(loops, "_ABANDONED_NS", 800 * MS)

    async def main() -> None:
        watched.dog.watch()
        begun = time.monotonic()
        while watched.dog._heartbeats:
            await asyncio.sleep(0.01)
        assert time.monotonic() - begun >= 0.7

    loop.run_until_complete(main())
    assert watched.blocks == []


def test_a_loop_that_nobody_runs_is_let_go(
    watched: Watched, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the thread would wake for ever; the next run takes it up again."""
    monkeypatch.setattr(loops, "_REST_NS", 200 * MS)

    async def main() -> None:
        watched.dog.watch()
        await beaten()

    loop.run_until_complete(main())
    eventually(lambda: not watched.dog._heartbeats)
    loop.run_until_complete(watched.run(sleeps))
    assert len(watched.blocks) == 1


def collected(reference: weakref.ref[Any]) -> bool:
    gc.collect()
    return reference() is None


def test_no_closed_loop_lives_longer_for_it(watched: Watched, new_loop: NewLoop) -> None:
    """Not even one that stood still in a run that never ended."""
    loop = new_loop()

    async def main() -> None:
        watched.dog.watch()
        sleeps()
        await beaten()

    loop.run_until_complete(main())
    reference = weakref.ref(loop)
    loop.close()
    del loop
    eventually(lambda: collected(reference))
    eventually(lambda: not watched.dog._heartbeats)


def test_nor_does_one_that_was_dropped(watched: Watched) -> None:
    """One of asyncio's: uvloop itself keeps a loop that was not closed."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(watched.run(lambda: None))
    reference = weakref.ref(loop)
    del loop
    with pytest.warns(ResourceWarning, match="unclosed event loop"):
        eventually(lambda: collected(reference))
    eventually(lambda: not watched.dog._heartbeats)


def test_the_timer_is_no_task_and_holds_no_context(watched: Watched, loop: asyncio.AbstractEventLoop) -> None:
    """``all_tasks`` does not show it, and what the first request put into its context can go."""
    variable: contextvars.ContextVar[Run | None] = contextvars.ContextVar("request")

    async def request() -> weakref.ref[Run]:
        run = Run()
        variable.set(run)
        watched.dog.watch()
        return weakref.ref(run)

    async def main() -> None:
        reference = await asyncio.ensure_future(request())
        assert asyncio.all_tasks() == {asyncio.current_task()}
        await beaten()
        gc.collect()
        assert reference() is None
        assert watched.dog._heartbeats

    loop.run_until_complete(main())


# --- it never hurts ---------------------------------------------------------------------------------------------------


def test_a_teller_that_fails_stops_nothing(loop: asyncio.AbstractEventLoop) -> None:
    """Nor does one that cannot say whose a frame is; the loop's exception handler is not bothered."""
    errors: list[Any] = []
    told: list[Block] = []

    def fail(_: object) -> Any:
        raise LookupError

    def tell(block: Block) -> None:
        told.append(block)
        raise LookupError

    dog = LoopWatchdog(HEARTBEAT, THRESHOLD, fail, tell)
    loop.set_exception_handler(lambda _, context: errors.append(context))

    async def main() -> None:
        for _ in range(2):
            dog.watch()
            sleeps()
            await beaten()

    loop.run_until_complete(main())
    dog.stop()
    assert [block.observation for block in told] == [None, None]
    assert errors == []


def test_debug_mode_does_not_log_the_heartbeat(
    watched: Watched, loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    """What is slow there is the app's step."""
    loop.set_debug(True)

    async def main() -> None:
        await watched.run(sleeps)
        await beaten()

    loop.run_until_complete(main())
    assert len(watched.blocks) == 1
    assert not [record for record in caplog.records if "_Heartbeat" in record.getMessage()]


def test_stop_is_for_good(watched: Watched, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread ends, no heartbeat comes any more, and no run begins one."""
    beats = Beats(monkeypatch)

    async def main() -> None:
        watched.dog.watch()
        thread, count = watched.dog._thread, beats.count
        assert thread is not None
        watched.dog.stop()
        watched.dog.watch()
        sleeps()
        watched.dog.operation_ended(Run())
        await beaten()
        thread.join(10)
        assert not thread.is_alive()
        assert beats.count == count

    loop.run_until_complete(main())
    assert watched.blocks == []


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_begins_anew(
    watched: Watched, loop: asyncio.AbstractEventLoop, in_fork: Callable[..., Any], new_loop: NewLoop
) -> None:
    """No loop and no thread of the parent's; both come with the child's first run. The parent goes on."""

    def child() -> list[Any]:
        at_first = [len(watched.dog._heartbeats), watched.dog._thread is None]
        new_loop().run_until_complete(watched.run(sleeps))
        return [*at_first, len(watched.blocks), [thread.name for thread in threading.enumerate()].count(THREAD)]

    async def main() -> None:
        await watched.run(lambda: None)
        await beaten()

    loop.run_until_complete(main())
    assert in_fork(child) == [0, True, 1, 1]
    assert watched.blocks == []
    loop.run_until_complete(watched.run(sleeps))
    assert len(watched.blocks) == 1
