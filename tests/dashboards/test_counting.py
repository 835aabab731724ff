"""How the boards count, held against a real Prometheus on series that are written down: a sample in each minute of two
hours. The range is the last hour, and begins, as ranges do, between two samples.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus import PrometheusFailed, promtool

from boards.queries import counted

Expected = dict[str, float]

LIVES: dict[str, tuple[str, float, bool]] = {
    # Its samples; how often it was counted in the range; whether increase() says so too.
    "a crash that ends its process": ("_x80 1x2", 1, False),
    "a crash between two exports that is the first thing told": ("_x80 1x39", 1, False),
    "seven, of a process that was there before": ("2x60 2x9 9x50", 7, False),
    "nothing, of a process that was there before": ("2x120", 0, True),
    "two before, three in the range, in its last sample": ("2x119 5", 3, False),
    "a process that is gone since before the range": ("4x50", 0, True),
    "the same identity, begun again": ("5x79 0x9 2x30", 2, False),
}


def ask(folder: Path, series: dict[str, str], *asked: tuple[str, Expected]) -> None:
    """Have promtool compare: what each query says at the end of the range, by labels.

    Raises:
        PrometheusFailed: it says something else; the message says what.
    """
    expectations = [
        {
            "expr": query.replace("$job", ".*").replace("$instance", ".*").replace("$__range", "1h"),
            "eval_time": "120m30s",
            "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
        }
        for query, expected in asked
    ]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    path = folder / "asked.yml"
    test = {"interval": "1m", "input_series": inputs, "promql_expr_test": expectations}
    path.write_text(json.dumps({"evaluation_interval": "1m", "tests": [test]}))
    promtool("test", "rules", path)


def exactly(value: float) -> Expected:
    return {"{}": value}


@pytest.mark.parametrize("life", LIVES)
def test_what_was_counted_is_counted(life: str, tmp_path: Path) -> None:
    """Each crash is counted once, however long its process lived. (Where it began again, increase() guesses: 2.03.)"""
    values, crashes, _ = LIVES[life]
    ask(
        tmp_path,
        {"crashes_total": values, "up": "1x120"},
        (f"round(sum({counted('crashes_total', '1h')} or 0 * up), 0.1)", exactly(crashes)),
    )


@pytest.mark.parametrize("life", [life for life, (_, _, same) in LIVES.items() if not same])
def test_increase_would_not_have(life: str, tmp_path: Path) -> None:
    """The reason for the formula: increase() alone says something else of these."""
    values, crashes, _ = LIVES[life]
    with pytest.raises(PrometheusFailed, match="got:"):
        ask(
            tmp_path,
            {"crashes_total": values, "up": "1x120"},
            ("sum(increase(crashes_total[1h]) or 0 * up)", exactly(crashes)),
        )


@pytest.mark.parametrize("life", [life for life in LIVES if "begun again" not in life])
def test_bars_add_up_to_the_total(life: str, tmp_path: Path) -> None:
    """The bars of a graph, of a window with one sample or none each, are together what the stat beside it says."""
    values, crashes, _ = LIVES[life]
    bars = f"sum(sum_over_time({counted('crashes_total', '1m')}[1h:1m]) or 0 * up)"
    ask(tmp_path, {"crashes_total": values, "up": "1x120"}, (bars, exactly(crashes)))


def worker(pid: int, instance: str, server: str = "gunicorn") -> str:
    return (
        f'autogen_worker_info{{job="shop", instance="{instance}", process_pid="{pid}", process_parent_pid="1", '
        f'process_creation_time="2026-01-01T00:00:00+00:00", autogen_worker_server="{server}"}}'
    )


def queries_of(board: str, title: str) -> list[str]:
    folder = Path(__file__).parents[2] / "dashboards" / "grafana"
    panels = json.loads((folder / f"{board}.json").read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels if panel["title"] == title for target in panel["targets"]]


def test_workers_come_and_go(tmp_path: Path) -> None:
    """Who is alive, who came, who is gone, and how old the youngest is: one from before, one that came half an hour
    ago, one that came and died."""
    series = {worker(1, "old"): "1x120", worker(2, "new"): "_x90 1x30", worker(3, "dead"): "_x70 1x9"}
    (alive,), (came, gone), (youngest,), (shared,) = (
        queries_of("autogen-workers", title)
        for title in ("Alive", "Restarts", "Youngest worker", "Duplicate identities")
    )
    ask(
        tmp_path,
        series,
        (alive, exactly(2)),
        (came, exactly(2)),
        (gone, exactly(1)),
        (youngest, exactly(1830)),
        (shared, exactly(0)),
    )


def test_an_identity_that_two_processes_share_is_seen(tmp_path: Path) -> None:
    """Two live processes with one service.instance.id are counted as a fault, and fail no query that joins."""
    series = {
        worker(1, "same"): "1x120",
        worker(2, "same"): "1x120",
        worker(3, "own"): "1x120",
        'autogen_crashes_total{job="shop", instance="same", autogen_crash_category="other"}': "0x80 3x40",
    }
    (shared,) = queries_of("autogen-workers", "Duplicate identities")
    (crashing,) = queries_of("autogen-crashes", "By worker")
    ask(tmp_path, series, (shared, exactly(1)), (f"sum({crashing})", exactly(3)))


def test_a_worker_without_a_name_is_not_left_out(tmp_path: Path) -> None:
    """A process that died before it was a worker has no pid to join, and is in the table of crashes all the same."""
    series = {
        'autogen_crashes_total{job="shop", instance="unborn", autogen_crash_category="missing_module"}': "_x80 1x1"
    }
    (crashing,) = queries_of("autogen-crashes", "By worker")
    ask(tmp_path, series, (crashing, {'{job="shop", instance="unborn"}': 1}))


def test_crashes_of_one_worker_and_of_several_are_told_apart(tmp_path: Path) -> None:
    """A job that had one worker for half an hour and two for another: crashes count to where they happened."""
    crashes = 'autogen_crashes_total{job="shop", instance="a", autogen_phase="request"}'
    requests = 'autogen_request_duration_seconds_count{job="shop", instance="a"}'
    series = {
        worker(1, "a"): "1x120",
        worker(2, "b"): "_x91 1x29",
        crashes: "0x99 1 2 3x19",
        requests: "0x60 1+1x58 60",
    }
    one, several = queries_of("autogen-crashes", "One worker or several")
    ask(tmp_path, series, (f"{one} * 30", exactly(0)), (f"round({several} * 29, 1)", exactly(3)))
