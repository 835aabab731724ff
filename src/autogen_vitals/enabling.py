"""``enable()`` and what goes with it; documented where they are public, in ``autogen_vitals``."""

from __future__ import annotations

from typing import Any

from autogen_vitals.guard import guarded
from autogen_vitals.instrumentor import AutogenVitalsInstrumentor
from autogen_vitals.lifecycle.boundaries import RequestBlock
from autogen_vitals.lifecycle.tracker import Tracker


@guarded
def enable(**settings: Any) -> None:
    instrumentor = AutogenVitalsInstrumentor()
    if instrumentor.installed is None:
        # It may have been asked before, with enabled=False.
        disable()
        instrumentor.instrument(**{"skip_dep_check": True, "set_up_sdk": True, **settings})


@guarded
def disable() -> None:
    instrumentor = AutogenVitalsInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


@guarded
def flush(timeout: float) -> bool:
    installed = AutogenVitalsInstrumentor().installed
    if installed is None:
        return True
    installed.tracker.settle()
    return installed.telemetry.flush(timeout)


def request(name: str) -> RequestBlock:
    return RequestBlock(_tracker(), name)


@guarded
def _tracker() -> Tracker | None:
    installed = AutogenVitalsInstrumentor().installed
    return None if installed is None else installed.tracker
