"""A round has the processes that were asked for; one that fails is told, and bounded in time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench import measure as measuring
from bench.measure import ProbeFailed, measure, run
from bench.plan import GROUPS, jobs_of
from bench.subjects import BY_NAME, SUBJECTS


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "BENCH_FOLDER": str(folder)}


def test_a_process_is_charged_with_what_it_used_until_its_end(tmp_path: Path):
    code = "import time\nwhile time.process_time() < 0.2: pass\nprint('first')\nprint('last')"
    ended = run([sys.executable, "-c", code], environment(tmp_path), 60)
    assert (ended.status, ended.told) == (0, "last")
    assert ended.cpu_ms >= 200


def test_a_process_that_fails_is_told_with_its_errors(tmp_path: Path):
    ended = run([sys.executable, "-c", "raise SystemExit('no store')"], environment(tmp_path), 60)
    assert (ended.status, ended.told, ended.errors.strip()) == (1, "", "no store")


def test_a_process_that_does_not_end_is_ended(tmp_path: Path):
    ended = run([sys.executable, "-c", "import time; time.sleep(60)"], environment(tmp_path), 0.5)
    assert ended.status == -9


def test_each_subject_is_in_each_row_that_it_has():
    jobs = jobs_of(list(SUBJECTS), GROUPS)
    steady = {(job.subject, job.mode) for job in jobs if job.probe == "steady"}
    assert steady == {(subject.name, mode) for subject in SUBJECTS for mode in subject.modes}
    started = {job.subject for job in jobs if job.probe == "start with"}
    assert started == {subject.name for subject in SUBJECTS} - {"bare", "ours-like"}
    assert {job.subject for job in jobs if job.zero_code} == {"autogen", "ours", "openinference"}


def test_no_two_processes_of_a_round_tell_the_same():
    keys = [job.key for job in jobs_of(list(SUBJECTS), GROUPS)]
    assert len(keys) == len(set(keys))


def test_chosen_rows_of_chosen_subjects_are_all_that_is_run():
    jobs = jobs_of([BY_NAME["ours"]], ("exit_record",))
    assert [(job.module, job.subject) for job in jobs] == [("exit_record", "ours")]


def measured(monkeypatch: pytest.MonkeyPatch, told: Callable[[int], dict[str, Any]], minutes: float = 1) -> Any:
    """Three rounds of one process, which tells what ``told`` answers for the number of the call."""
    calls = iter(range(100))
    monkeypatch.setattr(measuring, "installed", lambda subjects, results: {"ours": sys.executable})
    monkeypatch.setattr(measuring, "_told", lambda job, python, environment: told(next(calls)))
    return measure([BY_NAME["ours"]], jobs_of([BY_NAME["ours"]], ("exit_record",)), 3, minutes)


def test_each_round_adds_a_value(monkeypatch: pytest.MonkeyPatch):
    results = measured(monkeypatch, lambda number: {"note": number})
    assert results.of("exit_record", "ours", "batch", "note") == [0, 1, 2]
    assert (results.rounds, results.failures) == (3, {})


def test_no_round_begins_when_the_time_is_up_but_the_first(monkeypatch: pytest.MonkeyPatch):
    results = measured(monkeypatch, lambda number: {"note": number}, minutes=0)
    assert results.of("exit_record", "ours", "batch", "note") == [0]
    assert results.rounds == 1


def test_what_was_measured_until_it_was_stopped_counts(monkeypatch: pytest.MonkeyPatch):
    def told(number: int) -> dict[str, Any]:
        if number == 2:
            raise KeyboardInterrupt
        return {"note": number}

    assert measured(monkeypatch, told).of("exit_record", "ours", "batch", "note") == [0, 1]


def test_a_probe_that_fails_is_named_with_the_reason_and_not_asked_again(monkeypatch: pytest.MonkeyPatch):
    asked: list[int] = []

    def told(number: int) -> dict[str, Any]:
        asked.append(number)
        raise ProbeFailed("ended with 1: no store")

    results = measured(monkeypatch, told)
    assert results.failures == {"exit_record ours batch": "ended with 1: no store"}
    assert asked == [0]
