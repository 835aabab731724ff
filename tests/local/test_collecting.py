"""What ``autogen-vitals run`` receives: kept within bounds, whatever comes, and what is not kept is said."""

from __future__ import annotations

import gzip
import http.client
import random
import resource
import socket
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs, SeverityNumber
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from autogen_vitals import semconv
from autogen_vitals.local import collecting
from autogen_vitals.local.collecting import Collector
from autogen_vitals.local.listening import listen
from autogen_vitals.local.recording import Recording, Run
from autogen_vitals.local.store import RunWriter, load

PROTOBUF = {"content-type": "application/x-protobuf"}
RUN = Run(id="20261129-120000-test-1", command=("test",), directory="/", started_ns=1)


class Recorder:
    """A collector at work, and what is left of it afterwards."""

    def __init__(self, folder: Path) -> None:
        self.listener = listen()
        self.writer = RunWriter(folder, RUN)
        self.watched: list[str] = []
        self.collector = Collector(self.listener, self.writer, lambda signal, _: self.watched.append(signal))
        self.port: int = self.listener.getsockname()[1]

    def post(self, signal: str, content: bytes, **headers: str) -> int:
        url = f"http://127.0.0.1:{self.port}/v1/{signal}"
        headers = {**PROTOBUF, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return httpx.post(url, content=content, headers=headers, trust_env=False).status_code

    def finish(self) -> Recording:
        self.collector.__exit__()
        self.writer.finish(RUN)
        return load(str(self.writer.path))


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Recorder]:
    recorder = Recorder(tmp_path / "runs")
    with recorder.collector:
        yield recorder


def spans(*names: str, error: bool = False) -> bytes:
    status = Status(code=Status.STATUS_CODE_ERROR if error else Status.STATUS_CODE_UNSET)
    made = [Span(name=name, status=status, trace_id=bytes(16), span_id=bytes(8)) for name in names]
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=made)])]
    ).SerializeToString()


def events(number: int, severity: SeverityNumber.ValueType) -> bytes:
    made = [LogRecord(event_name="autogen.request", severity_number=severity) for _ in range(number)]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=made)])]
    ).SerializeToString()


def worker(pid: int, value: int) -> bytes:
    """What process ``pid`` says of itself: it shares its resource with others."""
    tells = [KeyValue(key=semconv.PROCESS_PID, value=AnyValue(int_value=pid))]
    metrics = [
        Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(attributes=tells, as_int=value)]))
        for name in (semconv.WORKER_INFO.name, "test.value")
    ]
    one = ResourceMetrics(
        resource=Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="same"))]),
        scope_metrics=[ScopeMetrics(metrics=metrics)],
    )
    return ExportMetricsServiceRequest(resource_metrics=[one]).SerializeToString()


def test_what_comes_is_kept(recorder: Recorder) -> None:
    """Spans and events as they come; compressed or not."""
    assert recorder.post("traces", spans("a", "b")) == 200
    assert recorder.post("traces", gzip.compress(spans("c")), content_encoding="gzip") == 200
    assert recorder.post("logs", events(3, SeverityNumber.SEVERITY_NUMBER_DEBUG)) == 200
    kept = recorder.finish()
    assert [span.name for span in kept.spans] == ["a", "b", "c"]
    assert len(kept.logs) == 3
    assert recorder.watched == ["traces", "traces", "logs"]
    assert recorder.collector.losses == ()


def test_of_metrics_the_newest_of_each_process_is_kept(recorder: Recorder) -> None:
    """Points are cumulative: an hour of them is no more than a minute. Forked processes may share a resource."""
    for value in range(20):
        recorder.post("metrics", worker(1, value))
        recorder.post("metrics", worker(2, 100 + value))
    recorder.finish()
    with sqlite3.connect(recorder.writer.path) as file:
        assert file.execute("SELECT count(*) FROM points").fetchone() == (2,)


def test_what_is_received_before_it_serves_waits(tmp_path: Path) -> None:
    """The command is started first: what it says meanwhile is not refused."""
    recorder = Recorder(tmp_path)
    connection = http.client.HTTPConnection("127.0.0.1", recorder.port, timeout=60)
    connection.request("POST", "/v1/traces", spans("early"), PROTOBUF)
    with recorder.collector:
        assert connection.getresponse().status == 200
    connection.close()
    assert [span.name for span in recorder.finish().spans] == ["early"]


def test_beyond_the_limit_what_is_wrong_is_kept(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of too many spans and events the ordinary ones go, then all; how many is said."""
    monkeypatch.setattr(collecting, "MAX_KEPT", 10)
    for _ in range(4):
        recorder.post("traces", spans(*["chat"] * 5))
        recorder.post("logs", events(5, SeverityNumber.SEVERITY_NUMBER_DEBUG))
    recorder.post("traces", spans(*["chat"] * 15, error=True))
    recorder.post("logs", events(5, SeverityNumber.SEVERITY_NUMBER_ERROR))
    kept = recorder.finish()
    assert (len(kept.spans), len(kept.logs)) == (20, 15)
    assert sum(span.status == "ERROR" for span in kept.spans) == 10
    assert recorder.collector.losses == (
        "10 events beyond the first 10 were not kept.",
        "15 spans beyond the first 10 were not kept.",
    )


def test_a_million_spans_are_counted_and_bounded(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that tells a million spans costs neither the disk nor the memory of a million."""
    monkeypatch.setattr(collecting, "MAX_KEPT", 5_000)
    body = spans(*["chat gpt-4o-mini"] * 5_000)
    before = peak_memory()
    for _ in range(200):
        assert recorder.post("traces", body) == 200
    kept = recorder.finish()
    assert len(kept.spans) == 5_000
    assert recorder.collector.losses == ("995,000 spans beyond the first 5,000 were not kept.",)
    assert peak_memory() - before < 100_000_000


def test_a_full_disk_is_said_and_stops_nothing(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests are answered as before; the loss is told."""

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(recorder.writer, "write", full)
    assert recorder.post("traces", spans("a")) == 200
    assert recorder.post("traces", spans("b")) == 200
    assert recorder.finish().spans == ()
    assert "disk is full" in " ".join(recorder.collector.losses)


def test_a_real_full_disk(tmp_path: Path) -> None:
    """SQLite's own word for it, from a file that may not grow."""
    recorder = Recorder(tmp_path)
    recorder.writer._file.execute("PRAGMA max_page_count = 12")
    with recorder.collector:
        for _ in range(3):
            # Bytes that do not compress, so that they need room.
            recorder.post("traces", spans(*(random.Random(n).randbytes(40).hex() for n in range(2000))))
    assert "full" in " ".join(recorder.collector.losses)


def test_another_python_without_the_package_is_known(recorder: Recorder) -> None:
    """It says who it is; a liar cannot fill the memory."""
    url = f"http://127.0.0.1:{recorder.port}/strangers"
    for number in range(20):
        httpx.post(url, content=f"/opt/{number}/python".encode() + b"x" * 5000, trust_env=False)
    recorder.finish()
    assert len(recorder.collector.strangers) == 8
    assert all(len(python) <= 512 for python in recorder.collector.strangers)


def test_it_survives_ten_thousand_malformed_requests(recorder: Recorder) -> None:
    """Whatever is sent to it: it goes on, refuses what is not OTLP, and keeps what is."""
    chance = random.Random(20261129)
    good = spans("good")
    seeds = (good, worker(1, 2), events(2, SeverityNumber.SEVERITY_NUMBER_INFO), gzip.compress(good))
    connection = http.client.HTTPConnection("127.0.0.1", recorder.port, timeout=60)
    statuses: dict[int, int] = {}
    warm_up, before = 1_000, 0
    for number in range(10_000):
        if number == warm_up:
            before = peak_memory()
        headers = {"content-type": chance.choice(["application/x-protobuf"] * 6 + ["application/json", "", "x" * 99])}
        if chance.random() < 0.3:
            headers["content-encoding"] = chance.choice(["gzip", "gzip", "deflate", "identity", "\t"])
        connection.request(
            "POST", f"/v1/{chance.choice(('traces', 'metrics', 'logs', 'nothing'))}", mutated(chance, seeds), headers
        )
        response = connection.getresponse()
        response.read()
        statuses[response.status] = statuses.get(response.status, 0) + 1
    connection.close()
    assert set(statuses) <= {200, 400, 404, 413, 415}
    assert statuses[400] > 500
    assert peak_memory() - before < 64_000_000
    for raw in (
        b"\x00" * 200,
        b"POST /v1/traces HTTP/1.1\r\ncontent-length: 99999999999\r\n\r\n",
        b"GET / HTTP/9\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", recorder.port), timeout=60) as broken:
            broken.sendall(raw)
    assert recorder.post("traces", spans("after all that")) == 200
    assert "after all that" in [span.name for span in recorder.finish().spans]


def mutated(chance: random.Random, seeds: tuple[bytes, ...]) -> bytes:
    body = bytearray(chance.choice(seeds))
    for _ in range(chance.randrange(8)):
        kind = chance.randrange(4)
        if kind == 0 and body:
            body[chance.randrange(len(body))] = chance.randrange(256)
        elif kind == 1:
            del body[chance.randrange(len(body) + 1) :]
        elif kind == 2:
            body += chance.randbytes(chance.randrange(64))
        else:
            body = bytearray(chance.randbytes(chance.randrange(256)))
    return bytes(body)


def test_a_gzip_bomb_is_refused_within_bounds(recorder: Recorder) -> None:
    """A gigabyte that comes as a megabyte."""
    bomb = gzip.compress(bytes(1 << 28))
    before = peak_memory()
    for _ in range(4):
        assert recorder.post("traces", bomb, content_encoding="gzip") == 413
    assert peak_memory() - before < 100_000_000
    recorder.finish()


def test_a_post_without_end_is_refused_within_bounds(recorder: Recorder) -> None:
    """What is larger than any export is read and thrown away: here 300 MB, which would be the same for 4 GB."""
    chunk = bytes(1 << 20)
    before = peak_memory()
    url = f"http://127.0.0.1:{recorder.port}/v1/traces"
    answer = httpx.post(url, content=(chunk for _ in range(300)), headers=PROTOBUF, trust_env=False, timeout=60)
    assert answer.status_code == 413
    assert peak_memory() - before < 100_000_000
    recorder.finish()


def peak_memory() -> int:
    """Bytes that this process has had at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
