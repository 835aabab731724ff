"""The sink: every observation becomes spans and metrics here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Span, TracerProvider

from autogen_vitals import semconv
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.connects import Connect
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.imports import ImportRecord
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.startup import StartupReport
from autogen_vitals.telemetry.forked import open_own_connections
from autogen_vitals.telemetry.metrics import Metrics
from autogen_vitals.telemetry.providers import flush_providers, real_providers
from autogen_vitals.telemetry.spans import Spans
from autogen_vitals.telemetry.startup import StartupTrace
from autogen_vitals.version import __version__


class Telemetry:
    """Implements ``lifecycle.observation.Sink`` with OpenTelemetry.

    Spans and metrics are guarded apart: when one fails, the other still tells.

    Args:
        tracer_provider, meter_provider: whatever the app has, proxies included.
        slow_ns: from which duration on an init has a span.
        is_told_elsewhere: whether another instrumentation makes the chat span of an observation.
        imports: those of this process's start so far.
    """

    def __init__(
        self,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
        slow_ns: int,
        is_told_elsewhere: Callable[[Observation], bool],
        imports: Callable[[], list[ImportRecord]],
    ) -> None:
        self._imports = guarded(imports)
        self._providers = (tracer_provider, meter_provider)
        tracer = tracer_provider.get_tracer(semconv.SCOPE, __version__, schema_url=semconv.SCHEMA_URL)
        self._startup = StartupTrace(tracer)
        self.spans = Spans(tracer, self._startup, slow_ns, is_told_elsewhere)
        self.metrics = Metrics.of(meter_provider)
        self.has_recorded = False
        renew_after_fork(self, Telemetry._renew)

    def _renew(self) -> None:
        self.has_recorded = False
        open_own_connections(*real_providers(*self._providers))

    @guarded
    def started(self, observation: Observation) -> None:
        self.spans.started(observation)

    @guarded
    def entered(self, observation: Observation) -> Any:
        return self.spans.entered(observation)

    @guarded
    def left(self, observation: Observation, token: Any) -> None:
        self.spans.left(observation, token)

    def ended(self, observation: Observation) -> None:
        self.has_recorded = True
        self._span_ended(observation)
        self._measured(observation)

    @guarded
    def _span_ended(self, observation: Observation) -> None:
        if observation.request is not None:
            self.spans.request_touched(observation.request)
        self.spans.ended(observation)

    @guarded
    def _measured(self, observation: Observation) -> None:
        self.metrics.ended(observation)

    @guarded
    def request_ended(self, request: Request) -> None:
        self.spans.request_touched(request)
        self.metrics.request_ended(request)

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

    def flush(self, timeout: float) -> bool:
        return flush_providers(real_providers(*self._providers), timeout)

    def switch_off(self) -> None:
        """What is queued still goes out; nothing more is said of this process."""
        self.metrics.active = False

    @guarded
    def last_chance(self) -> None:
        self.metrics.allow_recording()
