"""Names of attributes, and what each says."""

from __future__ import annotations

from typing import Final, Literal

from autogen_vitals.records import Record
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, START_REASONS, STARTUP_STAGES, StartupStage

SCOPE: Final = "autogen_vitals"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.34.0"
"""What the general attributes follow: an early release that names all of them. The GenAI ones have no schema."""

Requirement = Literal["always", "when known", "on error"]
"""When a span or an event has an attribute."""

# --- attributes of ours -------------------------------------------------------------------------------------------
COMPONENT_KIND: Final = "autogen.component.kind"
COMPONENT_TYPE: Final = "autogen.component.type"
COMPONENT_NAME: Final = "autogen.component.name"
PHASE: Final = "autogen.phase"
INIT_STAGE: Final = "autogen.init.stage"
INIT_SEQUENCE: Final = "autogen.init.sequence"
REINIT: Final = "autogen.reinit"
START_TYPE: Final = "autogen.start.type"
START_REASON: Final = "autogen.start.reason"
REQUEST_NAME: Final = "autogen.request.name"
REQUEST_INIT_COUNT: Final = "autogen.request.init.count"
REQUEST_INIT_DURATION: Final = "autogen.request.init.duration"
REQUEST_CONNECT_COUNT: Final = "autogen.request.connect.count"
REQUEST_SPENT: Final = "autogen.request.duration"
WORKER_SERVER: Final = "autogen.worker.server"
FIRST_USE: Final = "autogen.first_use"
WARM_UP_DURATION: Final = "autogen.warm_up.duration"
WARM_UP_MODULES: Final = "autogen.warm_up.modules"
CONNECT_COUNT: Final = "autogen.connect.count"
CONNECT_DURATION: Final = "autogen.connect.duration"
CONNECT_STAGE: Final = "autogen.connect.stage"
RETRY_COUNT: Final = "autogen.retry.count"
RETRY_DURATION: Final = "autogen.retry.duration"
RETRY_CATEGORY: Final = "autogen.retry.category"
CRASH_CATEGORY: Final = "autogen.crash.category"
CRASH_ESCAPED: Final = "autogen.crash.escaped"
OPERATION: Final = "autogen.operation"
EXIT_REASON: Final = "autogen.exit.reason"
EXIT_OBSERVED_BY: Final = "autogen.exit.observed_by"
EXIT_OBSERVER_PID: Final = "autogen.exit.observer.pid"
EXIT_SIGNAL: Final = "autogen.exit.signal"
EXIT_CODE: Final = "autogen.exit.code"
EXIT_INTERRUPTED: Final = "autogen.exit.interrupted"
EXIT_INTERRUPTED_TRACES: Final = "autogen.exit.interrupted.traces"
EXIT_BOOT_FAILURES: Final = "autogen.exit.boot_failures"
FINDING_RULE: Final = "autogen.finding.rule"
FINDING_NAME: Final = "autogen.finding.name"
FINDING_SEVERITY: Final = "autogen.finding.severity"
FINDING_CONFIDENCE: Final = "autogen.finding.confidence"
FINDING_EVIDENCE: Final = "autogen.finding.evidence"
FINDING_REMEDY: Final = "autogen.finding.remedy"
FINDING_COUNT: Final = "autogen.finding.count"
FINDING_DURATION: Final = "autogen.finding.duration"
FINDING_SHARE: Final = "autogen.finding.share"
FINDING_SITE: Final = "autogen.finding.site"
FINDING_IDS: Final = "autogen.finding.ids"
CODE_EXIT_CODE: Final = "autogen.code_execution.exit_code"
IMPORT_NAME: Final = "autogen.import.name"
IMPORT_SELF_DURATION: Final = "autogen.import.self_duration"
LOOP_BLOCKING: Final = "autogen.loop.blocking"
LOOP_BLOCKED_DURATION: Final = "autogen.loop.blocked.duration"
LOOP_THROTTLED_DURATION: Final = "autogen.loop.throttled.duration"
STARTUP_STAGE: Final = "autogen.startup.stage"
STARTUP_COMPLETE: Final = "autogen.startup.complete"
STARTUP_EXACT: Final = "autogen.startup.exact"
STARTUP_TOTAL: Final = "autogen.startup.total"
STARTUP_IDLE: Final = "autogen.startup.idle"
STARTUP_FIRST_REQUEST: Final = "autogen.startup.first_request"
STARTUP_FIRST_TOKEN: Final = "autogen.startup.first_token"

# --- attributes of the conventions --------------------------------------------------------------------------------
PROCESS_PID: Final = "process.pid"
PROCESS_PARENT_PID: Final = "process.parent_pid"
PROCESS_CREATION_TIME: Final = "process.creation.time"
CODE_FILE_PATH: Final = "code.file.path"
CODE_LINE_NUMBER: Final = "code.line.number"
CODE_FUNCTION_NAME: Final = "code.function.name"
ERROR_TYPE: Final = "error.type"
EXCEPTION_TYPE: Final = "exception.type"
EXCEPTION_MESSAGE: Final = "exception.message"
EXCEPTION_STACKTRACE: Final = "exception.stacktrace"
EVENT_NAME: Final = "event.name"
LOG_RECORD_UID: Final = "log.record.uid"
CLOUD_PLATFORM: Final = "cloud.platform"
FAAS_NAME: Final = "faas.name"
FAAS_VERSION: Final = "faas.version"
FAAS_INSTANCE: Final = "faas.instance"
SERVICE_NAME: Final = "service.name"
SERVICE_NAMESPACE: Final = "service.namespace"
SERVICE_VERSION: Final = "service.version"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
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

SERVICE_ATTRIBUTES: Final = (SERVICE_NAME, SERVICE_NAMESPACE, SERVICE_VERSION, SERVICE_INSTANCE_ID)
"""Of a resource, those that say which service it is."""

PLATFORM_ATTRIBUTES: Final = (CLOUD_PLATFORM, FAAS_NAME, FAAS_VERSION, FAAS_INSTANCE)
"""Where a process runs, as the platform's own variables say."""

EXCEPTION_EVENT: Final = "exception"
LOOP_BLOCKED_EVENT: Final = "autogen.loop.blocked"


def startup_attribute(stage: StartupStage) -> str:
    """The span attribute that holds the seconds of one stage."""
    return f"autogen.startup.{stage}"


class Attribute(Record, frozen=True):
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
        "registration with its runtime), `restore` (a client rebuilt by unpickling or copying), `warm_up` "
        "(`autogen_vitals.warm_up`)",
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
        "but the request built a model client, or spent 50 ms or more in inits), `reconnect` (it built nothing, but "
        "opened a connection), `warm` (none of these)",
    ),
    Attribute(
        REQUEST_NAME,
        "string",
        "the name given to `autogen_vitals.request(name)`; on the event `autogen.request` else method and path, with "
        "`{id}` for what looks like an id, the task's name, or the outermost run's span's",
    ),
    Attribute(REQUEST_SPENT, "double", "seconds from the request's beginning to its end"),
    Attribute(
        REQUEST_INIT_COUNT,
        "int",
        "inits made by the request so far, those inside another init not counted",
    ),
    Attribute(REQUEST_INIT_DURATION, "double", "seconds the request spent in those inits"),
    Attribute(REQUEST_CONNECT_COUNT, "int", "connections opened by what AutoGen did in the request so far"),
    Attribute(WORKER_SERVER, "string", "`gunicorn`, `uvicorn`, `celery`, `multiprocessing` or `plain`"),
    Attribute(
        FIRST_USE,
        "boolean",
        "the first model call of this client class, or the first call of this tool, in this process",
    ),
    Attribute(
        WARM_UP_DURATION,
        "double",
        "seconds in which the first model call kept its thread, and so the event loop, busy: lazy imports and the "
        "building of models; neither connecting nor waiting for the model is in it",
    ),
    Attribute(WARM_UP_MODULES, "int", "modules imported meanwhile"),
    Attribute(CONNECT_COUNT, "int", "TCP connections opened by it"),
    Attribute(CONNECT_DURATION, "double", "seconds it spent connecting: DNS, TCP and TLS"),
    Attribute(CONNECT_STAGE, "string", "`dns_tcp` (name look-up and TCP) or `tls` (the handshake)"),
    Attribute(RETRY_COUNT, "int", "how often the model's SDK tried again"),
    Attribute(RETRY_DURATION, "double", "seconds spent on tries that failed and on waiting before the next one"),
    Attribute(
        RETRY_CATEGORY,
        "string",
        f"what the last of these tries failed with, in the words of `{CRASH_CATEGORY}`; nobody else hears of it where "
        "the next one succeeded",
    ),
    Attribute(
        CRASH_CATEGORY,
        "string",
        "what the exception means, by its class, its message and what it was raised from: "
        + ", ".join(f"`{category}` ({meaning})" for category, meaning in CATEGORIES.items()),
    ),
    Attribute(
        CRASH_ESCAPED,
        "string",
        "what the exception ended: `init`, `run`, `request`, `import`, `lifespan`, `process`, `thread` or `loop` (a "
        "task or callback of an event loop that nobody waited for)",
    ),
    Attribute(
        OPERATION,
        "string",
        "what was going on: the name of its span, such as `invoke_agent writer` or `init McpWorkbench`, `import app`, "
        "or the name of a task or a route",
    ),
    Attribute(
        EXIT_REASON,
        "string",
        "how the process ended: " + ", ".join(f"`{reason}` ({meaning})" for reason, meaning in EXIT_REASONS.items()),
    ),
    Attribute(
        EXIT_OBSERVED_BY,
        "string",
        "who saw it end: `supervisor` (the process that waited for it), `sibling` (another one of the service), "
        "`next_start` (one that was started later) or `self`",
    ),
    Attribute(EXIT_OBSERVER_PID, "int", "the process that tells of it"),
    Attribute(EXIT_SIGNAL, "string", "the signal that ended it, such as `SIGKILL`; only where that was seen"),
    Attribute(EXIT_CODE, "int", "the code that it ended with; only where that was seen"),
    Attribute(EXIT_INTERRUPTED, "int", "how many requests, inits and imports were going on"),
    Attribute(EXIT_INTERRUPTED_TRACES, "string[]", "ids of their traces, 24 at most"),
    Attribute(
        EXIT_BOOT_FAILURES,
        "int",
        "how many processes of the same supervisor have ended before they could serve within 5 minutes, this one "
        "included; absent where it did serve",
    ),
    Attribute(
        FINDING_RULE,
        "string",
        "id of the rule, such as `AG101`, whose page is `docs/rules/AG101.md`; of a crash the one it falls under, on "
        "the metric empty where there is none",
    ),
    Attribute(FINDING_NAME, "string", "name of the rule, such as `client-rebuilt-per-request`"),
    Attribute(
        FINDING_SEVERITY,
        "string",
        "`info` (worth knowing), `warning` (costs time), `error` (breaks something) or `critical` (keeps breaking "
        "everything)",
    ),
    Attribute(
        FINDING_CONFIDENCE,
        "string",
        "`observed` (it was seen) or `inferred` (it is the likeliest reason for what was seen)",
    ),
    Attribute(
        FINDING_EVIDENCE,
        "string",
        "what was seen, in a line: numbers, class names and places; no argument, prompt or key",
    ),
    Attribute(FINDING_REMEDY, "string", "what to change, in a line"),
    Attribute(FINDING_COUNT, "int", "how many there have been of what it is about"),
    Attribute(FINDING_DURATION, "double", "seconds that these took in all"),
    Attribute(FINDING_SHARE, "double", "their share of the request's, or the call's, time: 0 to 1"),
    Attribute(
        FINDING_SITE,
        "string",
        "file and line that are to be changed, such as `shop/app.py:12`; of the path the last two parts",
    ),
    Attribute(FINDING_IDS, "string[]", "ids of the rules that have fired about it"),
    Attribute(
        CODE_EXIT_CODE,
        "int",
        "what the executed code ended with; 124 stands for a timeout",
    ),
    Attribute(IMPORT_NAME, "string", "the package, or the module where only that was imported"),
    Attribute(
        IMPORT_SELF_DURATION,
        "double",
        "seconds of the import without the imports inside it; the span's own duration is cumulative",
    ),
    Attribute(
        LOOP_BLOCKING, "boolean", "a synchronous call on a running event loop: nothing else ran on the loop meanwhile"
    ),
    Attribute(LOOP_BLOCKED_DURATION, "double", "seconds the event loop stood still, at least"),
    Attribute(
        LOOP_THROTTLED_DURATION,
        "double",
        "seconds of CPU throttling of the container meanwhile (`cpu.stat` of the cgroup); absent when unknown",
    ),
    Attribute(STARTUP_STAGE, "string", "a stage of the cold start; see the attributes `autogen.startup.<stage>`"),
    *(
        Attribute(startup_attribute(stage), "double", f"seconds of the cold start: {meaning}")
        for stage, meaning in STARTUP_STAGES.items()
    ),
    Attribute(STARTUP_TOTAL, "double", "the sum of the stages, in seconds: the cold start"),
    Attribute(STARTUP_IDLE, "double", "seconds between being ready and the first request; not part of the cold start"),
    Attribute(STARTUP_FIRST_REQUEST, "double", "seconds of the sum that were inside the first request"),
    Attribute(
        STARTUP_FIRST_TOKEN, "double", "seconds of cold start until the model's first token, or first whole reply"
    ),
    Attribute(STARTUP_COMPLETE, "boolean", "false: the process ended, or was flushed, before it served a request"),
    Attribute(
        STARTUP_EXACT,
        "boolean",
        "false: the system does not tell when the process was created; it counts from the import of this package",
    ),
    Attribute(
        START_REASON,
        "string",
        "; ".join(f"{reason}: {meaning}" for reason, meaning in START_REASONS.items()),
    ),
    Attribute(
        CLOUD_PLATFORM, "string", "`azure.container_apps`, `azure.functions` or `aws_lambda`, by their variables"
    ),
    Attribute(FAAS_NAME, "string", "the function, or the service of Cloud Run or Knative"),
    Attribute(FAAS_VERSION, "string", "its version or revision"),
    Attribute(FAAS_INSTANCE, "string", "its instance"),
    Attribute(
        PROCESS_PID,
        "int",
        "the process that did it, read when it was recorded: right after a fork too; on `autogen.process.exit` the "
        "dead one",
    ),
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
        EXCEPTION_MESSAGE,
        "string",
        "what the exception says, as far as the setting `exception_messages` lets it be told: unless set, wordings "
        "known to be a library's own. Keys, tokens and passwords are taken out",
    ),
    Attribute(
        EXCEPTION_STACKTRACE,
        "string",
        "files, lines and functions; neither source text nor the message, which may quote a prompt or a key",
    ),
    Attribute(EVENT_NAME, "string", "name of the event, with SDKs before 1.35, whose log records have no field for it"),
    Attribute(LOG_RECORD_UID, "string", "the same each time the end of one process is told: for deduplication"),
    Attribute(SERVICE_NAME, "string", "the dead process's, of its resource"),
    Attribute(SERVICE_NAMESPACE, "string", "the dead process's"),
    Attribute(SERVICE_VERSION, "string", "the dead process's"),
    Attribute(SERVICE_INSTANCE_ID, "string", "the dead process's"),
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
