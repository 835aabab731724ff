"""Observations as metrics, recorded when they are collected and not when they happen.

The hot path appends to a queue (0.3 µs); ``histogram.record`` costs thirty times that. The queue is drained inside the
callback of an observable instrument, in the reader's thread, and its records appear in the same collection; what does
not fit until then goes before, see ``draining``.

That also makes it true across forks: what a parent has not collected, a child never has; and a process known to fork
workers records nothing into histograms before its own exit, because a child would export its parent's points again.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Histogram, Meter, MeterProvider

from autogen_vitals import semconv
from autogen_vitals.guard import guarded_by_position
from autogen_vitals.lifecycle.connects import Connect
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.imports import ImportRecord
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.startup import StartupReport
from autogen_vitals.telemetry.crash_metrics import CrashMetrics
from autogen_vitals.telemetry.draining import EarlyDrain, is_read
from autogen_vitals.telemetry.finding_metrics import FindingMetrics
from autogen_vitals.telemetry.forked import forget_points
from autogen_vitals.telemetry.observing import BoundedNames, safely
from autogen_vitals.version import __version__
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, INVOKE_AGENT, INVOKE_WORKFLOW

_logger = logging.getLogger("autogen_vitals")

_QUEUE_LIMIT = 10_000
_EARLY = 1_000
"""Queued measurements from which they do not wait for the next collection: 10 ms of work for a thread."""
_ASKED_EACH = 64
"""Dropped measurements after which it is asked again whether somebody reads."""
_SLOW_IMPORT_NS = 20_000_000

_DURATIONS = {
    INVOKE_WORKFLOW: semconv.INVOKE_WORKFLOW_DURATION,
    INVOKE_AGENT: semconv.INVOKE_AGENT_DURATION,
    EXECUTE_TOOL: semconv.EXECUTE_TOOL_DURATION,
    CHAT: semconv.CLIENT_OPERATION_DURATION,
}

_NOWHERE = trace.set_span_in_context(trace.INVALID_SPAN, Context())
"""Where what has no span was measured: whoever collects, perhaps within a span of the app's, was not there."""

_Attributes = dict[str, Any]
_Record = tuple[Histogram, float, _Attributes, "trace.SpanContext | None"]


class Metrics:
    """Counts and times observations. One a meter provider; its queue and its tallies are empty in a forked child."""

    _of_provider: ClassVar[WeakKeyDictionary[MeterProvider, Metrics]] = WeakKeyDictionary()

    @classmethod
    def of(cls, provider: MeterProvider) -> Metrics:
        """The one of this provider. An SDK takes the callbacks of an observable instrument once: one that is enabled
        again must find the queue that they drain."""
        found = cls._of_provider.get(provider)
        if found is None:
            meter = provider.get_meter(semconv.SCOPE, __version__, schema_url=semconv.SCHEMA_URL)
            found = cls._of_provider[provider] = cls(meter)
        found.active = True
        return found

    def __init__(self, meter: Meter) -> None:
        self.active = True
        self.collected: Callable[[], object] = lambda: None
        self._names = BoundedNames()
        self._last_chance = False
        self._warned = False
        self._histograms = {
            metric.name: meter.create_histogram(
                metric.name,
                unit=metric.unit,
                description=metric.meaning,
                explicit_bucket_boundaries_advisory=list(metric.buckets),
            )
            for metric in semconv.METRICS
            if metric.instrument == "histogram"
        }
        self._early = EarlyDrain(self.drain)
        self._renew()
        renew_after_fork(self, Metrics._renew_in_child)
        for metric, observe in ((semconv.REINITS, self._observe_reinits), (semconv.REINIT_TIME, self._observe_time)):
            meter.create_observable_counter(
                metric.name, [safely(observe)], unit=metric.unit, description=metric.meaning
            )
        self.crashes = CrashMetrics(meter, self._names.bounded, lambda: self.active and self._used)
        self.findings = FindingMetrics(meter)
        info = semconv.WORKER_INFO
        meter.create_observable_gauge(
            info.name, [safely(self._observe_worker)], unit=info.unit, description=info.meaning
        )
        imports = semconv.IMPORT_DURATION
        meter.create_observable_gauge(
            imports.name, [safely(self._observe_imports)], unit=imports.unit, description=imports.meaning
        )

    def _renew(self) -> None:
        self._used = False
        self._queue: deque[_Record] = deque()
        self._dropped = 0
        # (kind, type) → [re-inits, nanoseconds of their own]
        self._reinits: dict[tuple[str, str], list[int]] = {}
        self._imports: dict[str, float] = {}

    def _renew_in_child(self) -> None:
        self._renew()
        self._last_chance = False
        forget_points(self._histograms.values())

    # --- the hot path ---------------------------------------------------------------------------------------------

    @guarded_by_position
    def ended(self, observation: Observation) -> None:
        """Queue what an observation says."""
        if observation.quiet:
            return
        if observation.operation is None:
            self._init_ended(observation)
            return
        duration = _DURATIONS.get(observation.operation)
        if duration is None or (len(self._queue) >= _EARLY and self._is_full()):
            return
        span_context = _exemplar(observation.span)
        seconds = observation.duration_ns / 1e9
        attributes = self._run_attributes(observation)
        self._record(duration, seconds, attributes, span_context)
        if observation.operation is not CHAT:
            return
        if observation.first_item_ns is not None:
            self._record(semconv.CLIENT_TIME_TO_FIRST_CHUNK, observation.first_item_ns / 1e9, attributes, span_context)
        if not observation.cached:
            for name, kind in _TOKENS:
                tokens = observation.facts.get(name)
                if tokens is not None:
                    typed = {**attributes, semconv.GEN_AI_TOKEN_TYPE: kind}
                    self._record(semconv.CLIENT_TOKEN_USAGE, tokens, typed, span_context)

    def _init_ended(self, observation: Observation) -> None:
        kind, type_name = observation.kind, self._names.bounded(observation.type)
        if observation.sequence > 1 and type_name is not None:
            tally = self._reinits.get((kind, type_name))
            if tally is None:
                tally = self._reinits.setdefault((kind, type_name), [0, 0])
            tally[0] += 1
            tally[1] += max(0, observation.duration_ns - observation.nested_init_ns)
        if len(self._queue) >= _EARLY and self._is_full():
            return
        error, span = observation.error, observation.span
        attributes = _init_attributes(
            kind,
            type_name,
            observation.phase,
            observation.stage or "",
            observation.sequence > 1,
            None if error is None else self._names.bounded(error),
        )
        span_context = None if span is None else _exemplar(span)
        self._record(semconv.INIT_DURATION, observation.duration_ns / 1e9, attributes, span_context)

    @guarded_by_position
    def request_ended(self, request: Request) -> None:
        """Queue what a request says."""
        if len(self._queue) >= _EARLY and self._is_full():
            return
        attributes = _request_attributes(request.start_type, self._names.bounded(request.error))
        span_context = _exemplar(request.span)
        self._record(semconv.REQUEST_DURATION, request.duration_ns / 1e9, attributes, span_context)
        self._record(semconv.REQUEST_INIT_DURATION_METRIC, request.init_ns / 1e9, attributes, span_context)

    def connected(self, connect: Connect) -> None:
        """Queue what a connection says."""
        if self._is_full():
            return
        observation = connect.observation
        attributes = _connect_attributes(
            observation.kind, observation.first_use, connect.stage, self._names.bounded(connect.error)
        )
        self._record(
            semconv.CONNECT_DURATION_METRIC, connect.duration_ns / 1e9, attributes, _exemplar(observation.span)
        )

    def loop_blocked(self, block: Block) -> None:
        """Queue how long the loop stood still."""
        if self._is_full():
            return
        span = None if block.observation is None else block.observation.span
        self._record(semconv.LOOP_BLOCKED_DURATION_METRIC, block.duration_ns / 1e9, {}, _exemplar(span))

    def startup_ended(self, report: StartupReport, imports: list[ImportRecord], span: trace.Span | None) -> None:
        """Queue the stages of the cold start. One that ended early says nothing about how long one takes."""
        self._imports = {
            record.name: record.duration_ns / 1e9 for record in imports if record.duration_ns >= _SLOW_IMPORT_NS
        }
        if not report.complete:
            return
        server, span_context = {semconv.WORKER_SERVER: process.facts.server}, _exemplar(span)
        for stage, nanoseconds in report.stages.items():
            attributes = {semconv.STARTUP_STAGE: stage, **server}
            self._record(semconv.STARTUP_DURATION, nanoseconds / 1e9, attributes, span_context)
        self._record(semconv.COLD_START_DURATION, report.total_ns / 1e9, server, span_context)

    def _record(
        self, metric: semconv.Metric, value: float, attributes: _Attributes, span_context: trace.SpanContext | None
    ) -> None:
        self._used = True
        self._queue.append((self._histograms[metric.name], value, attributes, span_context))

    def _is_full(self) -> bool:
        """Asked first of all, for it makes everything else needless; on the hot path only from ``_EARLY`` on."""
        waiting = len(self._queue)
        if waiting < _EARLY:
            return False
        # The oldest are kept: where an app sets up its SDK late, they are its start-up.
        is_full = waiting >= _QUEUE_LIMIT
        # Where it has none the queue stays full, and whether somebody reads is asked for nothing most of the time.
        is_asked = not is_full or self._dropped % _ASKED_EACH == 0
        if is_asked and self._may_record() and is_read(self._histograms[semconv.INIT_DURATION.name]):
            self._early.soon()
        if is_full:
            self._dropped += 1
        return is_full

    def _run_attributes(self, observation: Observation) -> _Attributes:
        request = observation.request
        return _run_attributes(
            observation.operation.name if observation.operation is not None else "",
            observation.provider,
            self._names.bounded(observation.type) or "",
            "" if request is None else request.start_type,
            self._names.bounded(observation.error),
            self._names.bounded(observation.subject) if observation.operation is CHAT else None,
            observation.first_use if observation.operation is EXECUTE_TOOL else None,
        )

    # --- collection -----------------------------------------------------------------------------------------------

    def allow_recording(self) -> None:
        """The process will not fork again: a fork server too may record what it queued."""
        self._last_chance = True

    def _may_record(self) -> bool:
        return self._last_chance or not process.facts.is_fork_server

    def drain(self) -> None:
        """Record what is queued."""
        if not self._may_record():
            return
        queue = self._queue
        for _ in range(len(queue)):
            try:
                histogram, value, attributes, span_context = queue.popleft()
            except IndexError:
                # Two readers collect at once, or one while the queue is drained early.
                break
            context = _NOWHERE
            if span_context is not None:
                context = trace.set_span_in_context(trace.NonRecordingSpan(span_context))
            histogram.record(value, attributes, context)
        if self._dropped and not self._warned:
            self._warned = True
            _logger.warning(
                "autogen-vitals: %d measurements were dropped: more than %d came between two metric exports. Export "
                "more often (OTEL_METRIC_EXPORT_INTERVAL); spans are not concerned (reported once)",
                self._dropped,
                _QUEUE_LIMIT,
            )

    def _observe_worker(self, options: CallbackOptions) -> Iterable[metrics.Observation]:
        self._early.wait()
        self.drain()
        self.collected()
        # A supervisor or a master that never uses AutoGen has nothing of ours to export, and to wait for, at its end.
        if not (self.active and self._used):
            return []
        facts = process.facts
        attributes = {
            semconv.PROCESS_PID: facts.pid,
            semconv.PROCESS_PARENT_PID: facts.parent_pid,
            semconv.PROCESS_CREATION_TIME: facts.creation_time.isoformat(),
            semconv.WORKER_SERVER: facts.server,
        }
        return [metrics.Observation(1, attributes)]

    def _observe_reinits(self, options: CallbackOptions) -> Iterable[metrics.Observation]:
        return [
            metrics.Observation(count, _component_attributes(*component))
            for component, (count, _) in list(self._reinits.items())
        ]

    def _observe_imports(self, options: CallbackOptions) -> Iterable[metrics.Observation]:
        return [
            metrics.Observation(seconds, {semconv.IMPORT_NAME: name}) for name, seconds in list(self._imports.items())
        ]

    def _observe_time(self, options: CallbackOptions) -> Iterable[metrics.Observation]:
        return [
            metrics.Observation(nanoseconds / 1e9, _component_attributes(*component))
            for component, (_, nanoseconds) in list(self._reinits.items())
        ]


_TOKENS = ((semconv.GEN_AI_USAGE_INPUT_TOKENS, "input"), (semconv.GEN_AI_USAGE_OUTPUT_TOKENS, "output"))


def _exemplar(span: trace.Span | None) -> trace.SpanContext | None:
    # The context only: a queued span would keep all its attributes alive.
    if span is None:
        return None
    span_context = span.get_span_context()
    return span_context if span_context.trace_flags.sampled else None


# The attribute sets are few, built once and shared; the SDK copies what it keeps.


@lru_cache(maxsize=2048)
def _init_attributes(
    kind: str, type_name: str | None, phase: str, stage: str, reinit: bool, error: str | None
) -> _Attributes:
    attributes: _Attributes = {
        semconv.COMPONENT_KIND: kind,
        semconv.COMPONENT_TYPE: type_name,
        semconv.PHASE: phase,
        semconv.INIT_STAGE: stage,
        semconv.REINIT: reinit,
    }
    return _with_error(attributes, error)


@lru_cache(maxsize=2048)
def _run_attributes(
    operation: str,
    provider: str,
    type_name: str,
    start_type: str,
    error: str | None,
    model: str | None,
    first_use: bool | None,
) -> _Attributes:
    attributes: _Attributes = {
        semconv.GEN_AI_OPERATION_NAME: operation,
        semconv.GEN_AI_PROVIDER_NAME: provider,
        semconv.COMPONENT_TYPE: type_name,
        semconv.START_TYPE: start_type,
    }
    if model is not None:
        attributes[semconv.GEN_AI_REQUEST_MODEL] = model
    if first_use is not None:
        attributes[semconv.FIRST_USE] = first_use
    return _with_error(attributes, error)


@lru_cache(maxsize=256)
def _request_attributes(start_type: str, error: str | None) -> _Attributes:
    return _with_error({semconv.START_TYPE: start_type}, error)


@lru_cache(maxsize=256)
def _connect_attributes(kind: str, first_use: bool, stage: str, error: str | None) -> _Attributes:
    return _with_error(
        {semconv.COMPONENT_KIND: kind, semconv.FIRST_USE: first_use, semconv.CONNECT_STAGE: stage}, error
    )


def _component_attributes(kind: str, type_name: str) -> _Attributes:
    return {semconv.COMPONENT_KIND: kind, semconv.COMPONENT_TYPE: type_name}


def _with_error(attributes: _Attributes, error: str | None) -> _Attributes:
    if error is not None:
        attributes[semconv.ERROR_TYPE] = error
    return attributes
