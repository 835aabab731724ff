"""A command, recorded from its start to its end, and then told of."""

from __future__ import annotations

import os
import platform
import re
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from autogen_vitals.local.attaching import attached_environment
from autogen_vitals.local.listening import listen
from autogen_vitals.local.recording import DIRECTORY, Run
from autogen_vitals.local.running.child import CannotStart, Child, End, die_like, signals_held
from autogen_vitals.local.running.leftovers import leave_behind
from autogen_vitals.version import __version__

# What receives, writes and shows is imported when the command is on its way, which is not to wait for that.
if TYPE_CHECKING:
    from autogen_vitals.local.collecting import Collector
    from autogen_vitals.local.store import RunWriter

_TOLD_STRANGERS = "It has none of autogen-vitals: {python}. To watch that one: {python} -m pip install autogen-vitals"


@dataclass(frozen=True)
class Options:
    """What ``autogen-vitals run`` is asked for.

    Attributes:
        command: with its arguments.
        store: the directory of all runs.
        html, json: files for the report besides; ``-`` for JSON is stdout.
        quiet: neither progress nor report, unless something goes wrong with the recording.
        stub_model: the command's model is a stand-in on this machine.
    """

    command: tuple[str, ...]
    store: Path
    html: str | None = None
    json: str | None = None
    quiet: bool = False
    stub_model: bool = False


def run(options: Options) -> int:
    """Run the command, record it, report.

    Returns:
        What the command exited with; 126 or 127 where it could not be run, as a shell has it. Where a signal ended the
        command, the same signal ends this process.
    """
    kept: _Kept | None = None
    run = _begin(options)
    listener = listen()
    endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with ExitStack() as stack:
        mask = stack.enter_context(signals_held())
        environment = attached_environment(endpoint)
        if options.stub_model:
            environment |= stack.enter_context(_stub_model())
        try:
            child = stack.enter_context(Child(options.command, environment, mask))
        except CannotStart as error:
            _say(str(error))
            return error.code
        with _recording(options, run, listener) as recording:
            end = child.wait()
            left = leave_behind(endpoint)
        if recording is not None:
            kept = recording.finish(end, left)
    if kept is not None and (options.html or options.json or not options.quiet):
        _report(kept, options)
    elif kept is not None:
        for loss in kept.run.losses:
            _say(loss)
    return die_like(end)


@dataclass(frozen=True)
class _Kept:
    run: Run
    path: Path


@dataclass(frozen=True)
class _Recording:
    run: Run
    writer: RunWriter
    collector: Collector

    def finish(self, end: End, left: tuple[str, ...]) -> _Kept:
        strangers = tuple(_TOLD_STRANGERS.format(python=python) for python in self.collector.strangers)
        run = replace(
            self.run,
            ended_ns=time.time_ns(),
            exit_code=end.code,
            signal=end.signal_name,
            losses=(*self.run.losses, *self.collector.losses, *left, *strangers),
        )
        try:
            self.writer.finish(run)
        except (sqlite3.Error, OSError) as error:
            run = replace(run, losses=(*run.losses, f"How the run ended could not be written ({error})."))
        return _Kept(run, self.writer.path)


def _begin(options: Options) -> Run:
    now = time.time_ns()
    name = re.sub(r"[^A-Za-z0-9]+", "-", Path(options.command[0]).name).strip("-").lower() or "run"
    return Run(
        # Two may begin in the same second.
        id=f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now // 10**9))}-{name[:30]}-{os.getpid()}",
        command=options.command,
        directory=os.getcwd(),
        started_ns=now,
        versions=(("autogen-vitals", __version__), ("python", platform.python_version())),
    )


@contextmanager
def _recording(options: Options, run: Run, listener: socket.socket) -> Generator[_Recording | None, None, None]:
    """Record while it is entered; ``None`` where that cannot be: the command is running, and is to go on."""
    with ExitStack() as stack:
        recording = None
        try:
            from autogen_vitals.local.collecting import Collector
            from autogen_vitals.local.running.progress import Progress

            run, writer = _writer(options.store, run)
            progress = Progress(speaks=sys.stderr.isatty() and not options.quiet)
            collector = stack.enter_context(Collector(listener, writer, progress.watch))
            recording = _Recording(run, writer, collector)
        except Exception as error:
            listener.close()
            _say(f"the command runs, but cannot be recorded: {error}")
        yield recording


def _writer(store: Path, run: Run) -> tuple[Run, RunWriter]:
    from autogen_vitals.local.store import RunWriter, StoreError, remove_old_runs

    try:
        writer = RunWriter(store, run)
    except StoreError as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="autogen-vitals-"))
        _say(f"{error} The run is kept in {elsewhere} instead.")
        return run, RunWriter(elsewhere, run)
    remove_old_runs(store)
    return run, writer


@contextmanager
def _stub_model() -> Generator[dict[str, str], None, None]:
    from autogen_vitals.local.stub_model import StubModel

    with StubModel(think_seconds=0.1) as model:
        yield {"OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": os.environ.get("OPENAI_API_KEY") or "stub"}


def _report(kept: _Kept, options: Options) -> None:
    again = f"autogen-vitals report {kept.run.id}"
    if options.store != DIRECTORY or kept.path.parent != options.store:
        again = f"autogen-vitals report {kept.path}"
    try:
        from autogen_vitals.local.report.command import write_reports
        from autogen_vitals.local.store import load

        recording = replace(load(str(kept.path)), run=kept.run)
        write_reports(recording, html=options.html, json=options.json, terminal=not options.quiet)
        if not options.quiet:
            _say(f"this report again: {again}")
    except KeyboardInterrupt:
        _say(f"interrupted. For the report: {again}")
    except OSError as error:
        _say(f"{error.filename or 'the report'} cannot be written: {error.strerror}. For the report: {again}")
    except Exception as error:
        # The command's own exit status is what counts.
        _say(f"the report could not be made ({type(error).__name__}: {error}). What was recorded is in {kept.path}")


def _say(text: str) -> None:
    sys.stderr.write(f"autogen-vitals run: {text}\n")
