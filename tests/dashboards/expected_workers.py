"""What each query of the board Workers must say."""

from __future__ import annotations

from collections.abc import Mapping

import bounds
from bounds import Bounds, Expectation, Rows, none, one, rows
from expected_cold_starts import CLOCK_ERROR, cold_seconds
from history import END, STRETCH, Clock
from truth import AGENT_RUNS, SERVERS, TEAM_RUNS, Truth

_RUNS = AGENT_RUNS + TEAM_RUNS

FIRST_EXPORT = 4.0
"""Seconds from when a process is ready to when it has exported at the latest, on a busy machine, and boards look only
at minutes, that is seconds of the scenario. At the earliest, it has when it built its first client."""


def alive(truth: Truth) -> Rows:
    return one(len(truth.alive))


def came(truth: Truth) -> Rows:
    return one(len(truth.started))


def gone(truth: Truth) -> Rows:
    """Of the processes within the time that is asked about; all of them if none of it is left out."""
    return one(0 if truth.since_ns else len(truth.workers) - len(truth.alive))


def ages(truth: Truth) -> dict[int, Bounds]:
    """Seconds of the history for which each process had exported when it ended."""
    clock = Clock(truth.played)
    found: dict[int, Bounds] = {}
    whole = END - clock.at(truth.since_ns or 0)
    for pid, deed in truth.present.items():
        # As long as the range, for those that are older, and to the export before it.
        since_created, since_ready = (
            min(END - clock.at(deed.body[moment]), whole) for moment in ("created_ns", "ready_ns")
        )
        found[pid] = Bounds(since_ready - FIRST_EXPORT * STRETCH, since_created + STRETCH)
    return found


def youngest(truth: Truth) -> Rows:
    found = [age for pid, age in ages(truth).items() if pid in truth.alive]
    return one(Bounds(min(age.low for age in found), min(age.high for age in found))) if found else none()


def lifetimes(truth: Truth) -> Rows:
    """At the end; ``test_lives_are_drawn`` looks at the rest."""
    found = {_labels(truth, pid): 1 for pid in truth.alive}
    return rows("job process_pid autogen_worker_server instance", found)


def _labels(truth: Truth, pid: int) -> tuple[str, str, str, str]:
    deed = truth.workers[pid]
    return deed.job, str(pid), SERVERS[deed.job], deed.body["instance"]


def identities(truth: Truth) -> Rows:
    found = {(*_labels(truth, pid), str(deed.body["parent_pid"])): 1 for pid, deed in truth.present.items()}
    return rows("job process_pid autogen_worker_server instance process_parent_pid", found)


def of_each(values: Mapping[int, Bounds | float]) -> Expectation:
    return lambda truth: rows("instance", {truth.workers[pid].body["instance"]: each for pid, each in values.items()})


def cold_start_of_each(truth: Truth) -> Rows:
    """Of those that began earlier too."""
    seconds = zip(*cold_seconds(truth.present.values()), strict=True)
    return of_each({pid: Bounds(*each) for pid, each in zip(truth.present, seconds, strict=True)})(truth)


def inits_of_each(truth: Truth) -> Rows:
    """A team that first runs is an init of a second stage."""
    second = truth.team_starts
    return of_each({pid: truth.inits(pid).total() + second[pid] for pid in truth.workers})(truth)


def reinits_of_each(truth: Truth) -> Rows:
    return of_each({pid: truth.reinits(pid).total() for pid in truth.workers})(truth)


def requests_of_each(truth: Truth) -> Rows:
    return of_each({pid: sum(deed.pid == pid for deed in truth.deeds) for pid in truth.workers})(truth)


def runs_of_each(truth: Truth) -> Rows:
    return of_each(truth.runs(_RUNS))(truth)


def crashes_of_each(truth: Truth) -> Rows:
    found = {pid: sum(deed.pid == pid for deed in truth.failed) for pid in truth.workers}
    told = {truth.workers[pid].body["instance"]: number for pid, number in found.items()}
    return rows("instance", told, whole=truth.crashes.total(), others=bool(truth.unborn))


def ages_of_each(truth: Truth) -> Rows:
    """Of those that are dead too, as long ago as they first exported."""
    return of_each(ages(truth))(truth)


def alive_of_each(truth: Truth) -> Rows:
    return of_each(dict.fromkeys(truth.alive, 1))(truth)


def until_ready(truth: Truth) -> Rows:
    """From the creation of a process until the app is ready; what it imports and collects later is in it."""
    if not truth.started:
        return none()
    low = [(deed.body["ready_ns"] - deed.body["created_ns"]) / 1e9 for deed in truth.started.values()]
    return one(Bounds(bounds.mean(low, low).low - CLOCK_ERROR, bounds.mean(*cold_seconds(truth.started.values())).high))


def booted(truth: Truth) -> Rows:
    return one(len(truth.started)) if truth.started else none()


def runs_by_worker(truth: Truth) -> Rows:
    found = {_labels(truth, pid): number for pid, number in truth.runs(_RUNS).items()}
    return rows("job process_pid autogen_worker_server instance", found)


BOARD = "autogen-workers"
EXPECTED: dict[tuple[str, str, str], Expectation] = {
    (BOARD, "Alive", "A"): alive,
    (BOARD, "Restarts", "A"): came,
    (BOARD, "Restarts", "B"): gone,
    (BOARD, "Youngest worker", "A"): youngest,
    (BOARD, "Duplicate identities", "A"): lambda _: one(0),
    (BOARD, "Lifetimes", "A"): lifetimes,
    (BOARD, "Workers", "A"): identities,
    (BOARD, "Workers", "B"): cold_start_of_each,
    (BOARD, "Workers", "C"): inits_of_each,
    (BOARD, "Workers", "D"): reinits_of_each,
    (BOARD, "Workers", "E"): requests_of_each,
    (BOARD, "Workers", "F"): runs_of_each,
    (BOARD, "Workers", "G"): crashes_of_each,
    (BOARD, "Workers", "H"): ages_of_each,
    (BOARD, "Workers", "I"): alive_of_each,
    (BOARD, "Boot time and booting workers", "A"): until_ready,
    (BOARD, "Boot time and booting workers", "B"): booted,
    (BOARD, "Runs by worker", "A"): runs_by_worker,
}
