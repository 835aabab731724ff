"""The tables of docs/scale.md, between its markers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import fleet
from server import QUERY_SECONDS

from autogen_vitals import semconv

FILE = Path(__file__).parents[2] / "docs" / "scale.md"
HERE = Path(__file__).parent
SIZES = (10, 1_000, 10_000, 100_000)
INTERVALS = (60, 15)
KEPT_TRACES = 0.1
AFFORDABLE = 10_000
AFFORDABLE_BYTES = 32e9

Numbers = Mapping[str, Any]


def tables(numbers: Numbers) -> dict[str, str]:
    """Every part that is written, by the name of its marker."""
    prometheus = per_series(numbers)
    return {
        "short": _short_of_it(numbers),
        "promoted": _promoted(numbers),
        "defaults": _defaults(numbers),
        "worker": _worker(numbers["workers"]),
        "cardinality": _cardinality(numbers["workers"]),
        "prometheus": _prometheus(numbers["fleets"]),
        "linear": _linear(numbers["fleets"]),
        "fleets": _fleets(per_worker(numbers, "series"), prometheus),
        "cut": _cut(numbers["workers"]["healthy"]),
        "cut-fleets": _fleets(per_worker(numbers, "cut_series"), prometheus),
        "queries": _queries(numbers["fleets"]),
        "views": _code(HERE / "views.yaml"),
        "collector": _code(HERE / "collector.yaml"),
    }


def filled_in(text: str, tables: Mapping[str, str]) -> str:
    """The page with what stands between ``<!-- numbers: NAME -->`` and ``<!-- end -->`` replaced.

    Raises:
        KeyError: nobody has made a part that the page wants.
    """
    return re.sub(
        r"(<!-- numbers: ([a-z-]+) -->\n).*?(<!-- end -->)",
        lambda found: f"{found[1]}\n{tables[found[2]]}\n\n{found[3]}",
        text,
        flags=re.DOTALL,
    )


def per_worker(numbers: Numbers, kind: str) -> fleet.PerWorker:
    """Of the healthy one."""
    healthy = numbers["workers"]["healthy"]
    series = sum(healthy[kind].values()) + 1  # target_info
    share = series / (sum(healthy["series"].values()) + 1)
    return fleet.PerWorker(series, healthy["export_bytes"] * share, healthy["spans"], healthy["span_bytes"])


def per_series(numbers: Numbers) -> fleet.PerSeries:
    """By the growth from fleet to fleet, which leaves out what an empty server needs."""
    fleets = numbers["fleets"]
    resident, _, _ = fleet.slope([(one["series"], one["rss_bytes"]) for one in fleets])
    disk, _, _ = fleet.slope([(one["samples"], one["chunk_bytes"] + one["index_bytes"]) for one in fleets])
    cpu, _, _ = fleet.slope([(one["samples"], one["cpu_seconds"]) for one in fleets])
    return fleet.PerSeries(resident, disk, 1 / cpu)


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """In Markdown; the first column is text, the others are numbers."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def bytes_of(number: float) -> str:
    """In words: ``1.5 GB``."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= size:
            return f"{_short(number / size)} {unit}"
    return f"{number:.0f} B"


def count_of(number: float) -> str:
    """With at most three digits that mean something: ``8.23 M``."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= 10 * size or (unit == "M" and number >= size):
            return f"{_short(number / size)} {unit}"
    return f"{number:,.0f}" if number >= 10 else _short(number)


def _short(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"


def _short_of_it(numbers: Numbers) -> str:
    prometheus = per_series(numbers)
    lines = []
    for text, kind in (("As it is", "series"), ("With views", "cut_series")):
        worker = per_worker(numbers, kind)
        at = fleet.needs(AFFORDABLE, worker, prometheus)
        lines.append(
            f"- **{text}** a healthy worker is {worker.series:.0f} series. {AFFORDABLE:,} of them are "
            f"{count_of(at.series)} series, {count_of(at.samples)} samples/s at 60 s, {bytes_of(at.memory_bytes)} of "
            f"Prometheus's memory and {bytes_of(at.disk_bytes_of_day)} of disk a day."
        )
    spans = fleet.needs(AFFORDABLE, per_worker(numbers, "series"), prometheus, kept=KEPT_TRACES)
    lines.append(
        f"- **Spans**: {_short(numbers['workers']['healthy']['spans'])} a request. At a request a second of each "
        f"worker that is {count_of(spans.spans)}/s, {count_of(spans.kept_spans)}/s after tail sampling."
    )
    lines.append(
        f"- **The boards** are the first to be too slow: {_slowest(numbers['fleets'][-1])}. See "
        "[below](#the-boards-queries)."
    )
    return "\n".join(lines)


def _slowest(one: Numbers) -> str:
    query = one["queries"][0]
    return f'"{query["panel"]}" over an hour takes {_seconds(query)} at {one["workers"]} workers'


def _promoted(numbers: Numbers) -> str:
    promoted = numbers["promoted"]
    [plain] = [one for one in numbers["fleets"] if one["workers"] == promoted["workers"]]
    rows = [
        [text, *(bytes_of(one[part] / one[of]) for one in (plain, promoted))]
        for text, part, of in (
            ("live heap of a series", "heap_bytes", "series"),
            ("resident memory of a series", "rss_bytes", "series"),
            ("index of a series, a block", "index_bytes", "series"),
            ("write-ahead log of a sample", "wal_bytes", "samples"),
        )
    ]
    return table([f"{promoted['workers']} workers", "`job`, `instance`", "with 12 promoted"], rows)


def _defaults(numbers: Numbers) -> str:
    prometheus = per_series(numbers)
    before, after = (
        fleet.needs(AFFORDABLE, per_worker(numbers, kind), prometheus) for kind in ("series", "cut_series")
    )
    shares = numbers["workers"]["healthy"]["series"]
    largest = sorted(shares.items(), key=lambda item: -item[1])[:2]
    named = " and ".join(f"`{name}` {count / sum(shares.values()):.0%}" for name, count in largest)
    verdict = "are" if before.memory_bytes < AFFORDABLE_BYTES else "are **not**"
    return (
        f"With a Prometheus of {bytes_of(AFFORDABLE_BYTES)} as what is affordable, {AFFORDABLE:,} workers by default "
        f"{verdict}: {bytes_of(before.memory_bytes)}; with the views above {bytes_of(after.memory_bytes)}. "
        f"Of a healthy worker's series {named}."
    )


def _worker(workers: Numbers) -> str:
    rows: list[tuple[str, Any]] = [
        ("series of this package, with `target_info`", lambda one: sum(one["series"].values()) + 1),
        ("series of the server's instrumentation besides", lambda one: one["foreign_series"]),
        ("one metric export, all of it", lambda one: bytes_of(one["export_bytes"])),
        ("the same, gzip", lambda one: bytes_of(one["export_gzip_bytes"])),
        ("a minute at idle, at the default interval of 60 s", lambda one: bytes_of(one["export_bytes"])),
        ("a minute at idle, at 15 s", lambda one: bytes_of(4 * one["export_bytes"])),
        ("spans of a request, the server's own included", lambda one: _short(one["spans"])),
        ("bytes of a request's spans", lambda one: bytes_of(one["span_bytes"])),
        ("the same, gzip", lambda one: bytes_of(one["span_gzip_bytes"])),
    ]
    named = list(workers)
    return table(["of one worker", *named], ([text, *(of(workers[name]) for name in named)] for text, of in rows))


def _cardinality(workers: Numbers) -> str:
    names = list(workers)
    rows = []
    for metric in semconv.METRICS:
        seen = [workers[name]["sets"].get(metric.name, 0) for name in names]
        most = fleet.most_sets(metric)
        series = fleet.series_of_set(metric)
        attributes = ", ".join(f"`{each}`" for each in metric.attributes) or "-"
        rows.append([f"`{metric.name}`", attributes, series, *seen, f"{most:,}", f"{min(most, fleet.SDK_LIMIT):,}"])
    head = ["metric", "attributes", "series of a set", *(f"sets, {name}" for name in names), "our cap", "SDK ≥ 1.45.2"]
    return table(head, rows)


def _prometheus(fleets: Sequence[Numbers]) -> str:
    head = ["workers", "series", "samples", "live heap", "resident", "chunks", "index", "log", "CPU", "samples/s, core"]
    return table(
        head,
        (
            [
                one["workers"],
                count_of(one["series"]),
                count_of(one["samples"]),
                bytes_of(one["heap_bytes"]),
                bytes_of(one["rss_bytes"]),
                bytes_of(one["chunk_bytes"]),
                bytes_of(one["index_bytes"]),
                bytes_of(one["wal_bytes"]),
                f"{one['cpu_seconds']:.1f} s",
                count_of(one["samples"] / one["cpu_seconds"]),
            ]
            for one in fleets
        ),
    )


def _linear(fleets: Sequence[Numbers]) -> str:
    def row(name: str, over: str, *parts: str, unit: str = "B") -> list[str]:
        scale = 1e6 if unit == "µs" else 1
        pairs = [(one[over], scale * sum(one[part] for part in parts)) for one in fleets]
        growth, _, explained = fleet.slope(pairs)
        each = [whole / count for count, whole in pairs]
        return [name, f"{_short(growth)} {unit}", f"{explained:.4f}", *(f"{_short(one)} {unit}" for one in each)]

    return table(
        ["", "growth", "R²", *(f"of all, {one['workers']} workers" for one in fleets)],
        [
            row("live heap of a series", "series", "heap_bytes"),
            row("resident memory of a series", "series", "rss_bytes"),
            row("disk of a sample, chunk and index", "samples", "chunk_bytes", "index_bytes"),
            row("disk of a sample, chunk alone", "samples", "chunk_bytes"),
            row("CPU of a sample", "samples", "cpu_seconds", unit="µs"),
        ],
    )


def _fleets(worker: fleet.PerWorker, prometheus: fleet.PerSeries) -> str:
    slow, fast = (
        [fleet.needs(size, worker, prometheus, interval=interval, kept=KEPT_TRACES) for size in SIZES]
        for interval in INTERVALS
    )
    rows = [
        ["series", *(count_of(one.series) for one in slow)],
        ["samples/s at 60 s", *(count_of(one.samples) for one in slow)],
        ["samples/s at 15 s", *(count_of(one.samples) for one in fast)],
        ["Prometheus: memory", *(bytes_of(one.memory_bytes) for one in slow)],
        ["Prometheus: cores to take it in, 60 s", *(_short(one.ingestion_cores) for one in slow)],
        ["Prometheus: cores to take it in, 15 s", *(_short(one.ingestion_cores) for one in fast)],
        ["metrics on disk, a day at 60 s", *(bytes_of(one.disk_bytes_of_day) for one in slow)],
        ["metrics on disk, a day at 15 s", *(bytes_of(one.disk_bytes_of_day) for one in fast)],
        ["OTLP into the Collector, a second at 60 s", *(bytes_of(one.otlp_bytes) for one in slow)],
        ["spans/s", *(count_of(one.spans) for one in slow)],
        ["spans/s after tail sampling", *(count_of(one.kept_spans) for one in slow)],
        ["spans as OTLP, a day", *(bytes_of(one.trace_bytes_of_day) for one in slow)],
        ["the same after tail sampling", *(bytes_of(one.kept_trace_bytes_of_day) for one in slow)],
        ["traces that wait for a decision", *(count_of(one.waiting_traces) for one in slow)],
        ["these as OTLP", *(bytes_of(one.waiting_bytes) for one in slow)],
    ]
    return table(["workers", *(f"{size:,}" for size in SIZES)], rows)


def _cut(healthy: Numbers) -> str:
    before, after = healthy["series"], healthy["cut_series"]
    changed = [name for name in before if before[name] != after.get(name, 0)]
    rows = [[f"`{name}`", before[name], after.get(name, 0)] for name in sorted(changed, key=lambda n: -before[n])]
    unchanged = sum(count for name, count in before.items() if name not in changed) + 1
    total = [sum(before.values()) + 1, sum(after.values()) + 1]
    return table(
        ["series of a worker", "as it is", "with these views"],
        [*rows, ["the others", unchanged, unchanged], ["**all**", *total]],
    )


def _queries(fleets: Sequence[Numbers]) -> str:
    last = fleets[-1]["queries"]
    rows = []
    for asked in last:
        key = (asked["board"], asked["panel"], asked["ref_id"])
        times = []
        for one in fleets:
            found = [query for query in one["queries"] if (query["board"], query["panel"], query["ref_id"]) == key]
            times.append(_seconds(found[0]) if found else "-")
        rows.append([f"{asked['board']} · {asked['panel']} · {asked['ref_id']}", *times])
    return table(["query, over one hour", *(f"{one['workers']} workers" for one in fleets)], rows)


def _seconds(query: Numbers) -> str:
    if query["error"] is None:
        return f"{query['seconds']:.2g} s"
    return f"> {QUERY_SECONDS} s" if "timed out" in query["error"] else "too many samples"


def _code(path: Path) -> str:
    return f"```yaml\n{path.read_text().rstrip()}\n```"
