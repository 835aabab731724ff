"""What takes the place of something in the modules of an observed library. Imported when one of these is."""

from __future__ import annotations

import sys
from functools import partial
from types import ModuleType

from autogen_vitals.hooks.tables import Handover, NativeSpans
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.telemetry.carrying import Carried
from autogen_vitals.telemetry.native import EnvelopeContext, QuietMessages, carry_context
from autogen_vitals.telemetry.spans import Spans
from autogen_vitals.wrapping.calls import WrapperFunction
from autogen_vitals.wrapping.handover import StandIn, handed_over
from autogen_vitals.wrapping.importing import resolve, split_target
from autogen_vitals.wrapping.life import noted_call


def quiet_messages(native: NativeSpans, tracker: Tracker, spans: Spans) -> WrapperFunction:
    """Wraps what makes a span around each message."""

    def envelope_context() -> EnvelopeContext | None:
        module, path = split_target(native.envelope_context or "")
        found = resolve(sys.modules[module], path) if module in sys.modules else None
        return None if found is None else found[2]

    return QuietMessages(tracker, spans, envelope_context)


def carrying_context() -> WrapperFunction:
    """Wraps what publishes a message."""
    return noted_call(carry_context, None)


def handing_over(handover: Handover, tracker: Tracker, module: ModuleType) -> StandIn:
    """For a module of the standard library in one that gives functions to other threads by it."""
    pick_up = partial(Carried.from_here, tracker)
    wrapper = handed_over(pick_up, handover.function.keyword, handover.function.position)
    return StandIn(module, handover.callable, wrapper)
