"""What the demo has to tell about crashes, computed from the events that arrived."""

from __future__ import annotations

from collections.abc import Iterable

from autogen_vitals import semconv
from autogen_vitals.local.receiver import ReceivedLog, ReceivedSpan
from autogen_vitals.local.report.crashes import crashes_in
from autogen_vitals.local.report.model import Crashes
from autogen_vitals.local.report.telemetry import event_name, text


def compute_crashes(logs: Iterable[ReceivedLog], spans: Iterable[ReceivedSpan]) -> Crashes:
    """The crashes of all processes that these events tell of; ``spans`` say which requests they were."""
    logs = sorted(logs, key=lambda log: log.time_ns)
    routes = {span.trace_id: text(span.attributes, "http.route") for span in spans if span.kind == "SERVER"}
    return crashes_in(
        [log for log in logs if event_name(log) == semconv.CRASH_EVENT.name],
        [log for log in logs if event_name(log) == semconv.PROCESS_EXIT_EVENT.name],
        lambda trace_id: routes.get(trace_id, ""),
        lambda _: None,
    )
