"""How each subject is enabled, in a process of its own environment.

What is exported is dropped in the process: the network is nobody's fault. A subject that sets up an SDK of its own is
given the same exporters; one that uses the application's finds it set up.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import metrics, trace

from bench.subjects import Mode


class Exported:
    """What the exporters of this process were given before they dropped it."""

    def __init__(self) -> None:
        self.encodes = False
        self.spans = 0
        self.traces: set[int] = set()
        self.span_bytes = 0
        self.metric_bytes = 0

    def clear(self) -> None:
        """From here on."""
        self.spans = self.span_bytes = self.metric_bytes = 0
        self.traces.clear()

    def add_spans(self, spans: Sequence[Any]) -> None:
        """Count them, and their OTLP bytes if asked to encode."""
        self.spans += len(spans)
        if self.encodes:
            from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

            self.traces.update(span.context.trace_id for span in spans)
            self.span_bytes += len(encode_spans(spans).SerializeToString())

    def add_metrics(self, data: Any) -> None:
        """Count their bytes."""
        if self.encodes:
            from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

            self.metric_bytes += len(encode_metrics(data).SerializeToString())


EXPORTED = Exported()

_by_otlp = False


def export_by_otlp() -> None:
    """From here on, to the endpoint in the environment: as an application does, whose start imports that, too."""
    global _by_otlp
    _by_otlp = True


def span_processor() -> Any:
    """The SDK's batch processor before an exporter that drops."""
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return BatchSpanProcessor(span_exporter())


def span_exporter() -> Any:
    """It drops, unless told to export."""
    if _by_otlp:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        return OTLPSpanExporter()
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

    class Drop(SpanExporter):
        def export(self, spans: Sequence[Any]) -> Any:
            EXPORTED.add_spans(spans)
            return SpanExportResult.SUCCESS

        def force_flush(self, timeout_millis: int = 30000) -> bool:
            return True

        def shutdown(self) -> None:
            return

    return Drop()


def metric_exporter() -> Any:
    """Likewise."""
    if _by_otlp:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

        return OTLPMetricExporter()
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult

    class Drop(MetricExporter):
        def export(self, metrics_data: Any, timeout_millis: float = 10000, **_: Any) -> Any:
            EXPORTED.add_metrics(metrics_data)
            return MetricExportResult.SUCCESS

        def force_flush(self, timeout_millis: float = 10000) -> bool:
            return True

        def shutdown(self, timeout_millis: float = 30000, **_: Any) -> None:
            return

    return Drop()


def metric_reader() -> Any:
    """The SDK's periodic one, every minute as by default."""
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    return PeriodicExportingMetricReader(metric_exporter())


def set_up_sdk(mode: Mode) -> None:
    """As an application does."""
    if mode == "api":
        return
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

    # Asked whether spans are recorded, the SDK's default sampler says yes.
    provider = TracerProvider() if mode == "batch" else TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    provider.add_span_processor(span_processor())
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([metric_reader()]))


def flush() -> None:
    """Have all that was recorded exported."""
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if hasattr(provider, "force_flush"):
            with contextlib.suppress(Exception):
                provider.force_flush()


# Each imports its package and answers what enables it.


def _nothing() -> Callable[[], object]:
    return lambda: None


def _bare() -> Callable[[], object]:
    return take_out_native_spans


def _ours() -> Callable[[], object]:
    import autogen_vitals

    # With what there is: by itself it would set up an SDK where there is to be none.
    return lambda: autogen_vitals.enable(
        tracer_provider=trace.get_tracer_provider(), meter_provider=metrics.get_meter_provider()
    )


def _openinference() -> Callable[[], object]:
    from openinference.instrumentation.autogen_agentchat import AutogenAgentChatInstrumentor

    return lambda: AutogenAgentChatInstrumentor().instrument()


def _openlit() -> Callable[[], object]:
    import openlit

    return lambda: openlit.init()


def _traceloop() -> Callable[[], object]:
    from traceloop.sdk import Traceloop

    return lambda: Traceloop.init(
        exporter=span_exporter(), metrics_exporter=metric_exporter(), telemetry_enabled=False, app_name="bench"
    )


def _agentops() -> Callable[[], object]:
    import agentops

    return lambda: agentops.init(
        api_key="00000000-0000-0000-0000-000000000000", endpoint=NOWHERE, auto_start_session=False
    )


def _logfire() -> Callable[[], object]:
    import logfire

    def enable() -> None:
        logfire.configure(
            send_to_logfire=False,
            console=False,
            additional_span_processors=[span_processor()],
            metrics=logfire.MetricsOptions(additional_readers=[metric_reader()]),
        )
        logfire.instrument_openai()

    return enable


def _mlflow() -> Callable[[], object]:
    import mlflow

    # Its traces go to its own store, whose address is in the environment.
    return lambda: mlflow.autogen.autolog()


NOWHERE = "http://127.0.0.1:9"
OWN_SDK = ("traceloop", "logfire")
"""Given the application's, these would export everything twice, or nothing."""

IMPORTS: dict[str, Callable[[], Callable[[], object]]] = {
    "bare": _bare,
    "autogen": _nothing,
    "ours": _ours,
    "ours-like": _ours,
    "openinference": _openinference,
    "openlit": _openlit,
    "traceloop": _traceloop,
    "agentops": _agentops,
    "logfire": _logfire,
    "mlflow": _mlflow,
}


@contextlib.contextmanager
def on_stderr() -> Any:
    """What a package prints on enabling goes to stderr: stdout is for the result."""
    saved = os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)
    try:
        yield
    finally:
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def set_up(subject: str, mode: Mode) -> None:
    """The SDK, then the subject."""
    with on_stderr():
        if subject not in OWN_SDK:
            set_up_sdk(mode)
        IMPORTS[subject]()()


def take_out_native_spans() -> None:
    """AutoGen as if it had never made a span. Its messaging spans go by AUTOGEN_DISABLE_RUNTIME_TRACING.

    Works only once AutoGen is imported, and imports it.
    """
    import autogen_agentchat.agents._base_chat_agent as agent
    import autogen_agentchat.teams._group_chat._chat_agent_container as container
    import autogen_core.tools._base as tools

    def nothing(*_: Any, **__: Any) -> Any:
        return contextlib.nullcontext(trace.INVALID_SPAN)

    for module in (agent, container, tools):
        for name in ("trace_create_agent_span", "trace_invoke_agent_span", "trace_tool_span"):
            if hasattr(module, name):
                setattr(module, name, nothing)
