"""What the recording rules count of a scenario whose truth is known: all of it, once, however it is cut into windows.

Who is told of it: ``test_alerts.py``.
"""

from __future__ import annotations

from collections import Counter

import history
import pytest
from prometheus import Prometheus
from scenario import Played
from test_rules import FILES, rules_of
from truth import Truth, summed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RECORDED = {rule["record"]: rule["expr"] for path in FILES for rule in rules_of(path) if "record" in rule}


def totals(server: Prometheus, played: Played, record: str, window: float, *labels: str) -> Counter[tuple[str, ...]]:
    """What a rule has counted in all, window by window."""
    begin = history.Clock(played).begin(played)
    found: Counter[tuple[str, ...]] = Counter()
    at = history.END
    while at > begin:
        for sample in server.instant(RECORDED[record], at):
            found[tuple(sample.labels[label] for label in labels)] += round(sample.value)
        at -= window
    return found


@pytest.mark.parametrize(("minutes", "record"), [(20, "count20m"), (6, "count6m")])
def test_ends_of_processes(minutes: int, record: str, past: Prometheus, played: Played) -> None:
    """Seven were killed, one left, three were never born; that adds up, however it is cut into windows."""
    labels = ("job", "autogen_exit_reason", "autogen_phase")
    counted = totals(past, played, f"job_reason_phase:autogen_process_exits:{record}", minutes * 60, *labels)
    assert counted == summed(Truth(played).exits, lambda key: key[:3])


def test_crashes(past: Prometheus, played: Played) -> None:
    """Each exception that got out, by what it means and when it was."""
    labels = ("job", "autogen_crash_category", "autogen_phase")
    counted = totals(past, played, "job_category_phase:autogen_crashes:count20m", 20 * 60, *labels)
    assert counted == summed(Truth(played).crashes, lambda key: key[:3])


def test_cold_starts(past: Prometheus, played: Played) -> None:
    """One for each process that has served a request, those that died included; no more of them below a bound."""
    began = Counter((deed.job,) for deed in Truth(played).workers.values())
    assert totals(past, played, "job:autogen_cold_starts:count1h", 3600, "job") == began
    assert totals(past, played, "job:autogen_cold_starts_below_20s:count1h", 3600, "job") <= began
