"""The cold start: what each instant of it went to, from the creation of the process to the end of its first request."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable
from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from autogen_vitals.clock import LOADED_NS
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork
from autogen_vitals.lifecycle.phases import Phases
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import CHAT, EXECUTE_CODE, EXECUTE_TOOL, StartupStage

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.observation import Observation
    from autogen_vitals.lifecycle.requests import Request

_logger = logging.getLogger("autogen_vitals")

_LONGEST_NS = 3600 * 1_000_000_000
"""What takes longer than an hour is no cold start: a notebook, a shell, a laptop that slept."""

_SHORTEST_NS = 100_000
_INTERVAL_LIMIT = 4096
_ESTIMATE_LIMIT = 32

_RANKS: dict[StartupStage, int] = {
    "imports": 1,
    "model_wait": 2,
    "model_stream": 2,
    "tool": 2,
    "warm_up": 3,
    "init": 4,
    "request_init": 4,
    "connect_dns_tcp": 5,
    "connect_tls": 5,
    "gc": 6,
}
"""Where two overlap, the higher one counts: an import inside a constructor is the init's, a connection its own, and a
garbage collection interrupts anything."""


class Interval(NamedTuple):
    """Something that took its time, on the monotonic clock."""

    begin_ns: int
    end_ns: int
    stage: StartupStage


class StartupReport(Record, frozen=True):
    """One cold start.

    Attributes:
        begin_ns, end_ns: creation of the process and end of its first request, on the monotonic clock.
        stages: nanoseconds of each stage that took any.
        idle_ns: between being ready and the first request; in none of the stages.
        request_ns: of the stages together, what was inside the first request.
        first_token_ns: nanoseconds of cold start until the model's first token or whole reply.
        complete: a request has been served.
        exact: the kernel told when the process was created.
    """

    begin_ns: int
    end_ns: int
    stages: dict[StartupStage, int]
    idle_ns: int
    request_ns: int
    first_token_ns: int | None
    complete: bool
    exact: bool

    @property
    def total_ns(self) -> int:
        """The cold start: the stages together."""
        return sum(self.stages.values())


class Startup:
    """Collects what happens during the cold start of this process, and tells of it once.

    It is over with the first request that uses AutoGen; of one that waits for more, as a WebSocket session does, with
    its first outermost run. A forked child has a cold start of its own, which counts from the fork. Bounded: intervals
    below 0.1 ms, and those above ``_INTERVAL_LIMIT``, are left to the stage around them.

    Args:
        phases: knows when the process became ready.
        packages: the observed libraries.
        told: gets the report.

    Attributes:
        open: it goes on.
        used: this process has used AutoGen.
        request: the first request.
        closed: called when it is over, told of or not.
    """

    def __init__(self, phases: Phases, packages: Iterable[str], told: Callable[[StartupReport], object]) -> None:
        self._phases = phases
        self._packages = frozenset(packages)
        self._told = told
        self.closed: Callable[[], object] = lambda: None
        self._reset(LOADED_NS)
        renew_after_fork(self, Startup._renew)
        prepare_for_fork(self, Startup._forks)

    def _renew(self) -> None:
        now = time.perf_counter_ns()
        self._reset(now)
        self._installed_ns = now

    def _forks(self) -> None:
        # A fork server serves no request itself: it has started when it forks. What it has imported by then its
        # workers need not.
        if self.open and process.facts.is_fork_server:
            self.used = self.used or not self._packages.isdisjoint(sys.modules)
            self.close()

    def _reset(self, loaded_ns: int) -> None:
        self.open = True
        self.used = False
        self.request: Request | None = None
        self._loaded_ns = loaded_ns
        self._installed_ns: int | None = None
        self._first_token_ns: int | None = None
        self._intervals: list[Interval] = []
        self._estimates = 0
        self._estimate: StartupReport | None = None

    # --- what happens ---------------------------------------------------------------------------------------------

    def installed(self) -> None:
        """Instrumentation ends here: of this package, and when it is told again, of others after it."""
        if self.request is None:
            self._installed_ns = time.perf_counter_ns()

    def add(self, stage: StartupStage, begin_ns: int, end_ns: int) -> None:
        """Something took its time."""
        if self.open and end_ns - begin_ns >= _SHORTEST_NS and len(self._intervals) < _INTERVAL_LIMIT:
            self._intervals.append(Interval(begin_ns, end_ns, stage))

    def imported(self, begin_ns: int, end_ns: int) -> None:
        """An import that was not inside another one."""
        self.add("imports", begin_ns, end_ns)

    def collected(self, begin_ns: int, end_ns: int) -> None:
        """A garbage collection."""
        self.add("gc", begin_ns, end_ns)

    def observed(self, observation: Observation) -> None:
        """An observation is over."""
        if not self.open or not self.concerns(observation):
            return
        begin_ns = observation.clock_ns
        end_ns = begin_ns + observation.duration_ns
        operation = observation.operation
        if operation is None:
            init: StartupStage = "init" if self.request is None else "request_init"
            self.add("warm_up" if observation.stage == "warm_up" else init, begin_ns, end_ns)
        elif operation is CHAT:
            first_ns = end_ns if observation.first_item_ns is None else begin_ns + observation.first_item_ns
            self.add("model_wait", begin_ns, first_ns)
            self.add("model_stream", first_ns, end_ns)
            if self._first_token_ns is None and observation.error is None and self.request is not None:
                self._first_token_ns = first_ns
        elif operation in (EXECUTE_TOOL, EXECUTE_CODE):
            self.add("tool", begin_ns, end_ns)

    def concerns(self, observation: Observation | None) -> bool:
        """Whether it is on the way to the end of the first request: other requests may be served meanwhile."""
        return self.request is None or (observation is not None and observation.request is self.request)

    def request_begins(self, request: Request) -> None:
        """A request uses AutoGen. The first one that a server that has started serves is the one."""
        if self.open and self.request is None and not self._phases.starting:
            self.request = request

    def request_ends(self, request: Request) -> None:
        """A request is over."""
        if request is self.request:
            self.close(complete=True)

    # --- what it came to ------------------------------------------------------------------------------------------

    def close(self, *, complete: bool = False) -> None:
        """The cold start is over. One in which AutoGen was not used is nobody's business."""
        if not self.open:
            return
        report = self._report(complete=complete)
        self.open = False
        self._estimate, self._estimates = report, _ESTIMATE_LIMIT
        self._intervals = []
        if self.used and _is_sane(report):
            self._told(report)
        self.closed()

    def stop(self) -> None:
        """It is nobody's business any more."""
        self.open = False
        self.closed = lambda: None

    def so_far(self) -> StartupReport:
        """What it has come to by now. Made anew a few times only: a first request may build a thousand things."""
        if self._estimate is None or self._estimates < _ESTIMATE_LIMIT:
            self._estimates += 1
            self._estimate = self._report(complete=False)
        return self._estimate

    def _report(self, *, complete: bool) -> StartupReport:
        now_ns = time.perf_counter_ns()
        created = process.facts.creation_time
        loaded_ns = max(created.clock_ns, self._loaded_ns)
        installed_ns = max(loaded_ns, self._installed_ns or now_ns)
        begun_ns = now_ns if self.request is None else max(installed_ns, self.request.clock_ns)
        ready_ns = min(begun_ns, max(installed_ns, self._phases.ready_ns or begun_ns))
        spawned: tuple[Interval, ...] = (
            Interval(created.clock_ns, loaded_ns, "spawn"),
            Interval(loaded_ns, installed_ns, "instrumentation"),
        )
        served = (Interval(installed_ns, ready_ns, "ready"), Interval(begun_ns, now_ns, "request"))
        first_token_ns = self._first_token_ns
        idle_ns = begun_ns - ready_ns
        return StartupReport(
            begin_ns=created.clock_ns,
            end_ns=now_ns,
            # What instrumentations import is theirs.
            stages={**partition(spawned, ()), **partition(served, self._intervals)},
            idle_ns=idle_ns,
            request_ns=now_ns - begun_ns,
            first_token_ns=None if first_token_ns is None else first_token_ns - created.clock_ns - idle_ns,
            complete=complete,
            exact=created.exact,
        )


def partition(around: Iterable[Interval], inside: Iterable[Interval]) -> dict[StartupStage, int]:
    """Share out the time of ``around``, intervals that do not overlap, among them and what is ``inside`` them.

    Each instant counts once: for the stage of the highest rank, of two equal ones for the one that began last.

    Returns:
        Nanoseconds of each stage that has any; together they are as long as ``around``.
    """
    shares: dict[StartupStage, int] = {}
    for whole in around:
        if whole.begin_ns >= whole.end_ns:
            continue
        pieces = [
            Interval(max(piece.begin_ns, whole.begin_ns), min(piece.end_ns, whole.end_ns), piece.stage)
            for piece in inside
            if piece.begin_ns < whole.end_ns and piece.end_ns > whole.begin_ns
        ]
        pieces.append(whole)
        _share_out(sorted(pieces), shares)
    return {stage: share for stage, share in shares.items() if share > 0}


def _share_out(pieces: list[Interval], shares: dict[StartupStage, int]) -> None:
    bounds = sorted({bound for piece in pieces for bound in piece[:2]})
    active: list[tuple[int, int, int, StartupStage]] = []
    arrived = 0
    for now_ns, then_ns in pairwise(bounds):
        while arrived < len(pieces) and pieces[arrived].begin_ns <= now_ns:
            begin_ns, end_ns, stage = pieces[arrived]
            heappush(active, (-_RANKS.get(stage, 0), -begin_ns, end_ns, stage))
            arrived += 1
        while active[0][2] <= now_ns:
            heappop(active)
        stage = active[0][3]
        shares[stage] = shares.get(stage, 0) + then_ns - now_ns


def _is_sane(report: StartupReport) -> bool:
    if 0 <= report.total_ns <= _LONGEST_NS and report.idle_ns >= 0:
        return True
    _logger.info(
        "autogen-vitals: the start of process %d is not reported: it would have taken %.0f s, which is no cold start",
        process.facts.pid,
        report.total_ns / 1e9,
    )
    return False
