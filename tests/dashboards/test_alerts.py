"""The alerts on the history of the scenario: who must be told of, and who must not.

With series made up for them they are tested by ``dashboards/rules/tests``. The scenario has no yesterday: that the
alert which compares with it does not fire says little.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import history
import prometheus
import pytest
from expected_findings import TEAM_LINE
from prometheus import Labels, Line, Prometheus
from scenario import BROKEN, MANY, Played
from test_rules import ALERTS, FILES, Rule
from truth import CLIENT

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

STEP = 60.0


@pytest.fixture(scope="module")
def begin(played: Played) -> float:
    return history.Clock(played).begin(played)


@pytest.fixture(scope="module")
def recorded(
    written: Path, past: Prometheus, begin: float, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """A server that has the history, and what the recording rules would have made of it meanwhile."""
    folder = tmp_path_factory.mktemp("recorded")
    prometheus.promtool(
        *("tsdb", "create-blocks-from", "rules", f"--start={begin:.0f}", f"--end={history.END:.0f}"),
        *(f"--url={past.url}", f"--eval-interval={STEP:.0f}s", f"--output-dir={folder / 'blocks'}", *FILES),
    )
    served = history.serve(written, folder / "data")
    for block in (folder / "blocks").iterdir():
        block.rename(folder / "data" / block.name)
    with served as server:
        yield server


def fired(rule: Rule, server: Prometheus, begin: float) -> list[Labels]:
    """What an alert has told of before the end: whatever held for as long as it must, without a break."""
    return [
        line.labels
        for line in server.range(rule["expr"], begin, history.END, STEP)
        if longest(line) >= seconds(rule.get("for", "0s"))
    ]


def longest(line: Line) -> float:
    """For how many seconds a line goes on without a break."""
    found, since = 0.0, line.points[0][0]
    for (before, _), (moment, _) in itertools.pairwise(line.points):
        since = since if moment - before <= STEP else moment
        found = max(found, moment - since)
    return found


def seconds(duration: str) -> float:
    """A length of time as rules have it, such as ``15m``."""
    return int(duration[:-1]) * {"s": 1, "m": 60, "h": 3600}[duration[-1]]


def test_who_must_be_told_of_is(recorded: Prometheus, begin: float) -> None:
    """The service that does not come up, and the one that loses its workers, builds clients again and shares a team;
    nobody else for any other reason: ``one``, which is healthy and was deployed anew, is in nobody's mail, and what is
    missing where ``broken`` dies is told once."""
    told = {(rule["alert"], labels["job"]) for rule in ALERTS for labels in fired(rule, recorded, begin)}
    # On a machine that is slow or busy, cold starts are.
    assert told - {("AutoGenColdStartSlow", MANY)} == {
        ("AutoGenCrashLoop", BROKEN),
        ("AutoGenDiedBeforeServing", BROKEN),
        ("AutoGenWorkerChurn", MANY),
        ("AutoGenReinitPerRequest", MANY),
        ("AutoGenFinding", MANY),
    }


def test_findings_are_told_of_by_rule_and_line(recorded: Prometheus, begin: float) -> None:
    """The team that is run while it runs, where it is built, and the missing key; no warning, and nothing that killed
    workers are told of for."""
    (rule,) = (rule for rule in ALERTS if rule["alert"] == "AutoGenFinding")
    told = [(labels["autogen_finding_rule"], labels["autogen_finding_site"]) for labels in fired(rule, recorded, begin)]
    assert ("AG206", TEAM_LINE) in told
    assert {found for found, _ in told} == {"AG206", "AG301"}
    assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("AutoGenDiedBeforeServing", {"autogen_exit_reason": "boot_failure", "autogen_phase": "import"}),
        ("AutoGenWorkerChurn", {"autogen_exit_reason": "signal"}),
        ("AutoGenReinitPerRequest", {"autogen_component_type": CLIENT, "autogen_component_kind": "model_client"}),
    ],
)
def test_alerts_say_of_what(name: str, labels: Labels, recorded: Prometheus, begin: float) -> None:
    """How they died, and what is built again: not the single one that left by itself, and not the agent."""
    (rule,) = (rule for rule in ALERTS if rule["alert"] == name)
    (told,) = fired(rule, recorded, begin)
    assert labels.items() <= told.items()
