"""What the rules make of a scenario whose truth is known, by a real Prometheus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import history
import prometheus
import pytest
from prometheus import Prometheus
from scenario import BROKEN, MANY, ONE, Played
from test_rules import ALERTS, FILES, name_of, rules_of
from truth import Truth, summed

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

RECORDED = {rule["record"]: rule["expr"] for path in FILES for rule in rules_of(path) if "record" in rule}
STEP = 60.0


@pytest.fixture(scope="module")
def recorded(past: Prometheus, played: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A server that has the history, and what the recording rules would have made of it meanwhile."""
    folder = tmp_path_factory.mktemp("recorded") / "data"
    begin = history.Clock(played).begin(played)
    prometheus.promtool(
        *("tsdb", "create-blocks-from", "rules", f"--start={begin:.0f}", f"--end={history.END:.0f}"),
        *(f"--url={past.url}", f"--eval-interval={STEP:.0f}s", f"--output-dir={folder}", *FILES),
    )
    with Prometheus(folder) as server:
        yield server


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
    """One for each process that has served a request, those that died included; none took 20 s."""
    began = Counter((deed.job,) for deed in Truth(played).workers.values())
    for record in ("job:autogen_cold_starts:count1h", "job:autogen_cold_starts_below_20s:count1h"):
        assert totals(past, played, record, 3600, "job") == began


FIRES = {
    "AutoGenCrashLoop": {BROKEN},
    "AutoGenDiedBeforeServing": {BROKEN},
    "AutoGenWorkerChurn": {MANY},
    # Each other request of `many` rebuilds on purpose, more or less: whether that is one in two is chance.
    "AutoGenReinitPerRequest": None,
}
"""Which alerts the scenario is one for, and of which service. Of all the others: none."""


@pytest.mark.parametrize("rule", ALERTS, ids=name_of)
def test_alerts(rule: dict[str, str], past: Prometheus, recorded: Prometheus, played: Played) -> None:
    """Those fire that should. `one`, which is healthy and was deployed anew, is never told of."""
    begin = history.Clock(played).begin(played)
    # What they look at is either recorded or not, and so in the one or in the other.
    server = recorded if any(record in rule["expr"] for record in RECORDED) else past
    fired = {line.labels["job"] for line in server.range(rule["expr"], begin, history.END, STEP)}
    assert ONE not in fired
    expected = FIRES.get(rule["alert"], set())
    assert expected is None or fired == expected
