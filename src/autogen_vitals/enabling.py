"""``enable()`` and what goes with it."""

from __future__ import annotations

import logging
from typing import Any

from autogen_vitals.instrumentor import AutogenVitalsInstrumentor
from autogen_vitals.lifecycle.boundaries import RequestBlock
from autogen_vitals.telemetry.providers import is_sdk_needed, set_up_sdk

_logger = logging.getLogger("autogen_vitals")


def enable(**settings: Any) -> None:
    instrumentor = AutogenVitalsInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        return
    try:
        if settings.get("enabled", True) is not False and not _brings_own_provider(settings) and is_sdk_needed():
            set_up_sdk()
    except Exception as error:
        # The message may quote a header with a key in it.
        _logger.warning(
            "autogen-vitals: the OpenTelemetry SDK could not be set up from the OTEL_* variables (%s); check "
            "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL and OTEL_TRACES_EXPORTER. The application runs "
            "without telemetry",
            type(error).__name__,
        )
    instrumentor.instrument(skip_dep_check=True, **settings)


def _brings_own_provider(settings: dict[str, Any]) -> bool:
    return settings.get("tracer_provider") is not None or settings.get("meter_provider") is not None


def disable() -> None:
    instrumentor = AutogenVitalsInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()


def flush(timeout: float) -> bool:
    installed = AutogenVitalsInstrumentor().installed
    if installed is None:
        return True
    installed.tracker.settle()
    return installed.telemetry.flush(timeout)


def request(name: str) -> RequestBlock:
    installed = AutogenVitalsInstrumentor().installed
    return RequestBlock(None if installed is None else installed.tracker, name)
