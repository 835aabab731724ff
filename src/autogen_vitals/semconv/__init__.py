"""Every span, attribute, metric, event and unit this package emits. ``docs/signals.md`` is generated from this room.

What spans there are is in ``semconv.spans``, which no process needs to make them, and which is not imported here.

Names under ``gen_ai.`` follow the GenAI semantic conventions, ``process.``, ``code.``, ``error.``, ``exception.``,
``service.``, ``cloud.``, ``faas.``, ``log.`` and ``event.`` the general ones; those of ours begin with ``autogen.``.

Sources:
    https://github.com/open-telemetry/semantic-conventions-genai (spans, metrics and their buckets)
    https://opentelemetry.io/docs/specs/semconv/ (process, code, error, exception, log, service, cloud, faas)
"""

from autogen_vitals.semconv.attributes import *  # noqa: F403
from autogen_vitals.semconv.events import (
    CRASH_EVENT as CRASH_EVENT,
    EVENTS as EVENTS,
    FINDING_EVENT as FINDING_EVENT,
    PROCESS_EXIT_EVENT as PROCESS_EXIT_EVENT,
    REQUEST_EVENT as REQUEST_EVENT,
    Event as Event,
    Severity as Severity,
)
from autogen_vitals.semconv.metrics import (
    CLIENT_OPERATION_DURATION as CLIENT_OPERATION_DURATION,
    CLIENT_TIME_TO_FIRST_CHUNK as CLIENT_TIME_TO_FIRST_CHUNK,
    CLIENT_TOKEN_USAGE as CLIENT_TOKEN_USAGE,
    COLD_START_DURATION as COLD_START_DURATION,
    CONNECT_DURATION_METRIC as CONNECT_DURATION_METRIC,
    CRASHES as CRASHES,
    EXECUTE_TOOL_DURATION as EXECUTE_TOOL_DURATION,
    EXIT_RECORD_ENABLED as EXIT_RECORD_ENABLED,
    FINDINGS as FINDINGS,
    IMPORT_DURATION as IMPORT_DURATION,
    INIT_DURATION as INIT_DURATION,
    INVOKE_AGENT_DURATION as INVOKE_AGENT_DURATION,
    INVOKE_WORKFLOW_DURATION as INVOKE_WORKFLOW_DURATION,
    LOOP_BLOCKED_DURATION_METRIC as LOOP_BLOCKED_DURATION_METRIC,
    METRICS as METRICS,
    PROCESS_EXITS as PROCESS_EXITS,
    REINIT_TIME as REINIT_TIME,
    REINITS as REINITS,
    REQUEST_DURATION as REQUEST_DURATION,
    REQUEST_INIT_DURATION_METRIC as REQUEST_INIT_DURATION_METRIC,
    STARTUP_DURATION as STARTUP_DURATION,
    WORKER_INFO as WORKER_INFO,
    Metric as Metric,
)
