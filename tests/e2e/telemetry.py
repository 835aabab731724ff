"""Questions about what arrived."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from autogen_vitals import semconv
from autogen_vitals.local.receiver import ReceivedLog, ReceivedPoint, ReceivedSpan, Receiver, latest_points
from autogen_vitals.vocabulary import STARTUP_STAGES

from .harness import CLIENT

SCOPE = "autogen_vitals"


class Source(Protocol):
    """A receiver, or what one had received at the end."""

    @property
    def spans(self) -> tuple[ReceivedSpan, ...]: ...

    @property
    def points(self) -> tuple[ReceivedPoint, ...]: ...

    @property
    def logs(self) -> tuple[ReceivedLog, ...]: ...


@dataclass(frozen=True)
class Arrived:
    """What a receiver had received at the end."""

    spans: tuple[ReceivedSpan, ...]
    points: tuple[ReceivedPoint, ...]
    logs: tuple[ReceivedLog, ...]

    @classmethod
    def of(cls, receiver: Receiver) -> Arrived:
        return cls(receiver.spans, receiver.points, receiver.logs)


@dataclass(frozen=True)
class Telemetry:
    """Every answer is about what its source has at that moment."""

    source: Source

    @property
    def spans(self) -> list[ReceivedSpan]:
        """The spans this package made."""
        return [span for span in self.source.spans if span.scope == SCOPE]

    def named(self, name: str) -> list[ReceivedSpan]:
        """Its spans of that name, in order of time."""
        return sorted((span for span in self.spans if span.name == name), key=lambda span: span.start_ns)

    def inits(self, type_name: str = CLIENT) -> list[ReceivedSpan]:
        """The init spans of a class, in order of time."""
        return self.named(f"init {type_name}")

    def entries(self, kind: str = "SERVER") -> dict[str, ReceivedSpan]:
        """Spans of whatever instrumentation that a request begins with, by trace id."""
        return {span.trace_id: span for span in self.source.spans if span.kind == kind}

    def points(self, metric: str, **attributes: Any) -> list[ReceivedPoint]:
        """The newest point of each series; ``component_type="x"`` stands for ``autogen.component.type``."""
        wanted = {f"autogen.{name.replace('_', '.')}": value for name, value in attributes.items()}
        return [
            point
            for point in latest_points(self.source.points)
            if point.metric == metric and wanted.items() <= point.attributes.items()
        ]

    def counted(self, metric: str, **attributes: Any) -> int:
        """The sum of a histogram's counts over all processes."""
        return sum(point.count for point in self.points(metric, **attributes))

    def summed(self, metric: str, **attributes: Any) -> float:
        """The sum of a counter's values over all processes."""
        return sum(point.value or 0 for point in self.points(metric, **attributes))

    def events(self, name: str) -> list[ReceivedLog]:
        """The events of that name that this package made, in order of arrival."""
        return [log for log in self.source.logs if log.event_name == name and log.scope == SCOPE]

    def exits(self, pid: int) -> list[ReceivedLog]:
        """What was said of the end of a process."""
        return [event for event in self.events("autogen.process.exit") if event.attributes["process.pid"] == pid]

    def crashes(self, pid: int) -> list[ReceivedLog]:
        """What was said of exceptions in a process."""
        return [event for event in self.events("autogen.crash") if event.attributes["process.pid"] == pid]

    def findings(self, victim: int) -> list[ReceivedLog]:
        """What rules have said of the end of a process, whoever has told."""
        said = re.compile(rf"process {victim}[, ]")
        findings = self.events("autogen.finding")
        return [event for event in findings if said.match(event.attributes["autogen.finding.evidence"])]

    def workers(self) -> dict[int, ReceivedPoint]:
        """``autogen.worker.info`` by pid."""
        return {point.attributes["process.pid"]: point for point in self.points("autogen.worker.info")}


def by_pid(spans: Iterable[ReceivedSpan]) -> Counter[int]:
    """How many spans each process has."""
    return Counter(span.attributes["process.pid"] for span in spans)


def stages(span: ReceivedSpan) -> dict[str, float]:
    """Seconds of each stage that a span tells of."""
    found = {stage: span.attributes.get(semconv.startup_attribute(stage), 0.0) for stage in STARTUP_STAGES}
    return {stage: seconds for stage, seconds in found.items() if seconds}


def startups(telemetry: Telemetry) -> dict[int, ReceivedSpan]:
    """The trace of each process, of which it has one."""
    spans = telemetry.named("autogen.startup")
    pids = Counter(span.attributes["process.pid"] for span in spans)
    assert set(pids.values()) <= {1}, f"cold starts by pid: {pids}"
    return {span.attributes["process.pid"]: span for span in spans}
