"""The cold start of every worker, under every server: one trace, whose stages add up to the time on the wall."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.local.receiver import ReceivedSpan, Receiver
from autogen_vitals.local.stub_model import StubModel
from autogen_vitals.vocabulary import STARTUP_STAGES

from .conftest import Start
from .harness import (
    GUNICORN_SYNC_PRELOAD,
    GUNICORN_UVICORN,
    GUNICORN_UVICORN_PRELOAD,
    ONLY_AT_STOP,
    UVICORN,
    UVICORN_WORKERS,
    Answer,
    Launcher,
    Server,
    served_by,
)
from .recordings import Recording, recorded
from .slow_tls import SlowTls
from .telemetry import Telemetry, stages, startups

pytestmark = pytest.mark.e2e

PLANTED = 1.0
TOLERANCE = 0.6
"""Beside what was planted there is real work, and a busy machine; half a second in the wrong place would be seen."""


def first_entries(telemetry: Telemetry, answers: tuple[Answer, ...]) -> dict[int, ReceivedSpan]:
    """The SERVER span of each worker's cold request."""
    entries = telemetry.entries()
    return {
        answer.pid: entries[answer.body["trace_id"]]
        for answer in answers
        if entries[answer.body["trace_id"]].attributes.get("autogen.start.type") == "cold"
    }


# --- on the runs that other tests ask about too -----------------------------------------------------------------------


@recorded()
def test_each_worker_has_one_cold_start(recording: Recording) -> None:
    """Complete, and a root; a master has one only where it imports the app, and then an incomplete one."""
    found = startups(recording.telemetry)
    workers = {answer.pid for answer in recording.answers}
    assert {pid for pid, span in found.items() if span.attributes["autogen.startup.complete"]} == workers
    preloads = "preload" in recording.launcher.name
    assert set(found) - workers == ({recording.master} if preloads else set())
    assert all(not span.parent_span_id and span.attributes["autogen.startup.exact"] for span in found.values())
    assert {found[pid].attributes["autogen.worker.server"] for pid in workers} == {recording.launcher.server}


@recorded()
def test_the_stages_add_up_to_the_time_on_the_wall(recording: Recording) -> None:
    """From the creation of the process, which the kernel tells, to the end of the request, which its span tells."""
    found = startups(recording.telemetry)
    for pid, entry in first_entries(recording.telemetry, recording.answers).items():
        span = found[pid]
        told = sum(stages(span).values()) + span.attributes["autogen.startup.idle"]
        created_ns = _nanoseconds(recording.telemetry.workers()[pid].attributes["process.creation.time"])
        wall = (entry.end_ns - created_ns) / 1e9
        lasted = (entry.end_ns - entry.start_ns) / 1e9
        assert span.attributes["autogen.startup.first_request"] == pytest.approx(lasted, rel=0.05, abs=0.05)
        assert told == pytest.approx(wall, rel=0.05), f"worker {pid}: {stages(span)} against {wall} s on the wall"
        assert span.attributes["autogen.startup.total"] == pytest.approx(sum(stages(span).values()), abs=1e-6)
        assert (span.end_ns - span.start_ns) / 1e9 == pytest.approx(told, rel=0.01, abs=0.02)


@recorded()
def test_the_first_request_points_to_it(recording: Recording) -> None:
    """And carries what it had come to; later requests do neither."""
    found = startups(recording.telemetry)
    first = first_entries(recording.telemetry, recording.answers)
    assert set(first) == {answer.pid for answer in recording.answers}
    for pid, entry in first.items():
        assert (found[pid].trace_id, found[pid].span_id) in entry.links
        # The last word is said when the last run inside it ends.
        assert entry.attributes["autogen.startup.total"] == pytest.approx(
            found[pid].attributes["autogen.startup.total"], rel=0.1, abs=0.2
        )
    others = [
        span
        for span in recording.telemetry.entries().values()
        if span.span_id not in {e.span_id for e in first.values()}
    ]
    assert others
    assert not [span for span in others if "autogen.startup.total" in span.attributes]
    linking = [span for span in others if set(span.links) & {(span.trace_id, span.span_id) for span in found.values()}]
    assert not linking


@recorded()
def test_the_metric_says_the_same(recording: Recording) -> None:
    """One measurement a worker for the whole, and stages whose sums are those of the spans."""
    telemetry = recording.telemetry
    workers = {answer.pid for answer in recording.answers}
    spans = [span for pid, span in startups(telemetry).items() if pid in workers]
    assert telemetry.counted("autogen.cold_start.duration") == len(workers)
    for stage in STARTUP_STAGES:
        told = sum(stages(span).get(stage, 0.0) for span in spans)
        measured = sum(point.sum for point in telemetry.points("autogen.startup.duration", startup_stage=stage))
        assert measured == pytest.approx(told, abs=1e-3), stage
    whole = sum(point.sum for point in telemetry.points("autogen.cold_start.duration"))
    parts = sum(point.sum for point in telemetry.points("autogen.startup.duration"))
    assert whole == pytest.approx(parts)


@recorded(UVICORN, UVICORN_WORKERS, GUNICORN_UVICORN)
def test_a_worker_s_imports_are_its_own(recording: Recording) -> None:
    """Where a worker imports the app, the packages it consists of are named, each with its own share."""
    for pid, root in startups(recording.telemetry).items():
        spans = [span for span in recording.telemetry.spans if span.trace_id == root.trace_id]
        imports = {span.name.removeprefix("import "): span for span in spans if span.name.startswith("import ")}
        assert {"per_request", "openai"} <= set(imports), f"imports of worker {pid}: {sorted(imports)}"
        app = imports["per_request"]
        assert app.parent_span_id == root.span_id
        inside = [span for span in imports.values() if span.parent_span_id == app.span_id]
        assert sum(span.end_ns - span.start_ns for span in inside) <= app.end_ns - app.start_ns
        assert 0 <= app.attributes["autogen.import.self_duration"] <= (app.end_ns - app.start_ns) / 1e9
        assert all(span.end_ns - span.start_ns >= 5_000_000 for span in imports.values())


@recorded(GUNICORN_UVICORN_PRELOAD, GUNICORN_SYNC_PRELOAD)
def test_under_preload_the_master_imports(recording: Recording) -> None:
    """The app's imports are in its trace, and not in those of the workers."""
    found = startups(recording.telemetry)
    app = recording.launcher.app.partition(":")[0]
    importing = {span.attributes["process.pid"] for span in recording.telemetry.named(f"import {app}")}
    assert importing == {recording.master}
    imported: dict[bool, set[str]] = {True: set(), False: set()}
    for span in recording.telemetry.spans:
        if span.name.startswith("import "):
            imported[span.attributes["process.pid"] == recording.master].add(span.name)
    assert len(imported[True]) > 3, "AutoGen, and what it brings"
    assert not imported[True] & imported[False], "what the master has imported, a worker has"
    assert stages(found[recording.master])["imports"] > 0


def _nanoseconds(iso: str) -> int:
    return int(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp() * 1e9)


# --- a second planted in each place -----------------------------------------------------------------------------------


@served_by(UVICORN, GUNICORN_UVICORN_PRELOAD, long=[UVICORN_WORKERS, GUNICORN_UVICORN])
def test_each_planted_second_is_in_its_stage(
    launcher: Launcher, start: Start, receiver: Receiver, telemetry: Telemetry, tmp_path: Path
) -> None:
    """In import, lifespan, constructors, the TLS handshake, the model and the first tool call; and nowhere else."""
    with StubModel(think_seconds=PLANTED) as model, SlowTls(model.base_url, PLANTED, tmp_path) as front:
        server = start(
            launcher,
            receiver.environment("planted"),
            ONLY_AT_STOP,
            {
                "OPENAI_BASE_URL": front.url,
                "SSL_CERT_FILE": str(front.authority_file),
                "PLANTED_SECONDS": str(PLANTED),
            },
            app="planted:app",
        )
        server.wait_ready(launcher.workers)
        pids = _one_after_the_other(server, launcher.workers)
        server.stop()
    found = startups(telemetry)
    preloads = launcher is GUNICORN_UVICORN_PRELOAD
    for pid in pids:
        told = stages(found[pid])
        expected = {"init": PLANTED, "ready": PLANTED, "request_init": PLANTED, "connect_tls": PLANTED}
        expected |= {"model_wait": PLANTED, "tool": PLANTED}
        for stage, seconds in expected.items():
            assert seconds - 0.05 <= told[stage] <= seconds + TOLERANCE, f"{stage} of worker {pid}: {told}"
        # What takes its own time is the rest; no second has been lost there.
        rest = {stage: told.get(stage, 0.0) for stage in ("connect_dns_tcp", "model_stream", "warm_up", "request")}
        assert all(seconds < PLANTED / 2 for seconds in rest.values()), f"worker {pid}: {told}"
        _check_import(telemetry, found, server.pid if preloads else pid)


def _one_after_the_other(server: Server, workers: int) -> set[int]:
    """Have each worker answer a first request while it does nothing else; their pids."""
    pids: set[int] = set()
    for _ in range(50):
        pids.add(server.get("/ask?q=hello").pid)
        if len(pids) == workers:
            return pids
    raise server.failed(f"50 requests came to {len(pids)} of {workers} workers")


def _check_import(telemetry: Telemetry, found: dict[int, ReceivedSpan], pid: int) -> None:
    """The planted import has a span, of the process that imported it, and its second is in that one's stage."""
    (span,) = [span for span in telemetry.named("import planted_library") if span.attributes["process.pid"] == pid]
    assert span.trace_id == found[pid].trace_id
    assert span.attributes["autogen.import.self_duration"] == pytest.approx(PLANTED, abs=TOLERANCE)
    assert stages(found[pid])["imports"] >= PLANTED
    others: list[Any] = [other for other in found if other != pid and "import" in stages(found[other])]
    assert not others


def test_a_warm_request_pays_nothing(start: Start, receiver: Receiver, telemetry: Telemetry) -> None:
    """No connection, no first use, and the finder is gone: with a shared client, from the second request on."""
    server = start(UVICORN, receiver.environment("warm"), ONLY_AT_STOP, app="shared_client:app")
    server.wait_ready()
    before = server.get("/finder").body
    answers = [server.get("/ask?q=hello") for _ in range(5)]
    after = server.get("/finder").body
    server.stop()
    assert before["installed"]
    assert not after["installed"]
    entries = telemetry.entries()
    spans = [entries[answer.body["trace_id"]] for answer in answers]
    assert [span.attributes["autogen.start.type"] for span in spans] == ["cold", "warm", "warm", "warm", "warm"]
    assert [span.attributes["autogen.request.connect.count"] for span in spans] == [1, 0, 0, 0, 0]
    chats = telemetry.named("chat gpt-4o-mini")
    assert [span.attributes["autogen.first_use"] for span in chats] == [True] + [False] * 4
    assert [span.attributes.get("autogen.connect.count", 0) for span in chats] == [1, 0, 0, 0, 0]
    assert telemetry.counted("autogen.connect.duration") == 1
