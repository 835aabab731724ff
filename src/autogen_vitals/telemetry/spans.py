"""Observations as spans."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Token
from functools import lru_cache
from itertools import islice
from typing import Any

from opentelemetry import context as otel_context, trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer

from autogen_vitals import semconv
from autogen_vitals.crashes.frames import frames
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.guard import guarded_by_position
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.observation import Network, Observation
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.reading import follow
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.telemetry.places import site_attributes
from autogen_vitals.telemetry.startup import StartupTrace, process_attributes, startup_attributes
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, Operation

_LIVE_LIMIT = 10_000
_INIT = otel_context.create_key("autogen_vitals_init")
"""In a context whose span is an init's: that init, and the context around it."""
_STARTING = ("import", "startup")
# A name with such a thing in it would make one span name an object.
_IDENTIFIER = r"[0-9a-fA-F]{8}(?:[-_]?[0-9a-fA-F]{4}){3}[-_]?[0-9a-fA-F]{12}"


class Spans:
    """Makes the spans of observations, and keeps them current while the observed code runs.

    Args:
        tracer: gives who makes them; a proxy until the app has set up its SDK is fine.
        startup: the trace of the cold start, which has the inits before the first request as children.
        slow_ns: from which duration on an init has a span.
        is_told_elsewhere: whether another instrumentation makes the chat span of this observation.
        is_idle: whether spans would be made for nobody, for the app has set up no SDK so far.
    """

    def __init__(
        self,
        tracer: Callable[[], Tracer],
        startup: StartupTrace,
        slow_ns: int,
        is_told_elsewhere: Callable[[Observation], bool],
        is_idle: Callable[[], bool],
    ) -> None:
        self._tracer = tracer
        self._startup = startup
        self._slow_ns = slow_ns
        self._is_told_elsewhere = is_told_elsewhere
        self._is_idle = is_idle
        self._renew()
        renew_after_fork(self, Spans._renew)

    def _renew(self) -> None:
        # Runs in progress by span id, for messages that come in from another context. Bounded; entries leave as
        # their runs end. Empty in a forked child: the parent's runs are not the child's.
        self._live: dict[int, Observation] = {}

    def live(self, span_id: int) -> Observation | None:
        """The run in progress whose span has this id."""
        return self._live.get(span_id)

    @guarded_by_position
    def started(self, observation: Observation) -> None:
        """Start its span: of every run, and of an init that will probably have one, so that what happens inside has
        it as parent."""
        around = otel_context.get_current()
        # In a context that is empty, as that of most outermost runs, nobody has suppressed anything.
        is_suppressed = bool(around) and not is_instrumentation_enabled()
        if is_suppressed or (observation.operation is CHAT and self._is_told_elsewhere(observation)):
            observation.quiet = True
            return
        is_init = observation.operation is None
        if is_init and observation.sequence > 1 and not observation.known_slow:
            return
        if self._is_idle():
            # Of a run that has no span, the rest goes on: a finding about it is a line in the log, the exit record is
            # read by other processes, and its duration waits for an SDK that is set later.
            return
        if is_init:
            observation.span = self._start(observation, around)
            return
        span = observation.span = self._start(observation, around)
        span_id = span.get_span_context().span_id
        if span_id and len(self._live) < _LIVE_LIMIT:
            self._live[span_id] = observation

    def _start(self, observation: Observation, around: Context) -> Span:
        operation, context = observation.operation, _outside_of_a_past_init(observation, around)
        if operation is None:
            word = "warm_up" if observation.stage == "warm_up" else "init"
            name, kind, attributes = f"{word} {observation.type}", SpanKind.INTERNAL, _init_attributes(observation)
            if observation.phase in _STARTING and not trace.get_current_span(context).get_span_context().is_valid:
                context = self._startup.context()
        else:
            name = span_name(operation, observation.subject, observation.type)
            kind = SpanKind.CLIENT if operation is CHAT else SpanKind.INTERNAL
            attributes = _run_attributes(observation, operation)
            observation.told = len(observation.facts)
        return self._tracer().start_span(
            name,
            context=context,
            kind=kind,
            attributes=attributes,
            start_time=observation.wall_ns,
            record_exception=False,
            set_status_on_exception=False,
        )

    # The tracker guards these two: one guard less around each step of a stream.

    def entered(self, observation: Observation) -> Token[Any] | None:
        """Make its span current."""
        span = observation.span
        if span is None:
            return None
        entered = observation.entered
        if entered is not None:
            # A stream is entered for each item, by a consumer whose context is the same each time: the token tells what
            # was current, which takes less than to ask for it.
            before, context = entered
            token = otel_context.attach(context)
            if getattr(token, "old_value", None) is before:
                return token
            otel_context.detach(token)
        if not span.get_span_context().is_valid:
            return None
        around = otel_context.get_current()
        context = trace.set_span_in_context(span, around)
        if observation.operation is None:
            context = otel_context.set_value(_INIT, (observation, around), context)
        token = otel_context.attach(context)
        # Where contexts are kept otherwise than in a context variable, tokens do not tell.
        before = getattr(token, "old_value", None)
        observation.entered = None if before is None else (before, context)
        return token

    left = staticmethod(otel_context.detach)

    @guarded_by_position
    def ended(self, observation: Observation) -> None:
        """End its span. An init that turned out long without one, or failed, gets it now, dated back."""
        observation.entered = None
        span: Span | None = observation.span
        if observation.operation is None:
            if span is None:
                is_short = observation.duration_ns < self._slow_ns and observation.error is None
                if observation.quiet or is_short:
                    return
                span = observation.span = self._start(observation, otel_context.get_current())
            name = follow(observation.component, observation.name_at) if observation.name_at else None
            if isinstance(name, str):
                span.set_attribute(semconv.COMPONENT_NAME, name)
            if observation.network is not None:
                span.set_attributes(_network_attributes(observation.network))
        elif span is None:
            return
        else:
            self._live.pop(span.get_span_context().span_id, None)
            if span.is_recording():
                span.set_attributes(_final_attributes(observation))
                self._point_to_startup(observation, span)
                if observation.completed:
                    span.update_name(span_name(observation.operation, observation.subject, observation.type))
        if observation.error is not None and span.is_recording():
            _record_error(span, observation)
        span.end(observation.wall_ns + observation.duration_ns)

    @guarded_by_position
    def request_touched(self, request: Request) -> None:
        """Keep the totals on the request's own span up to date: it may end without telling us."""
        if request.span is None or not request.span.is_recording():
            return
        request.span.set_attributes(_request_attributes(request))
        if request.startup is not None and not request.startup_told:
            request.startup_told = True
            self._startup.link(request.span)

    @guarded_by_position
    def outermost_run_ended(self, observation: Observation, request: Request) -> None:
        """Note what a request is to be known by that has no span of its own."""
        request.run_span = observation.span
        if not request.is_served and observation.operation is not None:
            request.asked = "", span_name(observation.operation, observation.subject, observation.type)

    @staticmethod
    def mark(rule: str, span: Any) -> None:
        """Put the id of a rule that has fired on the span that it concerns, as long as that is open."""
        if span is None or not span.is_recording():
            return
        told: Any = (getattr(span, "attributes", None) or {}).get(semconv.FINDING_IDS, ())
        if rule not in told:
            span.set_attribute(semconv.FINDING_IDS, (*told, rule))

    def _point_to_startup(self, observation: Observation, span: Span) -> None:
        request = observation.request
        if observation.outermost and request is not None and request.span is None and request.startup is not None:
            self._startup.link(span)

    @staticmethod
    def loop_blocked(block: Block) -> None:
        """Note on the span of the operation what kept the event loop from everything else."""
        span: Span | None = None if block.observation is None else block.observation.span
        if span is None or not span.is_recording():
            return
        attributes: dict[str, Any] = {semconv.LOOP_BLOCKED_DURATION: block.duration_ns / 1e9}
        if block.throttled_ns:
            attributes[semconv.LOOP_THROTTLED_DURATION] = block.throttled_ns / 1e9
        if block.site is not None:
            attributes |= site_attributes(block.site)
        span.add_event(semconv.LOOP_BLOCKED_EVENT, attributes, block.wall_ns)


def _outside_of_a_past_init(observation: Observation, context: Context) -> Context:
    """The context around an init that is over, where ``context``, which is current, is its: in a task that it has left
    behind, such as the loop in which a runtime takes messages, everything would be part of it. Else ``context``."""
    if observation.parent is None:
        while isinstance(around := context.get(_INIT), tuple):
            init, before = around
            if not init.ended or trace.get_current_span(context) is not init.span:
                break
            context = before
    return context


@lru_cache(maxsize=1024)
def span_name(operation: Operation, subject: str | None, type_name: str) -> str:
    """``invoke_agent planner``. A name with an id in it gives way to the class: span names are few."""
    if subject is None:
        return operation.name
    return f"{operation.name} {type_name if compiled(_IDENTIFIER).search(subject) else subject}"


def _init_attributes(observation: Observation) -> dict[str, Any]:
    attributes = {
        semconv.COMPONENT_KIND: observation.kind,
        semconv.COMPONENT_TYPE: observation.type,
        semconv.PHASE: observation.phase,
        semconv.INIT_STAGE: observation.stage,
        semconv.INIT_SEQUENCE: observation.sequence,
        semconv.REINIT: observation.reinit,
        **process_attributes(),
    }
    if observation.on_loop:
        attributes[semconv.LOOP_BLOCKING] = True
    site = None if observation.tally is None else observation.tally.site
    if site is not None and site.file:
        attributes |= site_attributes(site)
    return attributes


def _network_attributes(network: Network) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if network.connects:
        attributes[semconv.CONNECT_COUNT] = network.connect_count
        attributes[semconv.CONNECT_DURATION] = network.connect_ns / 1e9
    if network.retry_count:
        attributes[semconv.RETRY_COUNT] = network.retry_count
        attributes[semconv.RETRY_DURATION] = network.retry_ns / 1e9
    if network.retry_category is not None:
        attributes[semconv.RETRY_CATEGORY] = network.retry_category
    return attributes


def _run_attributes(observation: Observation, operation: Operation) -> dict[str, Any]:
    described = _described(operation, observation.provider, observation.kind, observation.type, observation.phase)
    facts = process.facts
    return {
        **described,
        semconv.PROCESS_PID: facts.pid,
        semconv.PROCESS_PARENT_PID: facts.parent_pid,
        **observation.facts,
    }


@lru_cache(maxsize=1024)
def _described(operation: Operation, provider: str, kind: str, type_name: str, phase: str) -> dict[str, Any]:
    return {
        semconv.GEN_AI_OPERATION_NAME: operation.name,
        semconv.GEN_AI_PROVIDER_NAME: provider,
        semconv.COMPONENT_KIND: kind,
        semconv.COMPONENT_TYPE: type_name,
        semconv.PHASE: phase,
    }


def _final_attributes(observation: Observation) -> dict[str, Any]:
    # What is read off the result comes after what the span has had since it began.
    attributes = dict(islice(observation.facts.items(), observation.told, None))
    if observation.completed:
        attributes = {**observation.facts, semconv.GEN_AI_PROVIDER_NAME: observation.provider}
    reason = attributes.pop(semconv.GEN_AI_RESPONSE_FINISH_REASONS, None)
    if reason is not None:
        attributes[semconv.GEN_AI_RESPONSE_FINISH_REASONS] = (reason,)
    if observation.network is not None:
        attributes |= _network_attributes(observation.network)
    if observation.operation in (CHAT, EXECUTE_TOOL):
        attributes[semconv.FIRST_USE] = observation.first_use
    if observation.steps is not None:
        attributes[semconv.WARM_UP_DURATION] = observation.warm_up_ns / 1e9
        attributes[semconv.WARM_UP_MODULES] = observation.modules
    request = observation.request
    if request is not None:
        attributes[semconv.START_TYPE] = request.start_type
        if observation.outermost and request.span is None:
            attributes.update(_request_attributes(request))
    return attributes


def _request_attributes(request: Request) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        semconv.START_TYPE: request.start_type,
        semconv.REQUEST_INIT_COUNT: request.init_count,
        semconv.REQUEST_INIT_DURATION: request.init_ns / 1e9,
        semconv.REQUEST_CONNECT_COUNT: request.connect_count,
    }
    if request.startup is not None:
        attributes |= startup_attributes(request.startup.so_far())
    if request.name is not None:
        attributes[semconv.REQUEST_NAME] = request.name
    return attributes


def _record_error(span: Span, observation: Observation) -> None:
    # No description: it would be the exception's message, which quotes keys and prompts.
    span.set_status(Status(StatusCode.ERROR))
    span.set_attribute(semconv.ERROR_TYPE, observation.error or "")
    if observation.category is not None:
        span.set_attribute(semconv.CRASH_CATEGORY, observation.category)
    exception = observation.exception
    if exception is not None and not observation.error_recorded:
        span.add_event(
            semconv.EXCEPTION_EVENT,
            {
                semconv.EXCEPTION_TYPE: type(exception).__qualname__,
                semconv.EXCEPTION_STACKTRACE: frames(exception.__traceback__),
            },
        )
