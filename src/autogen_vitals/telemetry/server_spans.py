"""Requests by their SERVER or CONSUMER span, whichever instrumentation makes it."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.trace import SpanKind

from autogen_vitals import semconv
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.tracker import Tracker

_OPEN_LIMIT = 10_000


class ServerSpans(SpanProcessor):
    """A local root span of kind SERVER or CONSUMER opens a request, or joins the one it is inside of.

    The request's context variable is set where the span starts, which is the context its work runs in; it needs no
    undoing, for a request that is over counts as none.

    Args:
        tracker: opens and closes requests.
        native_scopes: tracers whose CONSUMER spans are messages between agents.
    """

    def __init__(self, tracker: Tracker, native_scopes: tuple[str, ...]) -> None:
        self.active = True
        self._tracker = tracker
        self._native_scopes = native_scopes
        self._renew()
        renew_after_fork(self, ServerSpans._renew)

    def _renew(self) -> None:
        # The requests that spans belong to, by the span's id, and whether it has opened it; they leave as it ends.
        self._open: dict[int, tuple[Request, bool]] = {}

    @guarded
    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if not self.active or span.kind not in (SpanKind.SERVER, SpanKind.CONSUMER):
            return
        parent, scope = span.parent, span.instrumentation_scope
        if (parent is not None and not parent.is_remote) or (scope is not None and scope.name in self._native_scopes):
            return
        request, is_opener = self._tracker.requests.current(), False
        if request is not None:
            self._tracker.requests.spanned(request, span)
        else:
            begun = self._tracker.requests.begin(span=span)
            request, is_opener = (None, True) if begun is None else (begun[0], True)
        if request is not None and request.span is span and len(self._open) < _OPEN_LIMIT:
            self._open[span.get_span_context().span_id] = request, is_opener

    @guarded
    def on_end(self, span: ReadableSpan) -> None:
        if not self._open or span.context is None:
            return
        request, is_opener = self._open.pop(span.context.span_id, (None, False))
        if request is None:
            return
        attributes: Any = span.attributes or {}
        error = attributes.get(semconv.ERROR_TYPE)
        if request.error is None and isinstance(error, str):
            request.error = error
        if is_opener:
            self._tracker.requests.finish(request, None)

    def shutdown(self) -> None:
        self.active = False

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True
