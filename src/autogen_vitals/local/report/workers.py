"""The processes that told something: who they were, how long they lived, and what they served."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes
from autogen_vitals.local.report.model import Worker
from autogen_vitals.local.report.telemetry import Telemetry, text, whole


@dataclass
class _Life:
    """What is known of a process so far."""

    parent_pid: int = 0
    server: str = ""
    started_ns: int = 0
    last_ns: int = 0
    ended_ns: int = 0
    end: str = ""

    def told(self, said: Attributes, when_ns: int) -> None:
        """Something of it was told at that time, with these attributes."""
        self.parent_pid = self.parent_pid or whole(said, semconv.PROCESS_PARENT_PID)
        self.server = self.server or text(said, semconv.WORKER_SERVER)
        self.last_ns = max(self.last_ns, when_ns)
        self.started_ns = self.started_ns or _nanoseconds(text(said, semconv.PROCESS_CREATION_TIME))


def workers_of(telemetry: Telemetry) -> tuple[Worker, ...]:
    """The processes that told something, or of whose end was told, by pid."""
    lives = _lives(telemetry)
    served = Counter(request.pid for request in telemetry.requests)
    failed = Counter(request.pid for request in telemetry.requests if request.error)
    return tuple(
        Worker(
            pid=pid,
            parent_pid=life.parent_pid,
            server=life.server,
            started_ns=life.started_ns,
            ended_ns=life.ended_ns,
            uptime_ms=max(0, (life.ended_ns or life.last_ns) - life.started_ns) / 1e6 if life.started_ns else None,
            requests=served[pid],
            errors=failed[pid],
            end=life.end,
        )
        for pid, life in sorted(lives.items())
        # One that had ended before the run began has only been told of.
        if not 0 < life.ended_ns < telemetry.run.started_ns
    )


def _lives(telemetry: Telemetry) -> dict[int, _Life]:
    lives: dict[int, _Life] = {}

    def life(pid: int) -> _Life:
        return lives.setdefault(pid, _Life())

    for startup in telemetry.startups:
        if pid := whole(startup.attributes, semconv.PROCESS_PID):
            life(pid).told(startup.attributes, startup.end_ns)
            life(pid).started_ns = startup.start_ns
    for point in telemetry.points:
        if point.metric.startswith("autogen.") and (pid := telemetry.pid_of(point)):
            is_about_it = point.metric == semconv.WORKER_INFO.name
            life(pid).told(point.attributes if is_about_it else {}, point.time_ns)
    for span in telemetry.spans:
        if pid := whole(span.attributes, semconv.PROCESS_PID):
            life(pid).told(span.attributes, span.end_ns)
    for log in telemetry.logs:
        if not (pid := whole(log.attributes, semconv.PROCESS_PID)):
            continue
        life(pid).told(log.attributes, log.time_ns)
        if reason := text(log.attributes, semconv.EXIT_REASON):
            life(pid).end, life(pid).ended_ns = reason, log.time_ns
    return lives


def _nanoseconds(iso: str) -> int:
    try:
        return round(datetime.fromisoformat(iso.replace("Z", "+00:00")).timestamp() * 1e9) if iso else 0
    except ValueError:
        return 0
