"""Requests by their SERVER or CONSUMER span, whichever instrumentation makes it."""

from __future__ import annotations

from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind

from autogen_vitals import semconv
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.requests import Request, Requests

_OPEN_LIMIT = 10_000


class ServerSpans(SpanProcessor):
    """A local root span of kind SERVER or CONSUMER opens a request, or joins the one it is inside of.

    The request's context variable is set where the span starts, which is the context its work runs in; it needs no
    undoing, for a request that is over counts as none.

    One a tracer provider, which keeps a processor for good: one that is enabled again goes on with it.
    """

    _of_provider: ClassVar[WeakKeyDictionary[Any, ServerSpans]] = WeakKeyDictionary()

    @classmethod
    def of(cls, provider: Any) -> ServerSpans | None:
        """The one of this provider; ``None`` for one that takes no processors."""
        add_span_processor = getattr(provider, "add_span_processor", None)
        if add_span_processor is None:
            return None
        found = cls._of_provider.get(provider)
        if found is None:
            found = cls()
            add_span_processor(found)
            cls._of_provider[provider] = found
        return found

    def __init__(self) -> None:
        self._requests: Requests | None = None
        self._native_scopes: tuple[str, ...] = ()
        self._renew()
        renew_after_fork(self, ServerSpans._renew)

    def _renew(self) -> None:
        # The requests that spans belong to, by the span's id, and who closes those it has opened; they leave as it
        # ends.
        self._open: dict[int, tuple[Request, Requests | None]] = {}

    def follow(self, requests: Requests, native_scopes: tuple[str, ...]) -> None:
        """Open and close these, until ``shutdown``.

        Args:
            requests: of this installation.
            native_scopes: tracers whose CONSUMER spans are messages between agents.
        """
        self._requests, self._native_scopes = requests, native_scopes

    @guarded
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        requests = self._requests
        if requests is None or span.kind not in (SpanKind.SERVER, SpanKind.CONSUMER):
            return
        parent, scope = span.parent, span.instrumentation_scope
        if (parent is not None and not parent.is_remote) or (scope is not None and scope.name in self._native_scopes):
            return
        request, opener = requests.current(), None
        if request is not None:
            requests.spanned(request, span)
        else:
            begun = requests.begin(span=span)
            request, opener = (None, None) if begun is None else (begun[0], requests)
        if request is not None and request.span is span and len(self._open) < _OPEN_LIMIT:
            self._open[span.get_span_context().span_id] = request, opener

    @guarded
    def on_end(self, span: ReadableSpan) -> None:
        if not self._open or span.context is None:
            return
        request, opener = self._open.pop(span.context.span_id, (None, None))
        if request is None:
            return
        attributes: Any = span.attributes or {}
        error = attributes.get(semconv.ERROR_TYPE)
        if request.error is None and isinstance(error, str):
            request.error = error
        if opener is not None:
            opener.finish(request, None)

    def shutdown(self) -> None:
        self._requests = None

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
