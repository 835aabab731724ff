"""The spans and their attributes."""

from __future__ import annotations

from typing import Final, Literal

from autogen_vitals.records import Record
from autogen_vitals.semconv.attributes import (
    CODE_EXIT_CODE,
    CODE_FILE_PATH,
    CODE_FUNCTION_NAME,
    CODE_LINE_NUMBER,
    COMPONENT_KIND,
    COMPONENT_NAME,
    COMPONENT_TYPE,
    CONNECT_COUNT,
    CONNECT_DURATION,
    CRASH_CATEGORY,
    ERROR_TYPE,
    EXCEPTION_EVENT,
    EXCEPTION_STACKTRACE,
    EXCEPTION_TYPE,
    FINDING_IDS,
    FIRST_USE,
    GEN_AI_AGENT_NAME,
    GEN_AI_OPERATION_NAME,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_RESPONSE_FINISH_REASONS,
    GEN_AI_TOOL_NAME,
    GEN_AI_USAGE_INPUT_TOKENS,
    GEN_AI_USAGE_OUTPUT_TOKENS,
    GEN_AI_WORKFLOW_NAME,
    IMPORT_NAME,
    IMPORT_SELF_DURATION,
    INIT_SEQUENCE,
    INIT_STAGE,
    LOOP_BLOCKED_DURATION,
    LOOP_BLOCKED_EVENT,
    LOOP_BLOCKING,
    LOOP_THROTTLED_DURATION,
    PHASE,
    PLATFORM_ATTRIBUTES,
    PROCESS_PARENT_PID,
    PROCESS_PID,
    REINIT,
    REQUEST_CONNECT_COUNT,
    REQUEST_INIT_COUNT,
    REQUEST_INIT_DURATION,
    REQUEST_NAME,
    RETRY_CATEGORY,
    RETRY_COUNT,
    RETRY_DURATION,
    START_REASON,
    START_TYPE,
    STARTUP_COMPLETE,
    STARTUP_EXACT,
    STARTUP_FIRST_REQUEST,
    STARTUP_FIRST_TOKEN,
    STARTUP_IDLE,
    STARTUP_TOTAL,
    WARM_UP_DURATION,
    WARM_UP_MODULES,
    WORKER_SERVER,
    Requirement,
    startup_attribute,
)
from autogen_vitals.vocabulary import STARTUP_STAGES


class SpanSignal(Record, frozen=True):
    """One kind of span: its name (a ``{placeholder}`` is filled in), kind, attributes and when it appears."""

    name: str
    kind: Literal["INTERNAL", "CLIENT"]
    when: str
    attributes: tuple[tuple[str, Requirement], ...]


_PROCESS: Final[tuple[tuple[str, Requirement], ...]] = ((PROCESS_PID, "always"), (PROCESS_PARENT_PID, "always"))
_CONNECTS: Final[tuple[tuple[str, Requirement], ...]] = (
    (CONNECT_COUNT, "when known"),
    (CONNECT_DURATION, "when known"),
)
_RUN: Final[tuple[tuple[str, Requirement], ...]] = (
    (GEN_AI_OPERATION_NAME, "always"),
    (GEN_AI_PROVIDER_NAME, "always"),
    (COMPONENT_KIND, "always"),
    (COMPONENT_TYPE, "always"),
    (PHASE, "always"),
    (START_TYPE, "always"),
    *_PROCESS,
    (ERROR_TYPE, "on error"),
    (CRASH_CATEGORY, "when known"),
    (FINDING_IDS, "when known"),
)

INIT_SPAN: Final = SpanSignal(
    "init {class}",
    "INTERNAL",
    "an init that took at least the span threshold (1 ms unless set), whose site is known to be that slow, that is the "
    "first of its site, or that failed; cheaper repeats are only counted",
    (
        (COMPONENT_KIND, "always"),
        (COMPONENT_TYPE, "always"),
        (COMPONENT_NAME, "when known"),
        (PHASE, "always"),
        (INIT_STAGE, "always"),
        (INIT_SEQUENCE, "always"),
        (REINIT, "always"),
        (LOOP_BLOCKING, "when known"),
        *_CONNECTS,
        (CODE_FILE_PATH, "when known"),
        (CODE_LINE_NUMBER, "when known"),
        (CODE_FUNCTION_NAME, "when known"),
        *_PROCESS,
        (ERROR_TYPE, "on error"),
        (CRASH_CATEGORY, "when known"),
        (FINDING_IDS, "when known"),
    ),
)
WARM_UP_SPAN: Final = SpanSignal(
    "warm_up {class}",
    "INTERNAL",
    "`autogen_vitals.warm_up` at work: an init of stage `warm_up`",
    INIT_SPAN.attributes,
)
STARTUP_SPAN: Final = SpanSignal(
    "autogen.startup",
    "INTERNAL",
    "one cold start: from the creation of the process (of a forked worker: its fork) to the end of its first request; "
    "its own trace, linked from the first request's span. Only of processes that use AutoGen",
    (
        *((startup_attribute(stage), "when known") for stage in STARTUP_STAGES),
        (STARTUP_TOTAL, "always"),
        (STARTUP_IDLE, "always"),
        (STARTUP_FIRST_REQUEST, "when known"),
        (STARTUP_FIRST_TOKEN, "when known"),
        (STARTUP_COMPLETE, "always"),
        (STARTUP_EXACT, "always"),
        (START_REASON, "always"),
        (WORKER_SERVER, "always"),
        *((name, "when known") for name in PLATFORM_ATTRIBUTES),
        *_PROCESS,
    ),
)
IMPORT_SPAN: Final = SpanSignal(
    "import {package}",
    "INTERNAL",
    "an import of 5 ms or more during the start: top-level packages, and modules imported on their own or for another "
    "package; with the setting `import_tree` every module",
    ((IMPORT_NAME, "always"), (IMPORT_SELF_DURATION, "always"), *_PROCESS, (ERROR_TYPE, "on error")),
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
    "execute_tool {tool}",
    "INTERNAL",
    "a tool call",
    ((GEN_AI_TOOL_NAME, "when known"), (FIRST_USE, "always"), *_CONNECTS, *_RUN),
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
        (FIRST_USE, "always"),
        (WARM_UP_DURATION, "when known"),
        (WARM_UP_MODULES, "when known"),
        *_CONNECTS,
        (RETRY_COUNT, "when known"),
        (RETRY_DURATION, "when known"),
        (RETRY_CATEGORY, "when known"),
        *_RUN,
    ),
)
EXECUTE_CODE_SPAN: Final = SpanSignal(
    "execute_code", "INTERNAL", "code blocks run by a code executor", ((CODE_EXIT_CODE, "when known"), *_RUN)
)

SPANS: Final[tuple[SpanSignal, ...]] = (
    STARTUP_SPAN,
    IMPORT_SPAN,
    INIT_SPAN,
    WARM_UP_SPAN,
    INVOKE_WORKFLOW_SPAN,
    INVOKE_AGENT_SPAN,
    EXECUTE_TOOL_SPAN,
    CHAT_SPAN,
    EXECUTE_CODE_SPAN,
)

REQUEST_ATTRIBUTES: Final[tuple[str, ...]] = (
    REQUEST_NAME,
    START_TYPE,
    REQUEST_INIT_COUNT,
    REQUEST_INIT_DURATION,
    REQUEST_CONNECT_COUNT,
    FINDING_IDS,
)
"""Stamped on the request's own SERVER or CONSUMER span while it is open, else on its outermost run."""

FIRST_REQUEST_ATTRIBUTES: Final[tuple[str, ...]] = (
    *(startup_attribute(stage) for stage in STARTUP_STAGES),
    STARTUP_TOTAL,
    STARTUP_IDLE,
    STARTUP_FIRST_REQUEST,
    STARTUP_FIRST_TOKEN,
)
"""On the first request of a process besides, as far as they are known then; and a link to `autogen.startup`."""


class SpanEvent(Record, frozen=True):
    """An event on a span: its name, attributes and when it appears."""

    name: str
    when: str
    attributes: tuple[tuple[str, Requirement], ...]


SPAN_EVENTS: Final[tuple[SpanEvent, ...]] = (
    SpanEvent(
        EXCEPTION_EVENT,
        "an exception, on the innermost span that it passes on its way out",
        ((EXCEPTION_TYPE, "always"), (EXCEPTION_STACKTRACE, "always")),
    ),
    SpanEvent(
        LOOP_BLOCKED_EVENT,
        "the event loop stood still for 200 ms or more (setting `loop_blocked_threshold`), on the span of the "
        "operation that ran on it; the code attributes are the line that blocked",
        (
            (LOOP_BLOCKED_DURATION, "always"),
            (LOOP_THROTTLED_DURATION, "when known"),
            (CODE_FILE_PATH, "when known"),
            (CODE_LINE_NUMBER, "when known"),
            (CODE_FUNCTION_NAME, "when known"),
        ),
    ),
)
