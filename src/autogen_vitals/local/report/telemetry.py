"""A recording, arranged for the questions of the report; what is missing, or is not what it should be, is missing."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedLog, ReceivedPoint, ReceivedSpan
from autogen_vitals.local.recording import Recording
from autogen_vitals.local.report.model import Site
from autogen_vitals.semconv.spans import STARTUP_SPAN

_NS_PER_MS = 1e6
_OVERLAPPING = 64
"""How many requests of a process, of those that began last, are asked whether something happened in them."""


@dataclass(frozen=True)
class Request:
    """A request that used AutoGen and is over; ``error`` is the class of its exception, empty for none."""

    name: str
    start_type: str
    pid: int
    began_ns: int
    ms: float
    inits: int
    init_ms: float
    connects: int
    error: str
    trace_id: str

    @property
    def ended_ns(self) -> int:
        """When it ended."""
        return self.began_ns + round(self.ms * _NS_PER_MS)

    @property
    def is_cold(self) -> bool:
        """It was the first of its process."""
        return self.start_type == "cold"


class Telemetry:
    """What was recorded, in the groups that the report asks for.

    Attributes:
        run: what was run.
        requests: in order of time.
        startups, inits, imports, chats: spans of these kinds, in order of time.
        traces: all spans, by trace id.
    """

    def __init__(self, recording: Recording) -> None:
        self.run = recording.run
        self.spans = sorted(recording.spans, key=lambda span: span.start_ns)
        # Whose arithmetic is off is not worth adding up.
        self.points = [
            point for point in recording.points if math.isfinite(point.sum) and math.isfinite(point.value or 0)
        ]
        self.logs = sorted(recording.logs, key=lambda log: log.time_ns)
        self.traces: dict[str, list[ReceivedSpan]] = defaultdict(list)
        for span in self.spans:
            self.traces[span.trace_id].append(span)
        self.startups = [span for span in self.spans if span.name == STARTUP_SPAN.name]
        self.inits = [span for span in self.spans if semconv.INIT_STAGE in span.attributes]
        self._pids = self._instances()
        self._points: dict[str, list[ReceivedPoint]] = defaultdict(list)
        for point in self.points:
            self._points[point.metric].append(point)
        self._events: dict[str, list[ReceivedLog]] = defaultdict(list)
        for log in self.logs:
            self._events[event_name(log)].append(log)
        self.requests = self._requests()
        self._of_process: dict[int, list[Request]] = defaultdict(list)
        for request in self.requests:
            self._of_process[request.pid].append(request)
        self._names = {request.trace_id: request.name for request in self.requests if request.trace_id}

    def events(self, event: semconv.Event) -> list[ReceivedLog]:
        """The records of an event, in order of time."""
        return self._events[event.name]

    def series(self, metric: semconv.Metric) -> list[ReceivedPoint]:
        """The points of a metric, the newest of each series."""
        return self._points[metric.name]

    def site(self, attributes: Attributes) -> Site | None:
        """The line that these name."""
        return self.site_of(text(attributes, semconv.CODE_FILE_PATH), attributes)

    def site_of(self, file: str, attributes: Attributes) -> Site | None:
        """The line of this file that these name; ``None`` without a file."""
        if not file:
            return None
        path = PurePath(file)
        below = self.run.directory and path.is_relative_to(self.run.directory)
        shown = str(path.relative_to(self.run.directory)) if below else file
        return Site(shown, whole(attributes, semconv.CODE_LINE_NUMBER), text(attributes, semconv.CODE_FUNCTION_NAME))

    def pid_of(self, point: ReceivedPoint) -> int:
        """Of which process it is; 0 where that cannot be told."""
        pid = whole(point.attributes, semconv.PROCESS_PID) or whole(point.resource, semconv.PROCESS_PID)
        return pid or self._pids.get(instance_of(point.resource), 0)

    def requests_at(self, pid: int, when_ns: int, trace_id: str) -> list[Request]:
        """The requests of a process in which something in that trace may have happened, in order of time.

        Where no other instrumentation has a span for the request, what is built before its first run is in no trace
        with it: then the time decides.
        """
        requests = self._of_process.get(pid, [])
        begun = bisect_right(requests, when_ns, key=lambda request: request.began_ns)
        running = [request for request in requests[max(0, begun - _OVERLAPPING) : begun] if request.ended_ns >= when_ns]
        return [request for request in running if trace_id and request.trace_id == trace_id] or running

    def request_of_trace(self, trace_id: str) -> str:
        """The name of the request that a trace is of; empty where there is none."""
        return self._names.get(trace_id, "")

    def _instances(self) -> dict[str, int]:
        """By instance, whose it is; SDKs before 1.43 tell a process from its fork only by pid: then it is nobody's."""
        pids: dict[str, set[int]] = defaultdict(set)
        for about in (*self.points, *self.spans):
            pid = whole(about.attributes, semconv.PROCESS_PID)
            if pid and (instance := instance_of(about.resource)):
                pids[instance].add(pid)
        return {instance: next(iter(known)) for instance, known in pids.items() if len(known) == 1}

    def _requests(self) -> list[Request]:
        told = [_request_of(log, self._outermost_run(log)) for log in self.events(semconv.REQUEST_EVENT)]
        if not told:
            # Without autogen-vitals run: those that have a span.
            told = [
                _request_of(span, span.name) for span in self.spans if semconv.REQUEST_INIT_COUNT in span.attributes
            ]
        return sorted(told, key=lambda request: request.began_ns)

    def _outermost_run(self, log: ReceivedLog) -> str:
        """The name of the span at the root of the trace that an event is in; empty where it is in none."""
        spans = self.traces.get(log.trace_id, []) if log.trace_id else []
        return next((span.name for span in spans if not span.parent_span_id), "")


def _request_of(about: ReceivedLog | ReceivedSpan, otherwise: str) -> Request:
    said = about.attributes
    if isinstance(about, ReceivedLog):
        began_ns, ms = about.time_ns, milliseconds(said, semconv.REQUEST_SPENT)
    else:
        began_ns, ms = about.start_ns, duration_ms(about)
    return Request(
        name=text(said, semconv.REQUEST_NAME) or text(said, "http.route") or otherwise,
        start_type=text(said, semconv.START_TYPE),
        pid=whole(said, semconv.PROCESS_PID),
        began_ns=began_ns,
        ms=ms,
        inits=whole(said, semconv.REQUEST_INIT_COUNT),
        init_ms=milliseconds(said, semconv.REQUEST_INIT_DURATION),
        connects=whole(said, semconv.REQUEST_CONNECT_COUNT),
        error=text(said, semconv.ERROR_TYPE),
        trace_id=about.trace_id,
    )


def event_name(log: ReceivedLog) -> str:
    """What it tells of; SDKs before 1.35 have no field for that."""
    return log.event_name or text(log.attributes, semconv.EVENT_NAME)


def instance_of(resource: Attributes) -> str:
    """The identity of the process a resource describes; empty where it has none."""
    return text(resource, "service.instance.id")


def duration_ms(span: ReceivedSpan) -> float:
    """How long it took."""
    return max(0, span.end_ns - span.start_ns) / _NS_PER_MS


def text(attributes: Attributes, name: str) -> str:
    """An attribute as text; empty where it is absent."""
    value = attributes.get(name)
    return "" if value is None else str(value)


def number(attributes: Attributes, name: str) -> float | None:
    """An attribute that is a number, else ``None``."""
    value: Any = attributes.get(name)
    return value if isinstance(value, (int, float)) and math.isfinite(value) else None


def whole(attributes: Attributes, name: str) -> int:
    """An attribute that is a whole number, else 0."""
    return int(number(attributes, name) or 0)


def milliseconds(attributes: Attributes, name: str) -> float:
    """An attribute that is in seconds; 0 where it is absent."""
    return (number(attributes, name) or 0.0) * 1000


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest of the values that so many are not above, 0 to 1; there must be one."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
