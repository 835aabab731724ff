"""What each query of the board Crashes must say: all of it is counted, and exact."""

from __future__ import annotations

from bounds import Bounds, Expectation, Rows, none, one, rows
from expected_findings import RULES_OF_CRASHES
from scenario import MANY
from truth import Truth, summed


def exceptions(truth: Truth) -> Rows:
    return one(truth.crashes.total())


def deaths(truth: Truth) -> Rows:
    return one(truth.exits.total())


def crashing_workers(truth: Truth) -> Rows:
    return one(len({deed.pid for deed in truth.failed}) + len(truth.unborn))


def died_before_serving(truth: Truth) -> Rows:
    return one(len(truth.unborn))


def crash_free(truth: Truth) -> Rows:
    return one(1 - len(truth.failed) / len(truth.deeds))


def what_to_do(truth: Truth) -> Rows:
    """The column for the remedy has the category, which the panel puts into words."""
    found = summed(truth.crashes, lambda key: (key[1], key[3], RULES_OF_CRASHES[key[1]], key[1]))
    return rows("autogen_crash_category error_type autogen_finding_rule remedy", found)


def by_category(truth: Truth) -> Rows:
    return rows("autogen_crash_category", summed(truth.crashes, lambda key: key[1]))


def category_and_phase(truth: Truth) -> Rows:
    return rows("autogen_crash_category autogen_phase", summed(truth.crashes, lambda key: (key[1], key[2])))


def by_worker(truth: Truth) -> Rows:
    """Of those that failed to import the app there is no pid, for they never used AutoGen: they share a row here."""
    found: dict[tuple[str, ...], float] = {}
    for deed in truth.failed:
        key = (deed.job, str(deed.pid), "gunicorn", deed.version, deed.body["instance"])
        found[key] = found.get(key, 0) + 1
    return rows("job process_pid autogen_worker_server service_version instance", found, others=bool(truth.unborn))


def one_worker(truth: Truth) -> Rows:
    """Nothing fails where there is one, but while the first or the last of several is alone."""
    return one(Bounds(0, 1)) if truth.jobs != (MANY,) else none()


def several_workers(truth: Truth) -> Rows:
    """Nearly all requests and crashes of several workers are in minutes in which several were alive."""
    of_many = truth.of_job(MANY)
    if not of_many.deeds:
        return none()
    share = len(of_many.failed) / len(of_many.deeds)
    return one(Bounds(share * 0.8, share * 1.5))


def how_processes_died(truth: Truth) -> Rows:
    found = summed(truth.exits, lambda key: (key[1], key[2], key[3], key[1], key[1]))
    return rows("autogen_exit_reason autogen_phase autogen_exit_observed_by rule remedy", found)


def deaths_over_time(truth: Truth) -> Rows:
    return rows("autogen_exit_reason", summed(truth.exits, lambda key: key[1]))


BOARD = "autogen-crashes"
EXPECTED: dict[tuple[str, str, str], Expectation] = {
    (BOARD, "Crashes", "A"): exceptions,
    (BOARD, "Crashes", "B"): deaths,
    (BOARD, "Crashing workers", "A"): crashing_workers,
    (BOARD, "Died before serving", "A"): died_before_serving,
    (BOARD, "Crash-free requests", "A"): crash_free,
    (BOARD, "What to do", "A"): what_to_do,
    (BOARD, "Crashes by category", "A"): by_category,
    (BOARD, "Category and phase", "A"): category_and_phase,
    (BOARD, "By worker", "A"): by_worker,
    (BOARD, "One worker or several", "A"): one_worker,
    (BOARD, "One worker or several", "B"): several_workers,
    (BOARD, "How processes died", "A"): how_processes_died,
    (BOARD, "Deaths over time", "A"): deaths_over_time,
    (BOARD, "Without an exit record", "A"): lambda _: one(0),
}
