"""CPU that the process was not given: by its cgroup's quota, or by a machine that is full."""

from __future__ import annotations

import time
from functools import lru_cache

from autogen_vitals.records import Record

_CONTROLLER = "cpu"
_READ_EVERY_NS = 100_000_000


class _Tick(Record, frozen=True):
    """A moment, and the CPU time of the process by then."""

    clock_ns: int
    cpu_ns: int


class Pulse:
    """What a thread that wakes regularly learns of its process: when it last ran, and what its quota has cost it.

    Written by that thread, read by any.

    Args:
        stall_ns: from when on it is a stall that the thread has not woken.
    """

    def __init__(self, stall_ns: int) -> None:
        self._stall_ns = stall_ns
        self._stall: tuple[_Tick, _Tick] | None = None
        self.begin()

    def begin(self) -> None:
        """The thread begins to wake regularly, or does so again."""
        self._tick = _now()
        self.throttled: int | None = None
        self._throttled_read_ns = 0

    def beat(self) -> None:
        """The thread is awake."""
        before, tick = self._tick, _now()
        if tick.clock_ns - before.clock_ns >= self._stall_ns:
            self._stall = (before, tick)
        self._tick = tick
        # Less often than this is called: the kernel adds up a cgroup's statistics when they are asked for.
        if tick.clock_ns - self._throttled_read_ns >= _READ_EVERY_NS:
            self._throttled_read_ns = tick.clock_ns
            self.throttled = throttled_ns()

    def _before_stall(self, since_ns: int) -> _Tick | None:
        """The last tick before the process stood still, as it has done for a while after ``since_ns``."""
        ongoing = (self._tick, _now())
        for before, after in (ongoing, self._stall or ongoing):
            if after.clock_ns - max(before.clock_ns, since_ns) >= self._stall_ns:
                return before
        return None

    def was_busy(self, since_ns: int, throttled: int) -> bool:
        """Whether the process stood still after ``since_ns`` and had the CPU meanwhile, or its quota was used up.

        C code that holds the interpreter's lock is busy so. If neither CPU time nor ``throttled``, nanoseconds,
        accounts for half of the time, the machine slept, somebody stopped the process, or others had the CPU.
        """
        tick = self._before_stall(since_ns)
        if tick is None:
            return False
        now = _now()
        return max(now.cpu_ns - tick.cpu_ns, throttled) * 2 >= now.clock_ns - since_ns


def _now() -> _Tick:
    return _Tick(time.perf_counter_ns(), time.process_time_ns())


def throttled_since(earlier: int | None) -> int:
    """Nanoseconds of throttling since ``throttled_ns`` said ``earlier``; 0 when unknown."""
    now = None if earlier is None else throttled_ns()
    return 0 if earlier is None or now is None else max(0, now - earlier)


def throttled_ns(proc: str = "/proc", cgroups: str = "/sys/fs/cgroup") -> int | None:
    """For how long, in nanoseconds and in all, this process's cgroup has been kept off the CPU by its quota.

    Summed over CPUs by the kernel, so that it may grow faster than a clock. ``None`` when it cannot be told.

    Args:
        proc, cgroups: where the kernel shows processes and control groups.
    """
    found = _statistics_file(proc, cgroups)
    return None if found is None else _read(*found)


def waited_ns(thread: int, proc: str = "/proc") -> int | None:
    """For how long, in nanoseconds and in all, a thread that could run has waited for a CPU.

    ``None`` when it cannot be told: another system than Linux, or a kernel or sandbox that does not account for it.

    Args:
        thread: the kernel's identifier, ``threading.get_native_id()``.
        proc: where the kernel shows processes.
    """
    try:
        with open(f"{proc}/self/task/{thread}/schedstat", "rb") as file:
            ran, waited, _ = map(int, file.read().split())
    except (OSError, ValueError):
        return None
    # Where the kernel does not account, all three are 0; a thread that asks has run.
    return waited if ran else None


@lru_cache(maxsize=8)
def _statistics_file(proc: str, cgroups: str) -> tuple[str, bytes, int] | None:
    """The cgroup's ``cpu.stat``, the name of its field, and the field's unit in nanoseconds.

    Of the process's cgroup, or else of the nearest one around it that counts. That also finds the file where a
    container sees its own cgroup as the root, while ``/proc`` gives the path outside: none of the folders named there
    exists, up to the root. Looked for once: a process is hardly ever moved to another cgroup.
    """
    try:
        with open(f"{proc}/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            groups = [line.rstrip("\n").split(":", 2)[1:] for line in file]
    except OSError:
        return None
    of = {group[0]: group[1] for group in groups if len(group) == 2}
    # Version 1 comes first: where both are mounted, the controller belongs to whichever names it.
    for controllers, path in of.items():
        if _CONTROLLER in controllers.split(","):
            mounts = (f"{cgroups}/{controllers}", f"{cgroups}/{_CONTROLLER}")
            return _nearest(mounts, path, b"throttled_time", 1)
    return _nearest((cgroups,), of[""], b"throttled_usec", 1000) if "" in of else None


def _nearest(mounts: tuple[str, ...], path: str, field: bytes, unit: int) -> tuple[str, bytes, int] | None:
    # A process outside the root of its cgroup namespace has a path with "..": only the root itself can be meant then.
    parts = [] if ".." in path else [part for part in path.split("/") if part]
    for length in range(len(parts), -1, -1):
        for mount in mounts:
            file = "/".join((mount, *parts[:length], "cpu.stat"))
            if _read(file, field, unit) is not None:
                return file, field, unit
    return None


def _read(file: str, field: bytes, unit: int) -> int | None:
    try:
        with open(file, "rb") as statistics:
            for line in statistics:
                name, _, value = line.partition(b" ")
                if name == field:
                    return int(value) * unit
    except (OSError, ValueError):
        return None
    return None
