"""Folders: where code is run, and where exit records are kept."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autogen_vitals.crashes import state_dir
from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, fail, ok, skipped, warning

_LOW_BYTES = 100_000_000
_SHARED = "AG401"


def _cwd(around: Surroundings) -> Iterator[Outcome]:
    problem = _why_not_writable(around.cwd)
    if problem:
        yield warning(
            f"the current folder cannot be written to: {problem}",
            "give executors a work_dir that can; without one they make a temporary folder",
        )
    else:
        yield ok("the current folder can be written to")


def _work_dir(around: Surroundings) -> Iterator[Outcome]:
    folder = around.work_dir
    if folder is None:
        yield skipped("no --work-dir was given")
    elif folder.exists() and not folder.is_dir():
        yield fail(f"{folder} is a file", "a folder", "AG402")
    elif not folder.exists():
        yield fail(f"{folder} does not exist: an executor makes no parents", f"mkdir -p {folder}", "AG402")
    elif problem := _why_not_writable(folder):
        yield fail(f"{folder} cannot be written to: {problem}", "the owner, the mode, or a mount that is not read-only")
    else:
        yield warning(
            f"{folder} can be written to; all workers that are given it run their code in it",
            "a folder for each run: without a work_dir AutoGen makes one",
            _SHARED,
        )


def _temporary(around: Surroundings) -> Iterator[Outcome]:
    try:
        folder = Path(tempfile.gettempdir())
        free = shutil.disk_usage(folder).free
    except OSError as error:
        yield fail(
            f"there is no folder for temporary files: {error.strerror}",
            "a writable /tmp, as an emptyDir where the root is read-only; TMPDIR names another",
        )
        return
    if free < _LOW_BYTES:
        yield warning(f"{folder} has {free / 1e6:.0f} MB left", "room: code executors work there")
    else:
        yield ok(f"{folder}: {free / 1e9:,.1f} GB free")


def _state(around: Surroundings) -> Iterator[Outcome]:
    if around.value("OTEL_PYTHON_AUTOGEN_EXIT_RECORD").lower() in ("false", "0"):
        yield skipped("exit records are switched off (OTEL_PYTHON_AUTOGEN_EXIT_RECORD)")
        return
    given = around.value("OTEL_PYTHON_AUTOGEN_STATE_DIR")
    try:
        with _no_traces_of(given):
            folder = state_dir.open_state_dir(given)
    except OSError as error:
        yield fail(
            f"exit records cannot be kept: {error.strerror}",
            "OTEL_PYTHON_AUTOGEN_STATE_DIR: a folder that the service may write to; without one a killed worker's "
            "last operation is not known",
        )
        return
    mode = stat.S_IMODE(folder.stat().st_mode) if folder.exists() else 0o700
    if mode & 0o077:
        yield warning(f"{folder} may be entered by others (mode {mode:o})", f"chmod 700 {folder}")
    else:
        yield ok(f"exit records are kept in {folder}, which is this user's alone")


@contextmanager
def _no_traces_of(given: str) -> Iterator[None]:
    """A folder that is made for the sake of looking is taken away again."""
    was_there = not given or os.path.lexists(given)
    try:
        yield
    finally:
        if not was_there:
            try:
                os.rmdir(given)
            except OSError:
                pass


def _why_not_writable(folder: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return error.strerror or type(error).__name__


FOLDERS = Group(
    "Folders",
    (
        Check("current-folder", "current folder", _cwd),
        Check("work-dir", "work_dir", _work_dir),
        Check("temporary-folder", "temporary files", _temporary),
        Check("state-folder", "exit records", _state),
    ),
)
