"""Every query of every board, asked of a real Prometheus about a scenario whose truth is known."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass

import board_json
import expected_cold_starts
import expected_crashes
import expected_findings
import expected_workers
import history
import pytest
from board_json import ALL, Target
from bounds import Bounds
from prometheus import Line, Prometheus, Sample, by
from scenario import BROKEN, MANY, ONE, Played
from truth import Truth

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

EXPECTED = {
    **expected_cold_starts.EXPECTED,
    **expected_crashes.EXPECTED,
    **expected_workers.EXPECTED,
    **expected_findings.EXPECTED,
}
TARGETS = [target for target in board_json.targets() if target.source == "prometheus"]
MINUTE = 60.0
ALIVE = 3 * MINUTE
"""For how long after its last export the boards take a process for alive."""


@dataclass(frozen=True)
class View:
    """What somebody has chosen above the board: jobs, and a range that ends with the scenario."""

    name: str
    job: str
    seconds: float
    truth: Truth

    def ask(self, server: Prometheus, query: str) -> list[Sample]:
        """What a query says at the end of the range, whatever it counts over being all of it."""
        window = f"{self.seconds:.0f}s"
        return server.instant(self._filled_in(query, window, window), history.END)

    def draw(self, server: Prometheus, query: str, step: float, smooth: float) -> list[Line]:
        """What a query says every ``step`` seconds of the range, at its end too."""
        steps = math.ceil(self.seconds / step)
        filled_in = self._filled_in(query, f"{step:.0f}s", f"{smooth:.0f}s")
        return server.range(filled_in, history.END - steps * step, history.END, step)

    def _filled_in(self, query: str, interval: str, rate_interval: str) -> str:
        windows = {"__range": f"{self.seconds:.0f}s", "__interval": interval, "__rate_interval": rate_interval}
        return board_json.filled_in(query, job=self.job, instance=ALL, **windows)


@pytest.fixture(scope="module")
def whole(played: Played) -> View:
    """All services, from before the first of them began."""
    return View("all", ALL, history.END - history.Clock(played).begin(played), Truth(played))


@pytest.fixture(scope="module", params=["all", "one service", "last minutes"])
def view(request: pytest.FixtureRequest, played: Played, whole: View) -> View:
    since = played.steady_ns[0]
    return {
        "all": whole,
        "one service": View("one service", ONE, whole.seconds, Truth(played, jobs=[ONE])),
        "last minutes": View(
            "last minutes", ALL, history.END - history.Clock(played).at(since), Truth(played, since_ns=since)
        ),
    }[request.param]


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_each_query_says_what_was_done(target: Target, view: View, past: Prometheus) -> None:
    """Each value, each row and each label of it, no more and no less: of everything, of the healthy service alone, and
    of a time in which nothing began and nothing died."""
    expect = EXPECTED.get(target.key)
    assert expect is not None, f"nobody has said what {target} is to say: add it to expected_*.py"
    faults = expect(view.truth).faults(view.ask(past, target.query))
    assert not faults, "\n".join([f"{target}, {view.name}:", *faults, target.query])


def test_each_expectation_is_of_a_query() -> None:
    """None is left over from a panel that was renamed or dropped."""
    assert set(EXPECTED) <= {target.key for target in TARGETS}


@pytest.mark.parametrize("target", [target for target in TARGETS if target.adds_up], ids=str)
def test_bars_add_up(target: Target, whole: View, past: Prometheus) -> None:
    """The bars of a graph are together what the query says of the whole range, however wide a bar is."""
    asked = {_told(sample.labels): sample.value for sample in whole.ask(past, target.query) if sample.value}
    for step in (MINUTE / 3, MINUTE, 7 * MINUTE):
        drawn: dict[str, float] = defaultdict(float)
        for line in whole.draw(past, target.query, step, 4 * step):
            drawn[_told(line.labels)] += sum(line.values)
        assert {labels: total for labels, total in drawn.items() if total} == pytest.approx(asked), f"bars of {step} s"


def _told(labels: dict[str, str]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(labels.items()))


@pytest.mark.parametrize("target", [target for target in TARGETS if not target.instant], ids=str)
def test_each_graph_is_drawn(target: Target, whole: View, past: Prometheus) -> None:
    """A graph has a point for each series that the query knows of in the whole range, at the intervals Grafana asks for
    where processes export every minute."""
    asked = {_told(sample.labels) for sample in whole.ask(past, target.query) if not math.isnan(sample.value)}
    lines = whole.draw(past, target.query, MINUTE, 4 * MINUTE)
    assert asked <= {_told(line.labels) for line in lines if line.values}


def test_lives_are_drawn(whole: View, past: Prometheus, played: Played) -> None:
    """A row for each process, which ends soon after the process did."""
    (target,) = (target for target in TARGETS if target.panel == "Lifetimes")
    ended = {
        int(line.labels["process_pid"]): line.points[-1][0]
        for line in whole.draw(past, target.query, MINUTE, 4 * MINUTE)
    }
    assert set(ended) == set(whole.truth.workers)
    assert {pid for pid, end in ended.items() if end == history.END} == whole.truth.alive
    clock = history.Clock(played)
    for pid in ended.keys() - whole.truth.alive:
        last = max(clock.at(deed.ended_ns) for deed in whole.truth.deeds if deed.pid == pid)
        assert last - MINUTE < ended[pid], f"the row of {pid} ends before its last request"
        assert ended[pid] < history.END - ALIVE, f"the row of {pid} goes on"


# --- around the panels --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("board", "name", "query"), board_json.variables())
def test_each_variable_has_its_values(
    board: str, name: str, query: str, past: Prometheus, whole: View, played: Played
) -> None:
    """Jobs are the services, one that never came to serve included; instances are those of the jobs."""
    filled_in = board_json.filled_in(query, job=ONE)
    selector, label = filled_in.removeprefix("label_values(").removesuffix(")").rsplit(", ", 1)
    values = set(past.label_values(selector, label, history.END - whole.seconds, history.END))
    instances = {deed.body["instance"] for deed in whole.truth.of_job(ONE).workers.values()}
    assert values == {"job": {MANY, ONE, BROKEN}, "instance": instances}[name]


@pytest.mark.parametrize(("board", "name", "query"), board_json.annotations())
def test_each_annotation_is_there_once(board: str, name: str, query: str, past: Prometheus, whole: View) -> None:
    """A line for each version that is new, and no line for the next worker of the same one. (What is started again
    after it was gone for 5 minutes may have one again.)"""
    lines = whole.draw(past, query, MINUTE, 4 * MINUTE)
    seen = {(line.labels["job"], line.labels["service_version"]): len(line.points) for line in lines}
    assert seen.pop((BROKEN, "1")) <= len(whole.truth.unborn)
    assert seen == {(MANY, "1"): 1, (ONE, "1"): 1, (ONE, "2"): 1}


# --- why not increase() -------------------------------------------------------------------------------------------


def test_increase_gets_deaths_wrong(whole: View, past: Prometheus) -> None:
    """Whoever counts with ``increase()`` instead: of a supervisor that ends with its only worker, and of the first
    death of each kind, it sees nothing; the boards see them all."""
    (target,) = (target for target in TARGETS if target.panel == "Deaths over time")
    killed, lost, unborn = len(whole.truth.played.killed), 1, len(whole.truth.played.unborn)
    truth = {"signal": killed, "unknown": lost, "boot_failure": unborn}
    assert by(whole.ask(past, target.query), "autogen_exit_reason") == truth
    plain = "sum by (autogen_exit_reason) (increase(autogen_process_exits_total[$__range]))"
    told = by(whole.ask(past, plain), "autogen_exit_reason")
    assert told.get("boot_failure", 0) == 0
    assert told.get("unknown", 0) == 0
    assert not Bounds(killed, killed).hold(told["signal"])


def test_increase_gets_cold_starts_wrong(whole: View, past: Prometheus) -> None:
    """A process has one, so that its counter is 1 from the first export to the last: ``increase()`` sees none."""
    (target,) = (target for target in TARGETS if target.panel == "Cold starts")
    assert [sample.value for sample in whole.ask(past, target.query)] == [len(whole.truth.started)]
    plain = "sum(increase(autogen_cold_start_duration_seconds_count[$__range]))"
    assert [sample.value for sample in whole.ask(past, plain)] == [0]
