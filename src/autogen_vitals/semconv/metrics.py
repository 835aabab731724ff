"""The metrics, with their buckets."""

from __future__ import annotations

from typing import Final, Literal

from autogen_vitals.records import Record
from autogen_vitals.semconv.attributes import (
    COMPONENT_KIND,
    COMPONENT_TYPE,
    CONNECT_STAGE,
    CRASH_CATEGORY,
    ERROR_TYPE,
    EXIT_OBSERVED_BY,
    EXIT_REASON,
    FINDING_RULE,
    FINDING_SEVERITY,
    FINDING_SITE,
    FIRST_USE,
    GEN_AI_OPERATION_NAME,
    GEN_AI_PROVIDER_NAME,
    GEN_AI_REQUEST_MODEL,
    GEN_AI_TOKEN_TYPE,
    IMPORT_NAME,
    INIT_STAGE,
    PHASE,
    PROCESS_CREATION_TIME,
    PROCESS_PARENT_PID,
    PROCESS_PID,
    REINIT,
    START_TYPE,
    STARTUP_STAGE,
    WORKER_SERVER,
)


class Metric(Record, frozen=True):
    """One instrument: name, kind, unit, attributes, what it says and, for a histogram, its bucket boundaries."""

    name: str
    instrument: Literal["histogram", "observable counter", "observable gauge"]
    unit: str
    attributes: tuple[str, ...]
    meaning: str
    buckets: tuple[float, ...] = ()


# A worker has ten sets of attributes or more of the next two, so each bound is ten series of every worker: these are
# what the boards tell apart (docs/scale.md).
# From less than a span is made of (an agent) past 50 ms (a client's TLS context) to a container's start.
_INIT_BUCKETS: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0)
# From a stage that is over at once to a container that pulls in everything.
_STAGE_BUCKETS: Final = (0.01, 0.1, 0.5, 1.0, 2.5, 10.0, 30.0, 120.0)
# What is asked of it are sum and count: its share of the request.
_REQUEST_INIT_BUCKETS: Final = (0.001, 0.01, 0.1, 1.0, 10.0)
# Requests of agents take seconds, cold ones up to a minute.
_REQUEST_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0)
# From a fork that is ready at once to a container that pulls in everything.
_STARTUP_BUCKETS: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0,
)  # fmt: skip
_CONNECT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_BLOCKED_BUCKETS: Final = (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
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

STARTUP_DURATION: Final = Metric(
    "autogen.startup.duration",
    "histogram",
    "s",
    (STARTUP_STAGE, WORKER_SERVER),
    "seconds of a cold start by stage; the stages do not overlap and add up to autogen.cold_start.duration",
    _STAGE_BUCKETS,
)
COLD_START_DURATION: Final = Metric(
    "autogen.cold_start.duration",
    "histogram",
    "s",
    (WORKER_SERVER,),
    "seconds from the creation of a process to the end of its first request, idle time before that not counted",
    _STARTUP_BUCKETS,
)
IMPORT_DURATION: Final = Metric(
    "autogen.import.duration",
    "observable gauge",
    "s",
    (IMPORT_NAME,),
    "cumulative seconds of the slowest imports of this process's start, those of 20 ms or more",
)
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
    _REQUEST_INIT_BUCKETS,
)
CONNECT_DURATION_METRIC: Final = Metric(
    "autogen.connect.duration",
    "histogram",
    "s",
    (COMPONENT_KIND, FIRST_USE, CONNECT_STAGE, ERROR_TYPE),
    "seconds of connecting inside a model call, a tool call or an init",
    _CONNECT_BUCKETS,
)
LOOP_BLOCKED_DURATION_METRIC: Final = Metric(
    "autogen.loop.blocked.duration",
    "histogram",
    "s",
    (),
    "seconds for which an event loop that runs AutoGen stood still",
    _BLOCKED_BUCKETS,
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
    (*_RUN_METRIC_ATTRIBUTES, FIRST_USE),
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
CRASHES: Final = Metric(
    "autogen.crashes",
    "observable counter",
    "{crash}",
    (CRASH_CATEGORY, PHASE, ERROR_TYPE, FINDING_RULE),
    "exceptions that ended an init, a run, a request, an import, a lifespan, a thread or the process",
)
PROCESS_EXITS: Final = Metric(
    "autogen.process.exits",
    "observable counter",
    "{exit}",
    (EXIT_REASON, PHASE, EXIT_OBSERVED_BY),
    "processes that should not have ended, and whose end this one has told of",
)
FINDINGS: Final = Metric(
    "autogen.findings",
    "observable counter",
    "{finding}",
    (FINDING_RULE, FINDING_SEVERITY, FINDING_SITE),
    "how often a rule of the catalogue has fired",
)
EXIT_RECORD_ENABLED: Final = Metric(
    "autogen.exit_record.enabled",
    "observable gauge",
    "{process}",
    (),
    "whether this process keeps the file that says, when it is killed, what it was doing: 1 or 0",
)

METRICS: Final[tuple[Metric, ...]] = (
    STARTUP_DURATION,
    COLD_START_DURATION,
    IMPORT_DURATION,
    INIT_DURATION,
    REINITS,
    REINIT_TIME,
    REQUEST_DURATION,
    REQUEST_INIT_DURATION_METRIC,
    CONNECT_DURATION_METRIC,
    LOOP_BLOCKED_DURATION_METRIC,
    INVOKE_AGENT_DURATION,
    INVOKE_WORKFLOW_DURATION,
    EXECUTE_TOOL_DURATION,
    CLIENT_OPERATION_DURATION,
    CLIENT_TOKEN_USAGE,
    CLIENT_TIME_TO_FIRST_CHUNK,
    WORKER_INFO,
    CRASHES,
    PROCESS_EXITS,
    FINDINGS,
    EXIT_RECORD_ENABLED,
)
