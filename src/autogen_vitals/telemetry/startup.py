"""The cold start as a trace of its own: a root span dated back to the creation of the process, and its imports."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode, Tracer

from autogen_vitals import semconv
from autogen_vitals.clock import wall_ns
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.imports import ImportRecord
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.startup import StartupReport
from autogen_vitals.telemetry.platforms import platform_attributes


class StartupTrace:
    """The span ``autogen.startup`` of this process. It is started when something first needs it as a parent, a link,
    or at its end, so that an SDK that the app sets up late still gets it; a forked child has one of its own.

    Args:
        tracer: gives who makes it; a proxy until the app has set up its SDK is fine.
    """

    def __init__(self, tracer: Callable[[], Tracer]) -> None:
        self._tracer = tracer
        self._renew()
        renew_after_fork(self, StartupTrace._renew)

    def _renew(self) -> None:
        self._root: Span | None = None
        self._over = False

    def context(self) -> Context | None:
        """The context that makes a span its child; ``None`` before there is an SDK, and once it is over."""
        root = None if self._over else self._started()
        return None if root is None else trace.set_span_in_context(root, Context())

    def link(self, span: Span) -> None:
        """Have ``span`` point to it."""
        root = self._started()
        if root is not None:
            span.add_link(root.get_span_context())

    def _started(self) -> Span | None:
        if self._root is None and not self._over:
            # Of the spans only the name is needed, and that once.
            from autogen_vitals.semconv.spans import STARTUP_SPAN

            root = self._tracer().start_span(
                STARTUP_SPAN.name,
                # Its own trace, whatever is current.
                context=Context(),
                attributes=process_attributes(),
                start_time=process.facts.creation_time.wall_ns,
            )
            root.set_attributes(platform_attributes(root))
            self._root = root if root.get_span_context().is_valid else None
        return self._root

    def ended(self, report: StartupReport, imports: list[ImportRecord]) -> Span | None:
        """Tell of the imports and end it; the span that has ended, if there is one."""
        root = self._started()
        self._over = True
        if root is None:
            return None
        root.set_attributes(
            {
                **startup_attributes(report),
                semconv.STARTUP_COMPLETE: report.complete,
                semconv.STARTUP_EXACT: report.exact,
                semconv.START_REASON: process.facts.start_reason,
                semconv.WORKER_SERVER: process.facts.server,
            }
        )
        if root.is_recording():
            self._tell_imports(root, imports)
        root.end(wall_ns(report.end_ns))
        return root

    def _tell_imports(self, root: Span, imports: list[ImportRecord]) -> None:
        spans: dict[int, Span] = {}
        # An import is recorded as it begins, so that what it is inside of comes before it.
        for record in imports:
            parent = spans.get(id(record.parent), root)
            span = spans[id(record)] = self._tracer().start_span(
                f"import {record.name}",
                context=trace.set_span_in_context(parent, Context()),
                attributes={
                    semconv.IMPORT_NAME: record.name,
                    semconv.IMPORT_SELF_DURATION: record.self_ns / 1e9,
                    **process_attributes(),
                },
                start_time=wall_ns(record.begin_ns),
            )
            if record.error is not None:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute(semconv.ERROR_TYPE, record.error)
        for record in imports:
            spans[id(record)].end(wall_ns(record.begin_ns + record.duration_ns))


def startup_attributes(report: StartupReport) -> dict[str, Any]:
    """The stages and their sum, in seconds."""
    attributes: dict[str, Any] = {
        semconv.startup_attribute(stage): nanoseconds / 1e9 for stage, nanoseconds in report.stages.items()
    }
    attributes[semconv.STARTUP_TOTAL] = report.total_ns / 1e9
    attributes[semconv.STARTUP_IDLE] = report.idle_ns / 1e9
    if report.request_ns:
        attributes[semconv.STARTUP_FIRST_REQUEST] = report.request_ns / 1e9
    if report.first_token_ns is not None:
        attributes[semconv.STARTUP_FIRST_TOKEN] = report.first_token_ns / 1e9
    return attributes


def process_attributes() -> dict[str, Any]:
    """The process, as of now."""
    facts = process.facts
    return {semconv.PROCESS_PID: facts.pid, semconv.PROCESS_PARENT_PID: facts.parent_pid}
