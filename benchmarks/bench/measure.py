"""Fresh processes, one after the other, each subject's in each round: what the machine does besides hits all alike."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environments import NotInstalled, python_of, versions
from bench.plan import Job
from bench.results import Results
from bench.sink import Sink
from bench.subjects import BY_NAME, Subject

BENCHMARKS = Path(__file__).resolve().parents[1]
PROCESS_SECONDS = 400
_LEFT_OUT = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables of the caller's. The first would have every process compile what is installed editable."""


class ProbeFailed(Exception):
    """A process did not tell what it should have; the message is why, in a line."""


@dataclass(frozen=True)
class Ended:
    """A process that is over.

    Attributes:
        told: the last line of its stdout.
        errors: its stderr.
        cpu_ms: CPU time of its whole life, its end included.
    """

    status: int
    told: str
    errors: str
    cpu_ms: float


def measure(subjects: list[Subject], jobs: list[Job], rounds: int, minutes: float) -> Results:
    """Install what is not, then run all jobs in each round, in turn forwards and backwards.

    Args:
        minutes: from when measuring began, after which no round begins.
    """
    results = Results(rounds, load=[round(os.getloadavg()[0], 2)])
    pythons = installed(subjects, results)
    began = time.monotonic()
    jobs = [job for job in jobs if job.subject in pythons]
    with tempfile.TemporaryDirectory(prefix="bench-", dir=memory_folder()) as folder, Sink() as sink:
        environment = surroundings(Path(folder), sink.url)
        warm = [job for job in jobs if job.warms_up]
        _round(warm, pythons, environment, None, results.failures)
        jobs = [job for job in jobs if job.key not in results.failures]
        try:
            _rounds(jobs, rounds, began + 60 * minutes, pythons, environment, results)
        except KeyboardInterrupt:
            _say("stopped; what was measured until now counts")
    results.seconds = round(time.monotonic() - began)
    results.load.append(round(os.getloadavg()[0], 2))
    return results


def _rounds(
    jobs: list[Job],
    rounds: int,
    until: float,
    pythons: dict[str, str],
    environment: dict[str, str],
    results: Results,
) -> None:
    for number in range(rounds):
        if number > 0 and time.monotonic() > until:
            _say(f"the time is up after {number} of {rounds} rounds")
            return
        results.rounds = number + 1
        due = [job for job in jobs if number < (job.rounds or rounds)]
        _say(f"round {number + 1} of {rounds}: {len(due)} processes")
        _round(due if number % 2 == 0 else due[::-1], pythons, environment, results, results.failures)


def _round(
    jobs: Iterable[Job],
    pythons: dict[str, str],
    environment: dict[str, str],
    results: Results | None,
    failures: dict[str, str],
) -> None:
    for job in jobs:
        if job.key in failures:
            continue
        try:
            tries = [_told(job, pythons[job.subject], environment) for _ in range(job.tries)]
        except ProbeFailed as error:
            failures[job.key] = str(error)
            _say(f"{job.key}: {error}")
            continue
        if results is not None:
            told = tries[0] if job.tries == 1 else min(tries, key=_ready)
            results.add(job.probe, job.subject, job.mode, told)


def _ready(told: dict[str, Any]) -> float:
    return told["ready"]


def _told(job: Job, python: str, environment: dict[str, str]) -> dict[str, Any]:
    settings = {**environment, **BY_NAME[job.subject].settings}
    command = [python, "-m", f"bench.probes.{job.module}", *job.arguments]
    if job.zero_code:
        command.insert(0, str(Path(python).parent / "opentelemetry-instrument"))
    ended = run(command, settings, PROCESS_SECONDS)
    if ended.status != 0 or not ended.told.startswith("{"):
        lines = [line.strip() for line in ended.errors.splitlines() if line.strip()]
        raise ProbeFailed(f"ended with {ended.status}: {lines[-1][:300] if lines else 'no word'}")
    return {**json.loads(ended.told), "whole": ended.cpu_ms}


def run(command: list[str], environment: dict[str, str], seconds: float) -> Ended:
    """Run a process to its end; it and all it started end when the time is up."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as out, tempfile.TemporaryFile("w+", encoding="utf-8") as err:
        process = subprocess.Popen(
            command,
            cwd=environment["BENCH_FOLDER"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
        alarm = threading.Timer(seconds, lambda: os.killpg(process.pid, signal.SIGKILL))
        alarm.start()
        try:
            # The kernel's own account of this one child.
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            alarm.cancel()
            if process.returncode is None:
                process.kill()
                process.wait()
        out.seek(0)
        err.seek(0)
        lines = out.read().splitlines() or [""]
        cpu_ms = 1e3 * (usage.ru_utime + usage.ru_stime)
        return Ended(process.returncode, lines[-1], err.read(), cpu_ms)


def installed(subjects: list[Subject], results: Results) -> dict[str, str]:
    """The interpreters of those that could be installed; why others could not is noted in the results."""
    found: dict[str, str] = {}
    for subject in subjects:
        try:
            found[subject.name] = python_of(subject)
            results.versions[subject.name] = versions(found[subject.name], subject)
        except NotInstalled as error:
            results.failures[subject.name] = str(error)
            _say(f"{subject.name} could not be installed: {error}")
    return found


def surroundings(folder: Path, endpoint: str) -> dict[str, str]:
    """Of a measured process: nothing of the caller's OpenTelemetry, and its files in ``folder``."""
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OUT and name[:5] != "OTEL_"}
    state = folder / "state"
    state.mkdir(mode=0o700)
    return {
        **kept,
        "PYTHONPATH": str(BENCHMARKS),
        "BENCH_FOLDER": str(folder),
        "OTEL_SERVICE_NAME": "bench",
        "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_PYTHON_AUTOGEN_STATE_DIR": str(state),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "HOME": str(folder),
    }


def memory_folder() -> str | None:
    """Where no disk is waited for, if there is such a place."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _say(text: str) -> None:
    print(f"bench: {text}", flush=True, file=sys.stderr)
