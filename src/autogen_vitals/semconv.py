"""Every span, attribute, metric and unit this package emits. ``docs/signals.md`` is generated from this module.

Names under ``gen_ai.`` follow the GenAI semantic conventions, ``process.``, ``code.`` and ``error.`` the general ones;
those of ours begin with ``autogen.``.

Sources:
    https://github.com/open-telemetry/semantic-conventions-genai (spans, metrics and their buckets)
    https://opentelemetry.io/docs/specs/semconv/ (process, code, error)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

SCOPE: Final = "autogen_vitals"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.34.0"
"""What the general attributes follow: an early release that names all of them. The GenAI ones have no schema."""

# --- attributes of ours -------------------------------------------------------------------------------------------
COMPONENT_KIND: Final = "autogen.component.kind"
COMPONENT_TYPE: Final = "autogen.component.type"
COMPONENT_NAME: Final = "autogen.component.name"
PHASE: Final = "autogen.phase"
INIT_STAGE: Final = "autogen.init.stage"
INIT_SEQUENCE: Final = "autogen.init.sequence"
REINIT: Final = "autogen.reinit"
START_TYPE: Final = "autogen.start.type"
REQUEST_NAME: Final = "autogen.request.name"
REQUEST_INIT_COUNT: Final = "autogen.request.init.count"
REQUEST_INIT_DURATION: Final = "autogen.request.init.duration"
WORKER_SERVER: Final = "autogen.worker.server"

# --- attributes of the conventions --------------------------------------------------------------------------------
PROCESS_PID: Final = "process.pid"
PROCESS_PARENT_PID: Final = "process.parent_pid"
PROCESS_CREATION_TIME: Final = "process.creation.time"
CODE_FILE_PATH: Final = "code.file.path"
CODE_LINE_NUMBER: Final = "code.line.number"
CODE_FUNCTION_NAME: Final = "code.function.name"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
GEN_AI_OPERATION_NAME: Final = "gen_ai.operation.name"
GEN_AI_PROVIDER_NAME: Final = "gen_ai.provider.name"
GEN_AI_AGENT_NAME: Final = "gen_ai.agent.name"
GEN_AI_WORKFLOW_NAME: Final = "gen_ai.workflow.name"
GEN_AI_TOOL_NAME: Final = "gen_ai.tool.name"
GEN_AI_REQUEST_MODEL: Final = "gen_ai.request.model"
GEN_AI_RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
GEN_AI_USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
GEN_AI_USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
GEN_AI_TOKEN_TYPE: Final = "gen_ai.token.type"

EXCEPTION_EVENT: Final = "exception"

Requirement = Literal["always", "when known", "on error"]


@dataclass(frozen=True)
class Attribute:
    """One attribute: its name, the type of its value, what it says."""

    name: str
    type: str
    meaning: str


ATTRIBUTES: Final[tuple[Attribute, ...]] = (
    Attribute(
        COMPONENT_KIND,
        "string",
        "`agent`, `team`, `model_client`, `tool`, `workbench`, `code_executor`, `memory` or `runtime`",
    ),
    Attribute(COMPONENT_TYPE, "string", "class name of the component"),
    Attribute(COMPONENT_NAME, "string", "name the component gives itself; on spans only, never on a metric"),
    Attribute(
        PHASE,
        "string",
        "where in the process's life: `import` (a module that is being imported is on the stack), `startup` (until the "
        "server is ready, ASGI lifespan included), `request`, `background` (ready, but outside any request), "
        "`draining`",
    ),
    Attribute(
        INIT_STAGE,
        "string",
        "`construct` (the outermost constructor), `start` (`CodeExecutor.start`, `McpWorkbench.start`, a team's "
        "registration with its runtime), `restore` (a client rebuilt by unpickling or copying)",
    ),
    Attribute(INIT_SEQUENCE, "int", "how many inits this site has made in this process, this one included"),
    Attribute(
        REINIT,
        "boolean",
        "the same site (first frame outside site-packages, file and line) has already built this class in this process",
    ),
    Attribute(
        START_TYPE,
        "string",
        "what the request paid: `cold` (the first of this process that used AutoGen), `rebuild` (the process is warm, "
        "but the request built a model client, or spent 50 ms or more in inits), `warm` (neither)",
    ),
    Attribute(REQUEST_NAME, "string", "the name given to `autogen_vitals.request(name)`"),
    Attribute(
        REQUEST_INIT_COUNT,
        "int",
        "inits made by the request so far, those inside another init not counted",
    ),
    Attribute(REQUEST_INIT_DURATION, "double", "seconds the request spent in those inits"),
    Attribute(WORKER_SERVER, "string", "`gunicorn`, `uvicorn`, `celery`, `multiprocessing` or `plain`"),
    Attribute(PROCESS_PID, "int", "the process that did it, read when it was recorded: right after a fork too"),
    Attribute(PROCESS_PARENT_PID, "int", "its parent"),
    Attribute(PROCESS_CREATION_TIME, "string", "ISO 8601, from the kernel's boot clock; for a forked worker, the fork"),
    Attribute(CODE_FILE_PATH, "string", "file of the site"),
    Attribute(CODE_LINE_NUMBER, "int", "line of the site"),
    Attribute(CODE_FUNCTION_NAME, "string", "function of the site"),
    Attribute(
        ERROR_TYPE,
        "string",
        "class name of the exception; a participant that fails inside a team is named itself, not the team's "
        "`RuntimeError`; `ToolError` where a tool reports a failure without raising",
    ),
    Attribute(EXCEPTION_TYPE, "string", "class name of the exception, on the `exception` event"),
    Attribute(
        EXCEPTION_STACKTRACE,
        "string",
        "files, lines and functions; neither source text nor the message, which may quote a prompt or a key",
    ),
    Attribute(
        GEN_AI_OPERATION_NAME,
        "string",
        "`invoke_workflow`, `invoke_agent`, `execute_tool`, `chat` or `execute_code`",
    ),
    Attribute(GEN_AI_PROVIDER_NAME, "string", "`openai`, `azure.ai.openai`, `anthropic`, …; `autogen` where unknown"),
    Attribute(GEN_AI_AGENT_NAME, "string", "name of the agent"),
    Attribute(GEN_AI_WORKFLOW_NAME, "string", "name of the team, else its class"),
    Attribute(GEN_AI_TOOL_NAME, "string", "name of the tool"),
    Attribute(GEN_AI_REQUEST_MODEL, "string", "model the client was built for"),
    Attribute(GEN_AI_RESPONSE_FINISH_REASONS, "string[]", "why the model stopped"),
    Attribute(GEN_AI_USAGE_INPUT_TOKENS, "int", "tokens of the prompt"),
    Attribute(GEN_AI_USAGE_OUTPUT_TOKENS, "int", "tokens of the reply"),
    Attribute(GEN_AI_TOKEN_TYPE, "string", "`input` or `output`"),
)


@dataclass(frozen=True)
class SpanSignal:
    """One kind of span: its name (a ``{placeholder}`` is filled in), kind, attributes and when it appears."""

    name: str
    kind: Literal["INTERNAL", "CLIENT"]
    when: str
    attributes: tuple[tuple[str, Requirement], ...]


_PROCESS: Final[tuple[tuple[str, Requirement], ...]] = ((PROCESS_PID, "always"), (PROCESS_PARENT_PID, "always"))
_RUN: Final[tuple[tuple[str, Requirement], ...]] = (
    (GEN_AI_OPERATION_NAME, "always"),
    (GEN_AI_PROVIDER_NAME, "always"),
    (COMPONENT_KIND, "always"),
    (COMPONENT_TYPE, "always"),
    (PHASE, "always"),
    (START_TYPE, "always"),
    *_PROCESS,
    (ERROR_TYPE, "on error"),
)

INIT_SPAN: Final = SpanSignal(
    "init {class}",
    "INTERNAL",
    "an init that took at least the span threshold (1 ms unless set), whose site is known to be that slow, or that is "
    "the first of its site; cheaper repeats are only counted",
    (
        (COMPONENT_KIND, "always"),
        (COMPONENT_TYPE, "always"),
        (COMPONENT_NAME, "when known"),
        (PHASE, "always"),
        (INIT_STAGE, "always"),
        (INIT_SEQUENCE, "always"),
        (REINIT, "always"),
        (CODE_FILE_PATH, "when known"),
        (CODE_LINE_NUMBER, "when known"),
        (CODE_FUNCTION_NAME, "when known"),
        *_PROCESS,
        (ERROR_TYPE, "on error"),
    ),
)
INVOKE_WORKFLOW_SPAN: Final = SpanSignal(
    "invoke_workflow {team}", "INTERNAL", "a team's run", ((GEN_AI_WORKFLOW_NAME, "always"), *_RUN)
)
INVOKE_AGENT_SPAN: Final = SpanSignal(
    "invoke_agent {agent}",
    "INTERNAL",
    "an agent's run, its part in a team's run, or a message a core agent handles",
    ((GEN_AI_AGENT_NAME, "when known"), *_RUN),
)
EXECUTE_TOOL_SPAN: Final = SpanSignal(
    "execute_tool {tool}", "INTERNAL", "a tool call", ((GEN_AI_TOOL_NAME, "when known"), *_RUN)
)
CHAT_SPAN: Final = SpanSignal(
    "chat {model}",
    "CLIENT",
    "a model call, `create` or `create_stream`; absent where another instrumentation of the model's SDK makes it "
    "(setting `model_spans`)",
    (
        (GEN_AI_REQUEST_MODEL, "when known"),
        (GEN_AI_RESPONSE_FINISH_REASONS, "when known"),
        (GEN_AI_USAGE_INPUT_TOKENS, "when known"),
        (GEN_AI_USAGE_OUTPUT_TOKENS, "when known"),
        *_RUN,
    ),
)
EXECUTE_CODE_SPAN: Final = SpanSignal("execute_code", "INTERNAL", "code blocks run by a code executor", _RUN)

SPANS: Final[tuple[SpanSignal, ...]] = (
    INIT_SPAN,
    INVOKE_WORKFLOW_SPAN,
    INVOKE_AGENT_SPAN,
    EXECUTE_TOOL_SPAN,
    CHAT_SPAN,
    EXECUTE_CODE_SPAN,
)

REQUEST_ATTRIBUTES: Final[tuple[str, ...]] = (REQUEST_NAME, START_TYPE, REQUEST_INIT_COUNT, REQUEST_INIT_DURATION)
"""Stamped on the request's own SERVER or CONSUMER span while it is open, else on its outermost run."""


@dataclass(frozen=True)
class Metric:
    """One instrument: name, kind, unit, attributes, what it says and, for a histogram, its bucket boundaries."""

    name: str
    instrument: Literal["histogram", "observable counter", "observable gauge"]
    unit: str
    attributes: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


# From 0.1 ms (an agent) past 50 ms (a client's TLS context) to a container's start.
_INIT_BUCKETS: Final = (
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
# Requests of agents take seconds, cold ones up to a minute.
_REQUEST_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
# The next four are the GenAI conventions' own.
_OPERATION_BUCKETS: Final = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_AGENT_BUCKETS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6)
_WORKFLOW_BUCKETS: Final = (1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0)
_TOKEN_BUCKETS: Final = (
    1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0, 65536.0, 262144.0, 1048576.0, 4194304.0, 16777216.0,
    67108864.0,
)  # fmt: skip

_RUN_METRIC_ATTRIBUTES: Final = (
    GEN_AI_OPERATION_NAME,
    GEN_AI_PROVIDER_NAME,
    COMPONENT_TYPE,
    START_TYPE,
    ERROR_TYPE,
)
_CHAT_METRIC_ATTRIBUTES: Final = (*_RUN_METRIC_ATTRIBUTES, GEN_AI_REQUEST_MODEL)

INIT_DURATION: Final = Metric(
    "autogen.init.duration",
    "histogram",
    "s",
    (COMPONENT_KIND, COMPONENT_TYPE, PHASE, INIT_STAGE, REINIT, ERROR_TYPE),
    "duration of inits, spanned or not",
    _INIT_BUCKETS,
)
REINITS: Final = Metric(
    "autogen.reinits", "observable counter", "{init}", (COMPONENT_KIND, COMPONENT_TYPE), "inits that were re-inits"
)
REINIT_TIME: Final = Metric(
    "autogen.reinit.time",
    "observable counter",
    "s",
    (COMPONENT_KIND, COMPONENT_TYPE),
    "seconds spent in re-inits, without those of other inits inside them: the series add up",
)
REQUEST_DURATION: Final = Metric(
    "autogen.request.duration",
    "histogram",
    "s",
    (START_TYPE, ERROR_TYPE),
    "duration of requests that used AutoGen",
    _REQUEST_BUCKETS,
)
REQUEST_INIT_DURATION_METRIC: Final = Metric(
    "autogen.request.init.duration",
    "histogram",
    "s",
    (START_TYPE, ERROR_TYPE),
    "seconds of a request spent in inits; its ratio to autogen.request.duration is the init share",
    _INIT_BUCKETS,
)
INVOKE_AGENT_DURATION: Final = Metric(
    "gen_ai.invoke_agent.duration", "histogram", "s", _RUN_METRIC_ATTRIBUTES, "duration of agent runs", _AGENT_BUCKETS
)
INVOKE_WORKFLOW_DURATION: Final = Metric(
    "gen_ai.invoke_workflow.duration",
    "histogram",
    "s",
    _RUN_METRIC_ATTRIBUTES,
    "duration of team runs",
    _WORKFLOW_BUCKETS,
)
EXECUTE_TOOL_DURATION: Final = Metric(
    "gen_ai.execute_tool.duration",
    "histogram",
    "s",
    _RUN_METRIC_ATTRIBUTES,
    "duration of tool calls",
    _OPERATION_BUCKETS,
)
CLIENT_OPERATION_DURATION: Final = Metric(
    "gen_ai.client.operation.duration",
    "histogram",
    "s",
    _CHAT_METRIC_ATTRIBUTES,
    "duration of model calls",
    _OPERATION_BUCKETS,
)
CLIENT_TOKEN_USAGE: Final = Metric(
    "gen_ai.client.token.usage",
    "histogram",
    "{token}",
    (*_CHAT_METRIC_ATTRIBUTES, GEN_AI_TOKEN_TYPE),
    "tokens of a model call; nothing for a reply that came out of a cache",
    _TOKEN_BUCKETS,
)
CLIENT_TIME_TO_FIRST_CHUNK: Final = Metric(
    "gen_ai.client.operation.time_to_first_chunk",
    "histogram",
    "s",
    _CHAT_METRIC_ATTRIBUTES,
    "seconds until a streamed reply begins",
    _OPERATION_BUCKETS,
)
WORKER_INFO: Final = Metric(
    "autogen.worker.info",
    "observable gauge",
    # Not "1": Prometheus would call a gauge of that unit autogen_worker_info_ratio.
    "{worker}",
    (PROCESS_PID, PROCESS_PARENT_PID, PROCESS_CREATION_TIME, WORKER_SERVER),
    "1 for each process that has used AutoGen; joins a worker's pid to its metrics by service.instance.id",
)

METRICS: Final[tuple[Metric, ...]] = (
    INIT_DURATION,
    REINITS,
    REINIT_TIME,
    REQUEST_DURATION,
    REQUEST_INIT_DURATION_METRIC,
    INVOKE_AGENT_DURATION,
    INVOKE_WORKFLOW_DURATION,
    EXECUTE_TOOL_DURATION,
    CLIENT_OPERATION_DURATION,
    CLIENT_TOKEN_USAGE,
    CLIENT_TIME_TO_FIRST_CHUNK,
    WORKER_INFO,
)
