"""The sink: every observation becomes spans and metrics here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider

from autogen_vitals import semconv
from autogen_vitals.crashes.reports import Crash, ProcessExit
from autogen_vitals.findings.finding import Finding
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.connects import Connect
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.imports import ImportRecord
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.startup import StartupReport
from autogen_vitals.telemetry.delivery import Delivery
from autogen_vitals.telemetry.events import Events
from autogen_vitals.telemetry.forked import open_own_connections
from autogen_vitals.telemetry.metrics import Metrics
from autogen_vitals.telemetry.providers import flush_providers, real_providers, service_of, stand_in
from autogen_vitals.telemetry.spans import Spans
from autogen_vitals.telemetry.startup import StartupTrace
from autogen_vitals.telemetry.urgent import Urgent
from autogen_vitals.version import __version__

_logger = logging.getLogger("autogen_vitals")

_NO_SPAN = (0, 0)
_URGENT_TIMEOUT = 10.0
"""Seconds; nobody waits for it."""


class Telemetry:
    """Implements ``lifecycle.observation.Sink`` with OpenTelemetry.

    Spans, metrics and events are guarded apart, the former two in their own methods: when one fails, the others still
    tell.

    Args:
        tracer_provider, meter_provider, logger_provider: whatever the app has, proxies included.
        slow_ns: from which duration on an init has a span.
        is_told_elsewhere: whether another instrumentation makes the chat span of an observation.
        imports: those of this process's start so far.
        tells_all: events of severity DEBUG are told whatever the logger ``autogen_vitals`` is enabled for.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
        logger_provider: LoggerProvider,
        slow_ns: int,
        is_told_elsewhere: Callable[[Observation], bool],
        imports: Callable[[], list[ImportRecord]],
        *,
        tells_all: bool = False,
    ) -> None:
        self._tells_all = tells_all
        self._imports = guarded(imports)
        self._real_providers = partial(real_providers, tracer_provider, meter_provider, logger_provider)
        # Of use to most processes later, and to those without AutoGen never.
        tracer = lru_cache(None)(
            partial(tracer_provider.get_tracer, semconv.SCOPE, __version__, schema_url=semconv.SCHEMA_URL)
        )
        self._startup = StartupTrace(tracer)
        self.spans = Spans(tracer, self._startup, slow_ns, is_told_elsewhere, stand_in(tracer_provider))
        # As they are, each guarded itself: of each step of a run one call more would be felt.
        self.started, self.entered, self.left = self.spans.started, self.spans.entered, self.spans.left
        self.metrics = Metrics.of(meter_provider)
        self._urgent = Urgent(self._flush_crash)
        self._delivery = Delivery()
        self._events = Events(lambda: self._real_providers()[-1], self._delivery.expect)
        self.has_recorded = False
        renew_after_fork(self, Telemetry._renew)

    def _renew(self) -> None:
        self.has_recorded = False
        open_own_connections(*self._real_providers())

    def ended(self, observation: Observation) -> None:
        self.has_recorded = True
        request = observation.request
        if request is not None:
            if request.span is not None:
                self.spans.request_touched(request)
            if self._tells_all and observation.outermost and observation.operation is not None:
                self.spans.outermost_run_ended(observation, request)
        self.spans.ended(observation)
        self.metrics.ended(observation)

    def request_ended(self, request: Request) -> None:
        if request.span is not None:
            self.spans.request_touched(request)
        self.metrics.request_ended(request)
        if self._is_verbose:
            self._request_told(request)

    @guarded
    def _request_told(self, request: Request) -> None:
        self._events.served(request)

    @property
    def _is_verbose(self) -> bool:
        return self._tells_all or _logger.isEnabledFor(logging.DEBUG)

    @guarded
    def connected(self, connect: Connect) -> None:
        self.metrics.connected(connect)

    @guarded
    def loop_blocked(self, block: Block) -> None:
        self.spans.loop_blocked(block)
        self.metrics.loop_blocked(block)

    def startup_ended(self, report: StartupReport) -> None:
        self.has_recorded = True
        imports = self._imports() or []
        self._startup_measured(report, imports, self._startup_traced(report, imports))

    @guarded
    def _startup_traced(self, report: StartupReport, imports: list[ImportRecord]) -> Span | None:
        return self._startup.ended(report, imports)

    @guarded
    def _startup_measured(self, report: StartupReport, imports: list[ImportRecord], span: Span | None) -> None:
        self.metrics.startup_ended(report, imports, span)

    def crashed(self, crash: Crash) -> None:
        self.has_recorded = True
        self._crash_told(crash)
        self._crash_counted(crash)
        self._urgent.soon()

    def _flush_crash(self) -> None:
        tracer, meter, logger = self._real_providers()
        # Metrics of a process that may be about to fork stay where they are: see Delivery.
        metrics = () if process.facts.is_fork_server else (meter,)
        flush_providers((tracer, logger, *metrics), _URGENT_TIMEOUT)

    @guarded
    def _crash_told(self, crash: Crash) -> None:
        self._events.crashed(crash)

    @guarded
    def _crash_counted(self, crash: Crash) -> None:
        self.metrics.crashes.crashed(crash)

    def found(self, finding: Finding, is_first: bool) -> bool:
        """A rule has fired; ``is_first``: in this process, about this line. Whether anybody gets to know what it says,
        or has before."""
        self.has_recorded = True
        self._finding_counted(finding)
        self.mark(finding.rule, finding.span)
        return not is_first or self._finding_told(finding) or False

    @guarded
    def _finding_counted(self, finding: Finding) -> None:
        self.metrics.findings.found(finding)

    @guarded
    def mark(self, rule: str, span: Any) -> None:
        """Put the rule's id on this span."""
        self.spans.mark(rule, span)

    @guarded
    def _finding_told(self, finding: Finding) -> bool:
        return self._events.found(finding)

    def exited(self, exit: ProcessExit, *, repeated: bool = False) -> None:
        # A supervisor that has seen no crash has nothing to export, and to wait for, at its own end.
        if not (exit.is_crash or self._is_verbose):
            return
        self.has_recorded = True
        self._exit_told(exit)
        if not repeated:
            self._exit_counted(exit)

    @guarded
    def _exit_told(self, exit: ProcessExit) -> None:
        self._events.exited(exit)

    @guarded
    def _exit_counted(self, exit: ProcessExit) -> None:
        self.metrics.crashes.exited(exit)

    @guarded
    def recording(self, enabled: bool) -> None:
        self.metrics.crashes.recording(enabled)

    def service(self) -> dict[str, str]:
        return self._service() or {}

    @guarded
    def _service(self) -> dict[str, str]:
        return service_of(*self._real_providers())

    @staticmethod
    def span_ids(span: Any) -> tuple[int, int]:
        # On the hot path: the guard would cost as much again.
        if span is None:
            return _NO_SPAN
        try:
            # A span context is a tuple that begins with these; its properties take twice the time.
            trace_id, span_id = span.get_span_context()[:2]
            return trace_id, span_id
        except Exception:
            return _NO_SPAN

    def flush(self, timeout: float) -> bool:
        # Nothing can be flushed at once, whoever can flush.
        return timeout > 0 and False not in flush_providers(self._real_providers(), timeout)

    def deliver(self, timeout: float) -> bool:
        return self._delivered(timeout) or False

    @guarded
    def _delivered(self, timeout: float) -> bool:
        return self._delivery.deliver(self._real_providers(), timeout)

    def follow_collections(self, collected: Callable[[], object]) -> None:
        """Tell ``collected`` of every collection of metrics, until ``switch_off``."""
        self.metrics.collected = guarded(collected)

    def switch_off(self) -> None:
        """What is queued still goes out; nothing more is said of this process."""
        self.metrics.active = False
        self.metrics.collected = lambda: None
        self._delivery.forget()
        self._urgent.last()

    @guarded
    def last_chance(self) -> None:
        self.metrics.allow_recording()
