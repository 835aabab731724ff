"""Runs that are kept: private, readable after a kill, and never silently something else."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from autogen_vitals.local.recording import Run
from autogen_vitals.local.store import RunWriter, StoreError, list_runs, load, remove_old_runs


def a_run(number: int = 1) -> Run:
    return Run(
        id=f"20261129-1200{number:02}-app-{number}",
        command=("python", "app.py", "--workers", "2"),
        directory="/srv/app",
        started_ns=1,
        versions=(("python", "3.13.0"),),
    )


def a_span(name: str) -> bytes:
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[Span(name=name)])])]
    ).SerializeToString()


def kept(folder: Path, number: int = 1) -> Path:
    writer = RunWriter(folder, a_run(number))
    writer.write([("traces", a_span(f"span of {number}"))], [])
    writer.finish(replace(a_run(number), ended_ns=2, exit_code=0))
    return writer.path


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    """Facts and telemetry."""
    kept(tmp_path)
    read = load(directory=tmp_path)
    assert read.run == replace(a_run(), ended_ns=2, exit_code=0)
    assert [span.name for span in read.spans] == ["span of 1"]


def test_it_is_for_its_owner_alone_and_for_no_repository(tmp_path: Path) -> None:
    """What was recorded has paths and names of classes in it."""
    path = kept(tmp_path / "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert (path.parent / ".gitignore").read_text() == "*\n"


def test_a_run_is_found_by_what_one_remembers(tmp_path: Path) -> None:
    """The newest; an id, or how it begins; the file itself."""
    paths = [kept(tmp_path, number) for number in (1, 2, 3)]
    assert load(directory=tmp_path).run.id == a_run(3).id
    assert load(a_run(1).id, tmp_path).run.id == a_run(1).id
    assert load("20261129-120002", tmp_path).run.id == a_run(2).id
    assert load(str(paths[0]), Path("/nowhere")).run.id == a_run(1).id
    assert [run.id for run in list_runs(tmp_path)] == [a_run(number).id for number in (1, 2, 3)]


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ("20261129", "Several runs begin with"),
        ("nonsense", "There is no run 'nonsense'. There are: 2026"),
        ("no/such/file.db", "There is no file"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(asked: str, says: str, tmp_path: Path) -> None:
    """So that the next try succeeds."""
    kept(tmp_path, 1), kept(tmp_path, 2)
    with pytest.raises(StoreError, match=says):
        load(asked, tmp_path)


def test_no_runs_at_all_says_how_to_make_one(tmp_path: Path) -> None:
    """A newcomer's first ``report``."""
    with pytest.raises(StoreError, match="autogen-vitals run -- "):
        load(directory=tmp_path)


def test_what_a_killed_run_had_written_is_read(tmp_path: Path) -> None:
    """Up to its last transaction; and that it was cut off is said."""
    code = (
        "import os, signal, sys; sys.path.insert(0, os.path.dirname(sys.argv[1])); import test_store as t\n"
        "from pathlib import Path\n"
        "writer = t.RunWriter(Path(sys.argv[2]), t.a_run())\n"
        "writer.write([('traces', t.a_span('kept'))], [])\n"
        "writer._file.execute('BEGIN')\n"
        "writer._file.executemany('INSERT INTO exports VALUES (?, ?)', [('traces', os.urandom(9000))] * 3000)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, __file__, str(tmp_path)])
    assert killed.returncode == -9
    read = load(directory=tmp_path)
    assert [span.name for span in read.spans] == ["kept"]
    assert "cut off" in read.run.losses[-1]


def test_a_damaged_file_is_said_to_be_one(tmp_path: Path) -> None:
    """Whatever is wrong with it, and wherever: no traceback."""
    path = kept(tmp_path)
    whole = path.read_bytes()
    for damaged in (b"", b"nonsense" * 100, whole[: len(whole) // 2], whole[:4096] + os.urandom(len(whole) - 4096)):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match="Delete it, and run the command again"):
            load(str(path))
    assert list_runs(tmp_path) == []


def test_another_version_s_file_is_said_to_be_one(tmp_path: Path) -> None:
    """It is neither damaged nor read wrongly."""
    path = kept(tmp_path)
    with sqlite3.connect(path) as file:
        file.execute("PRAGMA user_version = 7")
    with pytest.raises(StoreError, match="its format is 7"):
        load(str(path))


def test_the_oldest_go(tmp_path: Path) -> None:
    """A folder of runs does not grow for ever."""
    for number in range(1, 6):
        kept(tmp_path, number)
    remove_old_runs(tmp_path, keep=2)
    assert [run.id for run in list_runs(tmp_path)] == [a_run(4).id, a_run(5).id]


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    """A file is where the folder should be."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreError, match="cannot be written to"):
        RunWriter(tmp_path / "taken", a_run())
