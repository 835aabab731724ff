"""The cold starts of a run: the stages of each process's, and its slowest imports."""

from __future__ import annotations

from collections.abc import Sequence

from autogen_vitals import semconv
from autogen_vitals.local.otlp import ReceivedSpan
from autogen_vitals.local.report.model import ColdStart, Import
from autogen_vitals.local.report.telemetry import duration_ms, milliseconds, number, text, whole
from autogen_vitals.vocabulary import STARTUP_STAGES, StartupStage

_IMPORTS = 8
_REQUEST_STAGES: frozenset[StartupStage] = frozenset(
    ("request_init", "connect_dns_tcp", "connect_tls", "warm_up", "model_wait", "model_stream", "tool", "request")
)
_CONNECT_STAGES: frozenset[StartupStage] = frozenset(("connect_dns_tcp", "connect_tls"))


def cold_start(root: ReceivedSpan, trace: Sequence[ReceivedSpan], *, first_connects: bool = False) -> ColdStart:
    """The cold start that a span ``autogen.startup`` tells of.

    Args:
        root: that span.
        trace: it, and what else is in its trace.
        first_connects: whether the first request has opened a connection itself, although there was a ``warm_up``.
    """
    said = root.attributes
    warm_ups = [span for span in trace if span.attributes.get(semconv.INIT_STAGE) == "warm_up"]
    stages: dict[StartupStage, float] = {
        stage: ms for stage in STARTUP_STAGES if (ms := milliseconds(said, semconv.startup_attribute(stage))) > 0
    }
    in_request = set(_REQUEST_STAGES)
    if warm_ups:
        # It was paid before the worker was ready, and so was a connection, unless the first request made one itself.
        in_request.remove("warm_up")
        if not first_connects:
            in_request -= _CONNECT_STAGES
    until_ready: dict[StartupStage, float] = {stage: ms for stage, ms in stages.items() if stage not in in_request}
    if "ready" in until_ready:
        # The rest of that time: after what is part of it.
        until_ready["ready"] = until_ready.pop("ready")
    first_request = number(said, semconv.STARTUP_FIRST_REQUEST)
    first_token = number(said, semconv.STARTUP_FIRST_TOKEN)
    return ColdStart(
        pid=whole(said, semconv.PROCESS_PID),
        parent_pid=whole(said, semconv.PROCESS_PARENT_PID),
        server=text(said, semconv.WORKER_SERVER),
        reason=text(said, semconv.START_REASON),
        started_ns=root.start_ns,
        until_ready=until_ready,
        in_request={stage: ms for stage, ms in stages.items() if stage in in_request},
        idle_ms=milliseconds(said, semconv.STARTUP_IDLE),
        total_ms=sum(stages.values()),
        ready_ms=sum(until_ready.values()),
        first_request_ms=None if first_request is None else first_request * 1000,
        first_token_ms=None if first_token is None else first_token * 1000,
        warm_up_ms=sum(map(duration_ms, warm_ups)) if warm_ups else None,
        served=bool(said.get(semconv.STARTUP_COMPLETE, first_request is not None)),
        exact=bool(said.get(semconv.STARTUP_EXACT, True)),
        imports=_slowest_imports(trace),
    )


def _slowest_imports(trace: Sequence[ReceivedSpan]) -> tuple[Import, ...]:
    imports = [
        Import(
            name=text(span.attributes, semconv.IMPORT_NAME),
            ms=duration_ms(span),
            self_ms=milliseconds(span.attributes, semconv.IMPORT_SELF_DURATION),
        )
        for span in trace
        if semconv.IMPORT_SELF_DURATION in span.attributes
    ]
    return tuple(sorted(imports, key=lambda one: one.self_ms, reverse=True)[:_IMPORTS])
