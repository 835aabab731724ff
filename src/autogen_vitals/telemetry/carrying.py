"""The present of a run, carried to another thread that goes on with it."""

from __future__ import annotations

from contextvars import Token

from opentelemetry import context as otel_context, trace

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.tracker import Present, PresentToken, Tracker

_Token = tuple["Token[otel_context.Context]", PresentToken]


class Carried:
    """What is current where it was picked up: run, request and OpenTelemetry's context.

    No other context variable: those of the app's stay where the app has set them.
    """

    def __init__(self, tracker: Tracker, present: Present) -> None:
        self._tracker = tracker
        self._present = present
        self._context = otel_context.get_current()

    @classmethod
    @guarded
    def from_here(cls, tracker: Tracker) -> Carried | None:
        """What to carry from here; ``None`` for nothing."""
        if not tracker.active:
            return None
        present = tracker.present()
        is_traced = trace.get_current_span().get_span_context().is_valid
        return cls(tracker, present) if present != (None, None) or is_traced else None

    @guarded
    def enter(self) -> _Token:
        """Make it current in this thread."""
        return otel_context.attach(self._context), self._tracker.resume(self._present)

    @guarded
    def leave(self, token: _Token | None) -> None:
        """Make current what was before."""
        if token is not None:
            self._tracker.pause(token[1])
            otel_context.detach(token[0])
