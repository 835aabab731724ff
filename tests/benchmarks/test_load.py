"""The load benchmark: its endpoints behave as they say, its tables say what was measured, and a small run works."""

from __future__ import annotations

import asyncio
import math
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from load import report, states
from load.clients import Window, ask_for
from load.measure import measure
from load.numbers import LoadResults, percentile
from load.plan import ALONE, OURS, SUBJECTS, Plan
from load.pulse import Pulse, beat, between, read
from load.servers import Beside
from load.states import BY_NAME, STATES
from load.verdicts import harm, slowness

MACHINE = {"processor": "A processor", "cores": 2, "system": "Linux x86_64", "python": "3.11.7"}
HEALTHY = BY_NAME["healthy"]


def results(**ours: list[float]) -> LoadResults:
    """Four rounds beside a healthy exporter; of ours, where nothing else is said, the same as of the SDK alone."""
    found = LoadResults(4, machine=MACHINE, load=[0.1], clients=3, model_seconds=0.5)
    alone = {
        "throughput": [40.0, 41, 42, 43],
        "p50": [500.0, 501, 502, 503],
        "p99": [600.0, 610, 620, 630],
        "cpu": [10.0, 10, 11, 11],
        "resident": [100.0, 101, 101, 102],
        "stall": [5.0, 9, 5, 5],
        "waiting": [100.0, 90, 90, 90],
        "failures": [0.0, 0, 0, 0],
        "stop": [1.0],
        "exports": [20.0],
    }
    for subject, values in ((ALONE, alone), (OURS, {**alone, **ours})):
        for name, rounds in values.items():
            for value in rounds:
                found.add("healthy", subject.name, "batch", {name: value})
        found.latencies[f"healthy {subject.name}"] = [[500.0, 600.0], [700.0]]
    return found


def whats(misses: object) -> list[str]:
    assert isinstance(misses, list)
    return [miss.what for miss in misses]


# --- numbers ------------------------------------------------------------------------------------------------------


def test_a_percentile_is_a_value_that_so_many_do_not_exceed():
    values = [float(value) for value in range(200, 0, -1)]
    assert (percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)) == (100, 198, 200)
    assert percentile([7.0], 0.99) == 7
    assert math.isnan(percentile([], 0.99))


def test_what_was_measured_is_kept_with_every_latency(tmp_path: Path):
    results().write(tmp_path / "load.json")
    assert LoadResults.read(tmp_path / "load.json") == results()
    assert results().pooled(HEALTHY, OURS.name, 0.99) == 700


def test_a_state_is_within_three_percent_by_the_median_of_its_rounds():
    assert slowness(results(), HEALTHY) == []
    one_bad_round = [600.0, 610, 620, 6000]
    assert slowness(results(p99=one_bad_round), HEALTHY) == []
    assert slowness(results(), BY_NAME["slow"]) is None


def test_fewer_answers_and_a_longer_p99_are_told():
    fewer = [0.95 * value for value in (40, 41, 42, 43)]
    assert whats(slowness(results(throughput=fewer), HEALTHY)) == ["throughput"]
    more = [1.05 * value for value in (40, 41, 42, 43)]
    assert slowness(results(throughput=more), HEALTHY) == []
    longer = [1.05 * value for value in (600, 610, 620, 630)]
    assert whats(slowness(results(p99=longer), HEALTHY)) == ["p99"]
    at_odds = [1.05 * 600, 1.05 * 610, 0.9 * 620, 1.05 * 630]
    assert "| **no**: p99 (may be chance: the rounds do not agree) |" in report.markdown(results(p99=at_odds))


def test_a_service_that_answers_nobody_is_not_within_anything():
    nothing = results(throughput=[0.0] * 4, p99=[math.nan] * 4)
    assert whats(slowness(nothing, HEALTHY)) == ["throughput", "p99"]
    assert "| **no**: throughput; p99 |" in report.markdown(nothing)


def test_queues_that_fill_are_no_growth():
    assert harm(results(resident=[90.0, 120, 120, 120]), HEALTHY) == []


@pytest.mark.parametrize(
    ("name", "values", "what"),
    [
        ("resident", [100.0, 101, 104, 105], "memory grows"),
        ("stall", [5.0, 5, 5000, 5], "the loop stands still"),
        ("failures", [0.0, 0, 1, 0], "requests without an answer"),
        ("stop", [9.0], "it takes longer to stop"),
    ],
)
def test_what_hurts_the_service_is_told(name: str, values: list[float], what: str):
    assert harm(results(), HEALTHY) == []
    assert whats(harm(results(**{name: values}), HEALTHY)) == [what]


# --- tables -------------------------------------------------------------------------------------------------------


def test_the_tables_have_a_row_for_each_state_that_was_measured():
    text = report.markdown(results(p99=[606.0, 616.1, 626.2, 636.3]))
    rows = [line for line in text.splitlines() if line.startswith("| healthy")]
    assert len(rows) == 2
    assert "| 615 (608…622) | **+1.00 %** (+1.00…+1.00) | 700 / 700 | yes |" in rows[0]
    assert "| 102 / 102 | 1.00 / 1.00 | 9.00 / 9.00 | 100 / 100 | 0 / 0 | 1.00 / 1.00 | 20.0 / 20.0 | yes |" in rows[1]
    assert "refusing" not in text
    assert "Why:" not in text


def test_a_state_that_is_beyond_its_limits_says_so_and_why():
    text = report.markdown(results(p99=[700.0, 710, 720, 730], stall=[5.0, 5, 5000, 5]))
    assert "| **no**: p99 |" in text
    assert "| **no**: the loop stands still |" in text
    assert "- **healthy: p99**: As of throughput; and measurements are recorded" in text
    assert "- **healthy: the loop stands still**: Not explained yet." in text


def test_a_state_that_could_not_be_measured_is_told():
    found = results()
    found.failures["slow"] = "The service ended before it answered."
    assert "- slow: The service ended before it answered." in report.markdown(found)


def test_numbers_of_few_rounds_or_of_a_busy_machine_are_called_so():
    found = results()
    assert "To be measured again" not in report.markdown(found)
    found.load, found.rounds = [3.0], 2
    assert "fewer than 4 rounds" in report.markdown(found)
    assert "the machine had other work" in report.markdown(found)


def test_the_page_says_what_was_measured_or_that_nothing_was(tmp_path: Path):
    page = tmp_path / "README.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    report.write(None, page)
    assert page.read_text(encoding="utf-8").startswith(f"before\n{report.BEGIN}\n\nNot measured yet")
    report.write(results(), page)
    text = page.read_text(encoding="utf-8")
    assert "Not measured yet" not in text
    assert text.endswith("<!-- end -->\nafter\n")


def test_the_page_has_the_place_for_the_tables():
    page = Path(__file__).parents[2] / "benchmarks" / "README.md"
    assert page.read_text(encoding="utf-8").count(report.BEGIN) == 1


# --- endpoints ----------------------------------------------------------------------------------------------------


def export(url: str, timeout: float = 10.0) -> httpx.Response:
    return httpx.post(f"{url}/v1/traces", content=b"spans", timeout=timeout, trust_env=False)


def test_a_healthy_endpoint_takes_everything_in_a_process_of_its_own():
    with Beside("endpoint", "healthy") as endpoint:
        assert [export(endpoint.url).status_code for _ in range(2)] == [200, 200]
    assert endpoint.requests == 2
    with pytest.raises(httpx.ConnectError):
        export(endpoint.url)


def test_an_endpoint_that_is_none_is_an_error():
    with pytest.raises(RuntimeError, match="nonsense"), Beside("endpoint", "nonsense"):
        pass


def test_a_refusing_endpoint_has_nobody_listening():
    with Beside("endpoint", "refusing") as endpoint, pytest.raises(httpx.ConnectError):
        export(endpoint.url)


@pytest.mark.parametrize("name", ["slow", "late"])
def test_a_slow_endpoint_answers_after_its_time(name: str, monkeypatch: pytest.MonkeyPatch):
    state = BY_NAME[name]
    assert {"slow": 5, "late": 15}[name] == state.handler.seconds  # type: ignore[union-attr]
    monkeypatch.setattr(state.handler, "seconds", 0.3)
    with state.endpoint() as url:
        began = time.monotonic()
        assert export(url).status_code == 200
        assert time.monotonic() - began >= 0.3
        with pytest.raises(httpx.ReadTimeout):
            export(url, timeout=0.05)


def test_garbage_is_no_answer_but_once_that_the_body_is_not_one():
    with BY_NAME["garbage"].endpoint() as url:
        bodies: list[bytes] = []
        refused = 0
        for _ in states._GARBAGE:
            try:
                answer = export(url)
                bodies.append(answer.content)
            except httpx.HTTPError:
                refused += 1
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), 5) as raw:
            raw.sendall(b"nonsense\r\n\r\n")
            assert raw.recv(100)
    assert [len(body) for body in bodies] == [500]
    assert refused == len(states._GARBAGE) - 1


# --- the load -----------------------------------------------------------------------------------------------------


def test_a_worker_notes_that_its_loop_stood_still(tmp_path: Path):
    async def serve() -> None:
        beating = asyncio.create_task(beat(tmp_path))
        await asyncio.sleep(0.25)
        time.sleep(0.5)
        await asyncio.sleep(0.25)
        beating.cancel()

    asyncio.run(serve())
    (pulses,) = read(tmp_path)
    assert max(pulse.stall for pulse in pulses) >= 400
    assert all(pulse.resident > 5 and pulse.cpu > 0 for pulse in pulses)


def test_a_window_begins_with_the_last_beat_before_it():
    pulses = [Pulse(time, time, 1, 0, 0) for time in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert [pulse.time for pulse in between(pulses, 2.5, 4.5)] == [2, 3, 4]
    assert between(pulses, 6, 7) == [pulses[-1]]


def test_a_beat_that_is_being_written_is_not_read(tmp_path: Path):
    (tmp_path / "1.jsonl").write_text("[1.0, 2.0, 3.0, 4.0, 5]\n[1.0, 2", encoding="ascii")
    assert read(tmp_path) == [[Pulse(1.0, 2.0, 3.0, 4.0, 5)]]


def test_requests_that_are_not_answered_are_counted_and_not_timed():
    with BY_NAME["refusing"].endpoint() as url:
        window: Window = asyncio.run(ask_for(0.1, url, 2, "seed"))
    assert window.latencies == []
    assert len(window.failures) >= 2
    assert "ConnectError" in window.failures[0]
    assert window.throughput == 0


@pytest.mark.e2e
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_a_small_run_measures_both_beside_an_exporter_that_is_refused(capsys: pytest.CaptureFixture[str]):
    plan = Plan(minutes=0.1, rounds=1, clients=3, model_seconds=0.05, states=(BY_NAME["refusing"],))
    found = LoadResults(1, machine=MACHINE)
    assert measure(plan, {subject.name: sys.executable for subject in SUBJECTS}, found)
    assert found.failures == {}, capsys.readouterr().err
    for subject in SUBJECTS:
        (answers,) = found.values(STATES[3], subject.name, "answers")
        (latencies,) = found.latencies[f"refusing {subject.name}"]
        assert answers == len(latencies) > 0
        assert found.values(STATES[3], subject.name, "failures") == [0]
        assert found.values(STATES[3], subject.name, "cpu")[0] > 0
        assert len(found.values(STATES[3], subject.name, "stop")) == 1
    assert "| refusing: nobody listens |" in report.markdown(found)
