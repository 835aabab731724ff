"""The generator of docs/scale.md where it does not measure, and the page itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from autogen_vitals import semconv
from autogen_vitals.telemetry.metrics import Metrics

pytest.importorskip("opentelemetry.proto")
yaml = pytest.importorskip("yaml")

ROOT = Path(__file__).parents[2]
_FOLDERS = [str(ROOT / folder) for folder in ("benchmarks/scale", "tests/dashboards")]
sys.path[:0] = _FOLDERS

import board_json  # noqa: E402
import fleet  # noqa: E402
import page  # noqa: E402
import replay  # noqa: E402
import views  # noqa: E402

for folder in _FOLDERS:
    sys.path.remove(folder)

from autogen_vitals.local.otlp import ReceivedPoint  # noqa: E402

HISTOGRAM = semconv.REQUEST_DURATION
RULES = ROOT / "dashboards" / "rules"


def point(metric: semconv.Metric, value: int, instance: str = "one", **attributes: Any) -> ReceivedPoint:
    """What a worker tells of a metric: ``value`` observations in the lowest bucket, or the value."""
    counts = (value, *[0] * len(metric.buckets)) if metric.buckets else ()
    kind = "gauge" if metric.instrument == "observable gauge" else "sum"
    return ReceivedPoint(
        metric=metric.name,
        type="histogram" if metric.instrument == "histogram" else kind,
        unit=metric.unit,
        attributes={name.replace("_", "."): said for name, said in attributes.items()},
        resource={"service.name": "shop", "service.instance.id": instance, "host.name": "pod"},
        scope=semconv.SCOPE,
        value=float(value),
        count=value,
        sum=float(value),
        bucket_counts=counts,
        explicit_bounds=metric.buckets,
        start_ns=0,
        time_ns=value * 1_000_000_000,
        monotonic=kind == "sum",
        cumulative=True,
        exemplars=(),
    )


# --- one worker's output ------------------------------------------------------------------------------------------


def test_a_histogram_is_its_bounds_and_three_series() -> None:
    """As the translation of the boards' tests makes them, and as the arithmetic counts them."""
    exports = [[point(HISTOGRAM, value)] for value in (1, 2)]
    made = [one for one in replay.series_of(exports) if one.name != "target_info"]
    assert len(made) == fleet.series_of_set(HISTOGRAM)
    assert fleet.series_by_metric(exports[0], {}) == {HISTOGRAM.name: len(made)}


def test_a_series_that_is_not_in_each_export_is_left_out() -> None:
    """There would be nothing to replay."""
    exports = [[point(semconv.REINITS, 1)], [point(semconv.REINITS, 2), point(semconv.REINIT_TIME, 2)]]
    assert {one.name for one in replay.series_of(exports)} == {"autogen_reinits_total", "target_info"}


def test_counters_grow_from_round_to_round_and_gauges_do_not() -> None:
    """Or each round would look like a process that began again."""
    exports = [[point(semconv.REINITS, value), point(semconv.EXIT_RECORD_ENABLED, value)] for value in (3, 5)]
    growth = {one.name: one.growth for one in replay.series_of(exports)}
    assert growth["autogen_reinits_total"] == 2
    assert growth["autogen_exit_record_enabled"] == 0


# --- replicas -----------------------------------------------------------------------------------------------------


def fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """The fields of a protobuf message: number, and bytes or integer."""
    at = 0

    def integer() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = integer()
        if key & 7 == 0:
            yield key >> 3, integer()
            continue
        size = 8 if key & 7 == 1 else integer()
        yield key >> 3, message[at : at + size]
        at += size


def unpacked(body: bytes) -> bytes:
    """What is in the one literal."""
    head = next(length for length in range(1, 6) if body[length - 1] < 0x80)
    assert body[head] == 63 << 2
    size = int.from_bytes(body[head + 1 : head + 5], "little") + 1
    assert len(body) == head + 5 + size
    return body[head + 5 :]


def written(body: bytes) -> dict[str, dict[str, str]]:
    """The labels of a remote write, by the series' name."""
    found = {}
    for _, series in fields(unpacked(body)):
        labels = [dict(fields(label)) for number, label in fields(series) if number == 1]
        names = [label[1].decode() for label in labels]
        assert names == sorted(names), "Prometheus wants them sorted"
        told = {label[1].decode(): label[2].decode() for label in labels}
        found[told["__name__"]] = told
    return found


def test_replicas_differ_in_their_identity_alone() -> None:
    """In the instance and the pid, wherever they are told; and each is the same one in each round."""
    exports = [
        [point(semconv.REINITS, v, "mine"), point(semconv.WORKER_INFO, v, "mine", process_pid=4711)] for v in (1, 2)
    ]
    replicas = replay.Replicas(replay.anonymous(replay.series_of(exports), "mine", 4711), [0, 60_000])
    first, second = (written(body) for body in replicas.writes(2, 0, 1_000))
    assert first != second
    assert first["autogen_worker_info"]["process_pid"] != second["autogen_worker_info"]["process_pid"]
    assert first["autogen_reinits_total"]["instance"] == replay.identity(0)
    for name, labels in first.items():
        other = {**second[name], "instance": labels["instance"]}
        if "process_pid" in labels:
            other["process_pid"] = labels["process_pid"]
        assert other == labels
    assert [written(body) for body in replicas.writes(2, 1, 121_000)] == [first, second]


@pytest.mark.parametrize("number", [0, 1, 127, 128, 300, 1_764_410_000_000])
def test_integers_are_written_as_protobuf_reads_them(number: int) -> None:
    """Seven bits a byte, the lowest first."""
    assert list(fields(b"\x08" + replay.varint(number))) == [(1, number)]


# --- arithmetic ---------------------------------------------------------------------------------------------------

WORKER = fleet.PerWorker(series=600, export_bytes=6000, spans=5, span_bytes=2000)
PROMETHEUS = fleet.PerSeries(resident_bytes=5000, sample_bytes=2, samples_of_core=100_000)


def test_the_interval_changes_samples_and_not_memory() -> None:
    """Prometheus keeps a series in memory however rarely it is told of."""
    slow, fast = (fleet.needs(1000, WORKER, PROMETHEUS, interval=seconds) for seconds in (60, 15))
    assert (slow.samples, fast.samples) == (10_000, 40_000)
    assert slow.memory_bytes == fast.memory_bytes == 3_000_000_000
    assert slow.disk_bytes_of_day == 10_000 * 86_400 * 2
    assert fast.ingestion_cores == 0.4


def test_tail_sampling_waits_for_all_and_keeps_some() -> None:
    """Traces are in memory before anything is known of them."""
    found = fleet.needs(1000, WORKER, PROMETHEUS, requests=2, kept=0.1, decision_wait=60)
    assert (found.spans, found.kept_spans, found.waiting_traces) == (10_000, 1000, 120_000)
    assert found.waiting_bytes == 120_000 * 2000


def test_a_line_is_found_and_a_curve_is_told() -> None:
    """The share that the line explains is 1 for the one, and less for the other."""
    assert fleet.slope([(1, 12), (2, 14), (4, 18)]) == pytest.approx((2, 10, 1))
    assert fleet.slope([(10, 1), (100, 100), (300, 900)])[2] < 0.99


def test_caps_are_those_of_the_code() -> None:
    """Choices are multiplied, names share one budget, a class has one kind."""
    assert fleet.most_sets(semconv.LOOP_BLOCKED_DURATION_METRIC) == 1
    assert fleet.most_sets(semconv.STARTUP_DURATION) == 14
    assert fleet.most_sets(semconv.REINITS) == 201
    assert fleet.most_sets(semconv.REQUEST_DURATION) == 4 * 201
    assert fleet.most_sets(semconv.INIT_DURATION) == 5 * 4 * 2 * 101 * 101
    assert fleet.most_sets(semconv.CRASHES) == 1000


# --- the page -----------------------------------------------------------------------------------------------------


def part(name: str) -> str:
    """What the page has between the markers of a name."""
    found = re.search(rf"<!-- numbers: {name} -->\n(.*?)<!-- end -->", page.FILE.read_text(), flags=re.DOTALL)
    assert found, f"docs/scale.md has no part {name}"
    return found[1].strip()


def test_every_metric_is_in_the_table() -> None:
    """With its attributes, its series a set and its cap: one that is new, or has changed, needs
    ``python benchmarks/scale --same --write``."""
    rows = {}
    for line in part("cardinality").splitlines()[2:]:
        name, attributes, series, _, _, cap, _ = (cell.strip() for cell in line.strip("|").split("|"))
        rows[name.strip("`")] = (re.findall(r"`([^`]+)`", attributes), int(series), int(cap.replace(",", "")))
    assert rows == {
        metric.name: ([*metric.attributes], fleet.series_of_set(metric), fleet.most_sets(metric))
        for metric in semconv.METRICS
    }


@pytest.mark.parametrize("name", ["views", "collector"])
def test_the_files_on_the_page_are_those_beside_the_generator(name: str) -> None:
    """The next tests look at these."""
    file = ROOT / "benchmarks" / "scale" / f"{name}.yaml"
    assert part(name) == f"```yaml\n{file.read_text().rstrip()}\n```"


def test_what_is_between_markers_is_replaced_and_nothing_else() -> None:
    """Text around them is written by hand."""
    text = "before\n<!-- numbers: a-b -->\nold\n<!-- end -->\nafter\n"
    assert page.filled_in(text, {"a-b": "new"}) == ("before\n<!-- numbers: a-b -->\n\nnew\n\n<!-- end -->\nafter\n")
    with pytest.raises(KeyError):
        page.filled_in(text, {})


@pytest.mark.parametrize(
    ("number", "said"), [(999, "999 B"), (1500, "1.5 kB"), (28317, "28.3 kB"), (826e9, "826 GB"), (2.4e12, "2.4 TB")]
)
def test_bytes_are_told_in_three_digits(number: float, said: str) -> None:
    """Or fewer."""
    assert page.bytes_of(number) == said


# --- what it recommends -------------------------------------------------------------------------------------------


def test_views_name_histograms_that_there_are() -> None:
    """And keep of their bounds; only what is no histogram is dropped."""
    known = {metric.name: metric for metric in semconv.METRICS}
    for name, bounds in views.chosen().items():
        assert (known[name].instrument == "histogram") == (bounds is not None)
        assert {*(bounds or ())} <= {*known[name].buckets}


def test_views_keep_the_buckets_that_alerts_ask_for() -> None:
    """A metric of which a rule wants a bucket is none that is thinned."""
    rules = "".join(path.read_text() for path in RULES.glob("*.yml"))
    asked = set(re.findall(r"(\w+)_seconds_bucket\{[^}]*\ble=", rules))
    assert asked
    assert not asked & {name.replace(".", "_") for name in views.chosen()}


def test_the_page_tells_what_the_boards_lose() -> None:
    """Each panel that asks for what a view takes away."""
    thinned = {name.replace(".", "_") for name in views.chosen()}
    asked = rf"\b({'|'.join(thinned)})(_seconds_bucket|_bucket|_seconds\{{)"
    lost = {target.panel for target in board_json.targets() if re.search(asked, target.query)}
    assert len(lost) == 3
    text = " ".join(page.FILE.read_text().split())
    assert all(f'"{panel}"' in text for panel in lost)


def test_the_sdk_makes_of_the_views_what_the_table_says() -> None:
    """The file, as ``OTEL_CONFIG_FILE`` has it read: each histogram of ours has the bounds that were counted."""
    configuration = pytest.importorskip("opentelemetry.configuration")
    created = pytest.importorskip("opentelemetry.configuration._meter_provider")
    config = configuration.load_config_file(str(views.FILE))
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], views=[created._create_view(view) for view in config.meter_provider.views])
    metrics = Metrics.of(provider)
    for histogram in metrics._histograms.values():
        histogram.record(1.0)
    metrics._imports = {"numpy": 1.0}
    told = reader.get_metrics_data()
    assert told is not None
    found = {
        each.name: each.data for of in told.resource_metrics for scope in of.scope_metrics for each in scope.metrics
    }
    chosen = views.chosen()
    for metric in semconv.METRICS:
        if metric.instrument == "histogram":
            [made] = found[metric.name].data_points
            assert made.explicit_bounds == tuple(chosen.get(metric.name, metric.buckets) or ())
    assert semconv.IMPORT_DURATION.name not in found


PROGRAM = """
import os
from opentelemetry import metrics, trace
config = metrics.get_meter_provider()._sdk_config
print(len(config.views), trace.get_tracer_provider().resource.attributes["service.name"])
print(config.resource.attributes["service.instance.id"], flush=True)
if os.fork() == 0:
    print(config.resource.attributes["service.instance.id"], flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_with_the_file_has_a_name_and_an_identity_of_its_own() -> None:
    """Under the real ``opentelemetry-instrument``: a configuration file takes the place of the variables that would
    otherwise see to both."""
    pytest.importorskip("opentelemetry.configuration")
    environment = {**os.environ, "OTEL_CONFIG_FILE": str(views.FILE), "OTEL_SERVICE_NAME": "shop"}
    instrument = Path(sys.executable).with_name("opentelemetry-instrument")
    done = subprocess.run(
        [instrument, sys.executable, "-c", PROGRAM],
        # Nobody listens there, and nothing is exported.
        env={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    said, instance, forked = done.stdout.split("\n")[:3]
    assert said == f"{len(views.chosen())} shop", done.stderr
    assert instance
    assert forked
    assert instance != forked


def test_the_collector_file_fits_the_one_it_comes_after() -> None:
    """Merged, each part is defined and none is left over, memory is limited first and batches are made last."""
    merged = _merged(
        yaml.safe_load((ROOT / "dashboards" / "collector.yaml").read_text()),
        yaml.safe_load((ROOT / "benchmarks" / "scale" / "collector.yaml").read_text()),
    )
    pipelines = merged["service"]["pipelines"]
    for kind in ("receivers", "processors", "exporters"):
        assert {name for pipeline in pipelines.values() for name in pipeline[kind]} == set(merged[kind])
    for pipeline in pipelines.values():
        assert (pipeline["processors"][0], pipeline["processors"][-1]) == ("memory_limiter", "batch")
    sampling = merged["processors"]["tail_sampling"]
    assert sampling["num_traces"] > 10_000 / 8 * int(sampling["decision_wait"].removesuffix("s"))
    known = {metric.name for metric in semconv.METRICS}
    for condition in merged["processors"]["filter/scale"]["metrics"]["metric"]:
        assert set(re.findall(r'name == "([^"]+)"', condition)) <= known


def _merged(below: Any, above: Any) -> Any:
    if isinstance(below, dict) and isinstance(above, dict):
        return {key: _merged(below.get(key), above.get(key, below.get(key))) for key in {**below, **above}}
    return above
