"""The OpenTelemetry SDK: set up where nobody has, and flushed within a time limit."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import metrics, trace

from autogen_vitals.guard import guarded

_logger = logging.getLogger("autogen_vitals")

_METER_STAND_IN = "_ProxyMeterProvider"
"""It has no public name."""

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
        with _defaults(_EXPORTER_DEFAULTS):
            _OTelSDKConfigurator().configure()
    except Exception as error:
        # Without its message, which may quote a header with a key in it.
        _logger.warning(
            "autogen-vitals: the OpenTelemetry SDK could not be set up from the OTEL_* variables (%s); check "
            "OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_PROTOCOL and OTEL_TRACES_EXPORTER. The application runs "
            "without telemetry",
            type(error).__name__,
        )


def _is_sdk_needed() -> bool:
    """Whether neither traces nor metrics have a provider yet, and no variable says that none is wanted.

    An app that has set up one of the two has made up its mind about the other.
    """
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    tracer_provider, meter_provider = trace.get_tracer_provider(), metrics.get_meter_provider()
    # The API's stand-ins until somebody sets a provider.
    return isinstance(tracer_provider, trace.ProxyTracerProvider) and (type(meter_provider).__name__ == _METER_STAND_IN)


@contextmanager
def _defaults(variables: Mapping[str, str]) -> Generator[None, None, None]:
    missing = [name for name in variables if name not in os.environ]
    os.environ.update({name: variables[name] for name in missing})
    try:
        yield
    finally:
        # Children of the app see the environment the app was given.
        for name in missing:
            os.environ.pop(name, None)


def real_providers(tracer_provider: Any, meter_provider: Any) -> tuple[Any, Any]:
    """A stand-in of the API's means the provider that the application has set since."""
    if isinstance(tracer_provider, trace.ProxyTracerProvider):
        tracer_provider = trace.get_tracer_provider()
    if type(meter_provider).__name__ == _METER_STAND_IN:
        meter_provider = metrics.get_meter_provider()
    return tracer_provider, meter_provider


def flush_providers(providers: tuple[Any, ...], timeout: float) -> bool:
    """Ask each provider to export what it holds; wait at most ``timeout`` seconds, whatever an exporter does.

    Returns:
        Whether every provider that can flush said it had, in time.
    """
    if timeout <= 0:
        return False
    timeout = min(timeout, _LONGEST_TIMEOUT)
    results: list[bool] = []

    def flush(provider: Any) -> None:
        try:
            results.append(provider.force_flush(int(timeout * 1000)) is not False)
        except Exception as error:
            _logger.debug("autogen-vitals: %s could not flush: %s", type(provider).__name__, type(error).__name__)

    able = [provider for provider in providers if hasattr(provider, "force_flush")]
    threads = [threading.Thread(target=guarded(flush), args=(provider,), daemon=True) for provider in able]
    deadline = time.monotonic() + timeout
    for thread, provider in zip(threads, able, strict=True):
        try:
            thread.start()
        except RuntimeError:
            # An interpreter that is shutting down starts no threads.
            flush(provider)
    for thread in threads:
        if thread.ident is not None:
            thread.join(max(0.0, deadline - time.monotonic()))
    return len(results) == len(able) and all(results)
