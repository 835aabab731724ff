"""AutoGen's own spans kept quiet while ours are made, without losing the trace context in its messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from contextvars import Token
from types import TracebackType
from typing import Any

from opentelemetry import context as otel_context, trace
from opentelemetry.trace import INVALID_SPAN, NoOpTracer, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from autogen_vitals.guard import guarded, hide_caller_frame
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.tracker import EnterToken, Tracker
from autogen_vitals.telemetry.spans import Spans

_PROPAGATOR = TraceContextTextMapPropagator()
"""What AutoGen uses, whatever the app has set."""

EnvelopeContext = Callable[[Any], otel_context.Context]


class _QuietTracer(NoOpTracer):
    def start_as_current_span(self, *args: Any, **kwargs: Any) -> Any:
        # The API's own no-op makes its span current: AutoGen holds it over a yield, where it leaks to the consumer.
        return nullcontext(INVALID_SPAN)


class QuietTrace:
    """Stands for ``opentelemetry.trace``, or for its ``get_tracer``, in a module that makes spans we replace: its
    tracers do nothing, and make nothing current."""

    _tracer = _QuietTracer()

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        """A tracer that makes no spans."""
        return self._tracer

    __call__ = get_tracer

    def __getattr__(self, name: str) -> Any:
        return getattr(trace, name)


class QuietMessages:
    """Replaces AutoGen's ``TraceHelper.trace_block``, the span around each message its runtimes move.

    Makes no span. Where the message's envelope carries the context of a run, that run is made current, so that what
    its recipient does belongs to it: a runtime that was started outside the run, or in another process, processes the
    message in a context of its own.
    """

    def __init__(self, tracker: Tracker, spans: Spans, envelope_context: Callable[[], EnvelopeContext | None]) -> None:
        self._tracker = tracker
        self._spans = spans
        self._envelope_context = envelope_context

    def __call__(
        self, wrapped: Callable[..., Any], instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> Any:
        if not self._tracker.active:
            try:
                return wrapped(*args, **kwargs)
            except BaseException as error:
                hide_caller_frame(error)
                raise
        envelope = args[2] if len(args) > 2 else kwargs.get("parent")
        return self._message(envelope) or nullcontext(INVALID_SPAN)

    @guarded
    def _message(self, envelope: Any) -> _Message | None:
        traceparent = envelope.get("traceparent") if isinstance(envelope, Mapping) else _traceparent(envelope)
        if not isinstance(traceparent, str):
            return None
        current = trace.get_current_span().get_span_context()
        # The common case, without parsing: the run whose message this is is current already.
        if current.is_valid and trace.format_span_id(current.span_id) in traceparent:
            return None
        read = self._envelope_context()
        if read is None:
            return None
        carried = trace.get_current_span(read(envelope))
        if not carried.get_span_context().is_valid:
            return None
        return _Message(self._tracker, self._spans.live(carried.get_span_context().span_id), carried)


def _traceparent(envelope: Any) -> Any:
    return getattr(envelope, "traceparent", None)


@guarded
def carry_context(message: Any) -> None:
    """Put the current trace context on a message that AutoGen's gRPC runtime is about to publish.

    It does so itself on calls and their answers. What it publishes is a CloudEvent, for which this is the extension
    "Distributed Tracing"; a worker gives all attributes of an event to what reads the context.
    """
    if not message.HasField("cloudEvent"):
        return
    attributes = message.cloudEvent.attributes
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier)
    if "traceparent" not in attributes:
        for name, value in carrier.items():
            attributes[name].ce_string = value


class _Message:
    """Makes the run that a message belongs to current: here, the run itself; from another process, its context."""

    def __init__(self, tracker: Tracker, run: Observation | None, carried: trace.Span) -> None:
        self._tracker = tracker
        self._run = run
        self._carried = carried
        self._entered: EnterToken | None = None
        self._attached: Token[Any] | None = None

    def __enter__(self) -> trace.Span:
        self._enter()
        return INVALID_SPAN

    @guarded
    def _enter(self) -> None:
        if self._run is not None:
            self._entered = self._tracker.enter(self._run)
        else:
            self._attached = otel_context.attach(trace.set_span_in_context(self._carried))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._exit()

    @guarded
    def _exit(self) -> None:
        if self._run is not None and self._entered is not None:
            self._tracker.leave(self._run, self._entered)
        elif self._attached is not None and trace.get_current_span() is self._carried:
            otel_context.detach(self._attached)
