"""Providers of our own, for a process that ``autogen-vitals run`` watches: they export to it, and nobody else has them.

The application's own OpenTelemetry, set up before or after, by code or by ``opentelemetry-instrument``, stays what it
is: global providers are neither set nor read.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

from autogen_vitals.environment_variables import AUTOGEN_VITALS_ATTACHED
from autogen_vitals.telemetry.variables import is_sdk_disabled, variables_set, variables_unset

_SIGNALS = ("traces", "metrics", "logs")
_NOBODY = ((), (), ())
_EXPORT_SECONDS = 5
_SPANS_EACH_MS = 300
_POINTS_EACH_MS = 1000
_KEPT = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_PYTHON_AUTOGEN_")
"""Variables that are for us as well. The others, tokens among them, are for the user's own set-up."""

_logger = logging.getLogger("autogen_vitals")


Providers = tuple[Any, Any, Any]
"""Of tracers, of meters, of loggers."""

_attached: Providers | None = None


def attached_providers() -> Providers | None:
    """What exports to the ``autogen-vitals run`` that this process is a child of; ``None`` where there is none.

    They are made once in a process. What the user has named an OTLP endpoint for goes there as well.
    """
    global _attached
    endpoint = os.environ.get(AUTOGEN_VITALS_ATTACHED)
    if endpoint and _attached is None:
        try:
            of_the_user = _those_of_the_user()
            with variables_unset(
                name for name in os.environ if name.startswith("OTEL_") and not name.startswith(_KEPT)
            ):
                _attached = _providers(endpoint, of_the_user)
        except Exception as error:
            _logger.warning(
                "autogen-vitals run cannot be told of this process: the OpenTelemetry SDK could not be set up (%s). "
                "The application runs without being watched; autogen-vitals doctor says more",
                type(error).__name__,
            )
    return _attached


def _providers(endpoint: str, of_the_user: Sequence[Sequence[Any]]) -> Providers:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    def arguments(signal: str) -> dict[str, Any]:
        return {"endpoint": f"{endpoint}/v1/{signal}", "timeout": _EXPORT_SECONDS, "session": _session()}

    traces, metrics, logs = of_the_user
    resource = Resource.create()
    tracer_provider = TracerProvider(sampler=ALWAYS_ON, resource=resource)
    tracer_provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(**arguments("traces")), schedule_delay_millis=_SPANS_EACH_MS)
    )
    for exporter in traces:
        tracer_provider.add_span_processor(BatchSpanProcessor(exporter))
    readers = [
        PeriodicExportingMetricReader(OTLPMetricExporter(**arguments("metrics")), _POINTS_EACH_MS),
        *(each if isinstance(each, MetricReader) else PeriodicExportingMetricReader(each) for each in metrics),
    ]
    meter_provider = MeterProvider(readers, resource)
    logger_provider = LoggerProvider(resource)
    logger_provider.add_log_record_processor(
        BatchLogRecordProcessor(OTLPLogExporter(**arguments("logs")), schedule_delay_millis=_SPANS_EACH_MS)
    )
    for exporter in logs:
        logger_provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    return tracer_provider, meter_provider, logger_provider


def _session() -> Any:
    """What the exporters post with: no proxy between the two of us, and no complaint once ``run`` is over, in the log
    of a process that it has left behind."""
    import requests

    class Session(requests.Session):
        def request(self, *args: Any, **kwargs: Any) -> requests.Response:
            try:
                return super().request(*args, **kwargs)
            except requests.ConnectionError as error:
                if "Connection refused" not in str(error):
                    raise
                nobody = requests.Response()
                nobody.status_code = 200
                return nobody

    session = Session()
    session.trust_env = False
    return session


def _those_of_the_user() -> Sequence[Sequence[Any]]:
    try:
        return _of_the_user()
    except Exception as error:
        # Without its message, which may quote a header with a key in it.
        _logger.warning(
            "autogen-vitals: the exporters that the OTEL_* variables ask for could not be set up (%s); what is "
            "observed goes to autogen-vitals run alone",
            type(error).__name__,
        )
        return _NOBODY


def _of_the_user() -> Sequence[Sequence[Any]]:
    """Exporters to the OTLP endpoint that the ``OTEL_*`` variables name, for each signal; none where they name none."""
    from opentelemetry.sdk import _configuration as sdk

    wanted = {signal: _wants_otlp(signal) for signal in _SIGNALS}
    if is_sdk_disabled() or not any(wanted.values()):
        return _NOBODY
    values = {f"OTEL_{signal.upper()}_EXPORTER": "otlp" if wanted[signal] else "none" for signal in _SIGNALS}
    with variables_set(values):
        names = [sdk._get_exporter_names(signal) for signal in _SIGNALS]
        return [[make() for make in makers.values()] for makers in sdk._import_exporters(*names)]


def _wants_otlp(signal: str) -> bool:
    named = os.environ.get(f"OTEL_{signal.upper()}_EXPORTER", "otlp").split(",")
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    return any(name.strip().startswith("otlp") for name in named) and any(map(os.environ.get, endpoints))
