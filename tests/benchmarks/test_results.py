"""Samples are kept as they were measured."""

from __future__ import annotations

from pathlib import Path

from bench.results import Results


def sample(cpu: float) -> dict[str, float]:
    return {"cpu": cpu, "path": cpu / 2, "wall": 2 * cpu, "count": 100}


def test_the_cpu_time_of_a_sample_is_what_is_compared():
    results = Results(2)
    for cpu in (10.0, 20.0):
        results.add("steady", "ours", "batch", {"run": sample(cpu), "whole": 500.0})
    assert results.of("steady", "ours", "batch", "run") == [10, 20]
    assert results.of("steady", "ours", "batch", "run.wall") == [20, 40]
    assert results.of("steady", "ours", "batch", "whole") == [500, 500]


def test_what_was_not_measured_has_no_values():
    assert Results(1).of("steady", "ours", "batch", "run") == []


def test_the_file_says_what_was_measured_a_line_for_each_name(tmp_path: Path):
    results = Results(3, load=[0.5, 1.5], seconds=60, versions={"ours": {"wrapt": "2.0"}}, failures={"x": "no"})
    for cpu in (1.0, 2.0, 3.0):
        results.add("steady", "ours", "batch", {"run": sample(cpu)})
    results.write(tmp_path / "results.json")
    assert Results.read(tmp_path / "results.json") == results
    assert '"run.cpu": [1.0, 2.0, 3.0]' in (tmp_path / "results.json").read_text(encoding="utf-8")
