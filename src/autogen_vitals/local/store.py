"""Where runs are kept: one SQLite file each, in ``.autogen-vitals`` beside what was run.

A run is written in transactions of a moment each, so that what a killed ``autogen-vitals run`` has recorded can be
read. What is in a file is OTLP as it came, compressed; of metrics, which are cumulative, the newest of each process.
"""

from __future__ import annotations

import json
import os
import sqlite3
import zlib
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from autogen_vitals.local.otlp import ReceivedLog, ReceivedSpan, decode_logs, decode_points, decode_spans
from autogen_vitals.local.receiver import latest_points
from autogen_vitals.local.recording import DIRECTORY, Recording, Run

MAX_RUNS = 30
"""The oldest go when there are more."""

_SUFFIX = ".db"
_APPLICATION = 0x41475654
_SCHEMA = 1
_TABLES = """\
CREATE TABLE run (facts TEXT NOT NULL);
CREATE TABLE exports (signal TEXT NOT NULL, body BLOB NOT NULL);
CREATE TABLE points (process TEXT PRIMARY KEY, body BLOB NOT NULL);
"""
_CUT_OFF = "The recording was cut off: autogen-vitals run itself was killed. What it had received until then is here."


class StoreError(Exception):
    """A run cannot be kept or read; the message says what to do."""


class RunWriter:
    """Writes one run, from one thread.

    Args:
        directory: of all runs; made where it is missing, for the user alone.
        run: what is to be written; its end is told to :meth:`finish`.

    Raises:
        StoreError: the directory, or the file in it, cannot be made.
    """

    def __init__(self, directory: Path, run: Run) -> None:
        self.path = directory / f"{run.id}{_SUFFIX}"
        self._run = run
        try:
            _make_private(directory)
            # SQLite would make it readable to others.
            os.close(os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            self._file = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            # A crash of the machine may cost the file, which is no reason to wait for the disk.
            self._file.execute("PRAGMA synchronous = OFF")
            self._file.executescript(
                f"PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {_SCHEMA};{_TABLES}"
            )
            self._file.execute("INSERT INTO run VALUES (?)", (_facts(run),))
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"{directory} cannot be written to ({error}).") from error

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return self.path.stat().st_size

    def write(self, exports: Iterable[tuple[str, bytes]], points: Iterable[tuple[str, bytes]]) -> None:
        """Keep these: ``(signal, body)``, and of metrics ``(process, body)``, which takes the place of an older one.

        Raises:
            sqlite3.Error: nothing of them was kept. The disk is full, say.
        """
        self._file.execute("BEGIN")
        try:
            self._file.executemany(
                "INSERT INTO exports VALUES (?, ?)", ((signal, zlib.compress(body, 1)) for signal, body in exports)
            )
            self._file.executemany(
                "INSERT OR REPLACE INTO points VALUES (?, ?)",
                ((process, zlib.compress(body, 1)) for process, body in points),
            )
            self._file.execute("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.execute("ROLLBACK")
            raise

    def finish(self, run: Run) -> None:
        """Note how it ended, and close the file.

        Raises:
            sqlite3.Error: that was not kept.
        """
        try:
            self._file.execute("UPDATE run SET facts = ?", (_facts(run),))
        finally:
            self._file.close()


def load(run: str | None = None, directory: Path = DIRECTORY) -> Recording:
    """A run that was kept.

    Args:
        run: its id, or the beginning of one, or the path of a file; the newest by default.
        directory: where runs are.

    Raises:
        StoreError: there is no such run, or it cannot be read.
    """
    path = _find(run, directory)
    with _opened(path) as file:
        facts = _read_facts(file)
        spans: list[ReceivedSpan] = []
        logs: list[ReceivedLog] = []
        for signal, body in file.execute("SELECT signal, body FROM exports ORDER BY rowid"):
            if signal == "traces":
                spans.extend(decode_spans(zlib.decompress(body)))
            else:
                logs.extend(decode_logs(zlib.decompress(body)))
        points = [
            point
            for (body,) in file.execute("SELECT body FROM points ORDER BY rowid")
            for point in decode_points(zlib.decompress(body))
        ]
    if not facts.ended_ns:
        facts = replace(facts, losses=(*facts.losses, _CUT_OFF))
    return Recording(facts, tuple(spans), latest_points(points), tuple(logs))


def list_runs(directory: Path = DIRECTORY) -> list[Run]:
    """The runs that are kept, the oldest first; those that cannot be read are left out."""
    runs: list[Run] = []
    for path in _files(directory):
        try:
            with _opened(path) as file:
                runs.append(_read_facts(file))
        except StoreError:
            continue
    return runs


def remove_old_runs(directory: Path, keep: int = MAX_RUNS) -> None:
    """Let the oldest go, so that there are no more than ``keep``."""
    for path in _files(directory)[:-keep]:
        try:
            path.unlink()
        except OSError:
            # Somebody else's, or gone: not worth stopping for.
            continue


def _files(directory: Path) -> list[Path]:
    # Their names begin with the time.
    return sorted(directory.glob(f"*{_SUFFIX}"))


def _find(run: str | None, directory: Path) -> Path:
    if run is not None and (os.sep in run or run.endswith(_SUFFIX)):
        path = Path(run)
        if not path.is_file():
            raise StoreError(f"There is no file {path}. autogen-vitals report --list names the runs in {directory}.")
        return path
    files = _files(directory)
    if not files:
        raise StoreError(
            f"There are no runs in {directory.absolute()}. To record one: autogen-vitals run -- <your command>; "
            "runs are kept in the folder that it is called in."
        )
    if run is None:
        return files[-1]
    found = [path for path in files if path.stem == run] or [path for path in files if path.stem.startswith(run)]
    if len(found) != 1:
        what = f"Several runs begin with {run!r}" if found else f"There is no run {run!r}"
        raise StoreError(f"{what}. There are: {', '.join(path.stem for path in (found or files)[-5:])}.")
    return found[0]


@contextmanager
def _opened(path: Path) -> Generator[sqlite3.Connection, None, None]:
    try:
        # Not for writing, but for a transaction that was cut off, which is to be undone.
        file = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
        try:
            _check(file, path)
            yield file
        finally:
            file.close()
    except (sqlite3.Error, zlib.error, ValueError) as error:
        raise StoreError(
            f"{path} cannot be read: it is damaged, or no recording ({error}). Delete it, and run the command again."
        ) from error


def _check(file: sqlite3.Connection, path: Path) -> None:
    (application,) = file.execute("PRAGMA application_id").fetchone()
    (schema,) = file.execute("PRAGMA user_version").fetchone()
    if application != _APPLICATION:
        raise sqlite3.DatabaseError("it was not written by autogen-vitals run")
    if schema != _SCHEMA:
        raise StoreError(
            f"{path} was written by another version of autogen-vitals: its format is {schema}, this version reads "
            f"{_SCHEMA}. Run the command again, or that version's report."
        )


def _facts(run: Run) -> str:
    return json.dumps(asdict(run))


def _read_facts(file: sqlite3.Connection) -> Run:
    row = file.execute("SELECT facts FROM run").fetchone()
    if row is None:
        raise sqlite3.DatabaseError("it has no run in it")
    try:
        facts: dict[str, Any] = json.loads(row[0])
        facts["command"], facts["losses"] = tuple(facts["command"]), tuple(facts["losses"])
        facts["versions"] = tuple((name, version) for name, version in facts["versions"])
        return Run(**facts)
    except (KeyError, TypeError, ValueError) as error:
        raise sqlite3.DatabaseError("its facts are not what they should be") from error


def _make_private(directory: Path) -> None:
    if not directory.is_dir():
        directory.mkdir(mode=0o700, parents=True)
        # What was recorded is not for version control.
        (directory / ".gitignore").write_text("*\n")
