"""Other instrumentations of the same calls, and what comes of both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Status, Surroundings, ok

_MODEL_SPANS = "it makes the chat spans; ours step aside (model_spans = auto)"
_KEEP_ONE = "keep one of the two: each turn and tool call is a span of each"


@dataclass(frozen=True)
class _Other:
    """A distribution that instruments what we do; ``fix`` is empty where both get along."""

    distribution: str
    status: Status
    what: str
    fix: str = ""


_OTHERS = (
    _Other(
        "openinference-instrumentation-autogen-agentchat", "warning", "it makes agent and tool spans, too", _KEEP_ONE
    ),
    _Other("openinference-instrumentation-autogen", "warning", "it makes spans of classic AutoGen, too", _KEEP_ONE),
    _Other("openinference-instrumentation-ag2", "warning", "it makes spans of classic AutoGen, too", _KEEP_ONE),
    _Other("openinference-instrumentation-openai", "ok", _MODEL_SPANS),
    _Other(
        "traceai-autogen", "fail", "version 0.2 breaks team.run() and run_stream()", "pip uninstall traceai-autogen"
    ),
    _Other("openlit", "ok", f"of AutoGen's it knows the model calls only: {_MODEL_SPANS}; its set-up takes seconds"),
    _Other("traceloop-sdk", "ok", f"of AutoGen's it knows the model calls only: {_MODEL_SPANS}"),
    _Other("agentops", "ok", f"of AutoGen's it knows the model calls only: {_MODEL_SPANS}"),
    _Other("logfire", "ok", "it sets the providers up, and shows our spans; call autogen_vitals.enable() after it"),
    _Other("langfuse", "ok", "it sets a provider up, and shows our spans; call autogen_vitals.enable() after it"),
    _Other(
        "mlflow",
        "warning",
        "mlflow.autogen.autolog() traces each run to a store, in 10 ms and more, and misses streams and teams",
        "leave autolog out where latency counts; with MLFLOW_USE_DEFAULT_TRACER_PROVIDER=false it takes your "
        "provider away",
    ),
    _Other("ddtrace", "ok", "it knows the model calls only, and tells Datadog; ours stay as they are"),
    _Other("opentelemetry-instrumentation-openai", "ok", _MODEL_SPANS),
    _Other("opentelemetry-instrumentation-openai-v2", "ok", _MODEL_SPANS),
    _Other("opentelemetry-instrumentation-genai-openai", "ok", _MODEL_SPANS),
    _Other("opentelemetry-instrumentation-anthropic", "ok", _MODEL_SPANS),
)


def _others(around: Surroundings) -> Iterator[Outcome]:
    found = [other for other in _OTHERS if other.distribution in around.versions]
    for other in found:
        version = around.versions[other.distribution]
        yield Outcome(other.status, f"{other.distribution} {version}: {other.what}", other.fix)
    if not found:
        yield ok("no other instrumentation of AutoGen or of the models' SDKs")


def _both_modes(around: Surroundings) -> Iterator[Outcome]:
    mode = around.value("OTEL_PYTHON_AUTOGEN_MODEL_SPANS").lower()
    makes_chat = [other.distribution for other in _OTHERS if _MODEL_SPANS in other.what]
    present = [name for name in makes_chat if name in around.versions]
    if mode == "on" and present:
        yield Outcome(
            "warning",
            f"OTEL_PYTHON_AUTOGEN_MODEL_SPANS=on beside {', '.join(present)}: each model call is two spans",
            "auto, which is the default",
        )
    if around.value("OTEL_PYTHON_AUTOGEN_NATIVE_SPANS").lower() == "keep":
        yield Outcome(
            "warning",
            "OTEL_PYTHON_AUTOGEN_NATIVE_SPANS=keep: each agent and tool call is a span of AutoGen's as well, with the "
            "text of messages in those of a team",
            "replace, which is the default",
        )


OTHERS = Group(
    "Other instrumentations",
    (Check("other-instrumentations", "beside ours", _others), Check("doubled-spans", "doubled spans", _both_modes)),
)
