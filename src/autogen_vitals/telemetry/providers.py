"""The OpenTelemetry SDK: set up where nobody has, and flushed within a time limit."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any

from opentelemetry import _logs, metrics, trace

from autogen_vitals import semconv
from autogen_vitals.guard import guarded
from autogen_vitals.telemetry.variables import is_sdk_disabled, variables_set

_logger = logging.getLogger("autogen_vitals")

_METER_STAND_IN = "_ProxyMeterProvider"
_LOGGER_STAND_IN = "ProxyLoggerProvider"
"""They have no public names."""

_LONGEST_TIMEOUT = 24 * 3600.0
"""Seconds; a thread cannot wait for an infinite time."""

_EXPORTER_DEFAULTS = {
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_METRICS_EXPORTER": "otlp",
    "OTEL_LOGS_EXPORTER": "otlp",
}


def set_up_sdk_if_needed() -> None:
    """Where the application has no OpenTelemetry, set up the SDK from the standard OTEL_* variables.

    OTLP is the default for each signal, as it is under ``opentelemetry-instrument``. A variable that the SDK does not
    accept is one warning, and the application runs without telemetry.
    """
    if not _is_sdk_needed():
        return
    from opentelemetry.sdk._configuration import _OTelSDKConfigurator

    try:
        missing = {name: value for name, value in _EXPORTER_DEFAULTS.items() if name not in os.environ}
        with variables_set(missing):
            _OTelSDKConfigurator().configure()
    except Exception as error:
        # Without its message, which may quote a header with a key in it.
        _logger.warning(
            "autogen-vitals: the OpenTelemetry SDK could not be set up from the OTEL_* variables (%s); check "
            "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL and OTEL_TRACES_EXPORTER. The application runs "
            "without telemetry",
            type(error).__name__,
        )


def stand_in(provider: trace.TracerProvider) -> Callable[[], bool]:
    """A test for whether this is the API's stand-in, and the app has set no provider so far that it stands for."""
    if not isinstance(provider, trace.ProxyTracerProvider):
        return lambda: False
    # The stand-in itself looks there. get_tracer_provider() reads an environment variable first, each time.
    return lambda: getattr(trace, "_TRACER_PROVIDER", provider) is None


def _is_sdk_needed() -> bool:
    """Whether neither traces nor metrics have a provider yet, and no variable says that none is wanted.

    An app that has set up one of the two has made up its mind about the other.
    """
    if is_sdk_disabled():
        return False
    tracer_provider, meter_provider = trace.get_tracer_provider(), metrics.get_meter_provider()
    # The API's stand-ins until somebody sets a provider.
    return isinstance(tracer_provider, trace.ProxyTracerProvider) and (type(meter_provider).__name__ == _METER_STAND_IN)


def real_providers(tracer_provider: Any, meter_provider: Any, logger_provider: Any) -> tuple[Any, Any, Any]:
    """A stand-in of the API's means the provider that the application has set since."""
    if isinstance(tracer_provider, trace.ProxyTracerProvider):
        tracer_provider = trace.get_tracer_provider()
    if type(meter_provider).__name__ == _METER_STAND_IN:
        meter_provider = metrics.get_meter_provider()
    if type(logger_provider).__name__ == _LOGGER_STAND_IN:
        logger_provider = _logs.get_logger_provider()
    return tracer_provider, meter_provider, logger_provider


def service_of(*providers: Any) -> dict[str, str]:
    """Which service it is, as the resource of the first of these providers that has one says; empty before that."""
    for provider in providers:
        # Only the meter provider keeps it to itself.
        resource = getattr(provider, "resource", None) or getattr(
            getattr(provider, "_sdk_config", None), "resource", None
        )
        if resource is not None:
            attributes = resource.attributes
            return {name: str(attributes[name]) for name in semconv.SERVICE_ATTRIBUTES if name in attributes}
    return {}


def flush_providers(providers: tuple[Any, ...], timeout: float) -> tuple[bool | None, ...]:
    """Ask each provider to export what it holds; wait at most ``timeout`` seconds, whatever an exporter does.

    Returns:
        For each, in order, whether it said it had, in time; ``None`` for one that cannot flush.
    """
    able = {number: provider for number, provider in enumerate(providers) if hasattr(provider, "force_flush")}
    timeout = min(timeout, _LONGEST_TIMEOUT)
    results: dict[int, bool] = {}

    def flush(number: int, provider: Any) -> None:
        try:
            results[number] = provider.force_flush(int(timeout * 1000)) is not False
        except Exception as error:
            _logger.debug("autogen-vitals: %s could not flush: %s", type(provider).__name__, type(error).__name__)

    if timeout > 0:
        deadline = time.monotonic() + timeout
        threads = [threading.Thread(target=guarded(flush), args=each, daemon=True) for each in able.items()]
        for thread, each in zip(threads, able.items(), strict=True):
            try:
                thread.start()
            except RuntimeError:
                # An interpreter that is shutting down starts no threads.
                flush(*each)
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, deadline - time.monotonic()))
    return tuple(results.get(number, False) if number in able else None for number in range(len(providers)))
