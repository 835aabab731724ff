"""The events: log records with an event name, and their attributes."""

from __future__ import annotations

from typing import Final, Literal

from autogen_vitals.records import Record
from autogen_vitals.semconv.attributes import (
    CODE_FILE_PATH,
    CODE_FUNCTION_NAME,
    CODE_LINE_NUMBER,
    COMPONENT_KIND,
    COMPONENT_TYPE,
    CRASH_CATEGORY,
    CRASH_ESCAPED,
    ERROR_TYPE,
    EVENT_NAME,
    EXCEPTION_MESSAGE,
    EXCEPTION_STACKTRACE,
    EXIT_BOOT_FAILURES,
    EXIT_CODE,
    EXIT_INTERRUPTED,
    EXIT_INTERRUPTED_TRACES,
    EXIT_OBSERVED_BY,
    EXIT_OBSERVER_PID,
    EXIT_REASON,
    EXIT_SIGNAL,
    FINDING_CONFIDENCE,
    FINDING_COUNT,
    FINDING_DURATION,
    FINDING_EVIDENCE,
    FINDING_NAME,
    FINDING_REMEDY,
    FINDING_RULE,
    FINDING_SEVERITY,
    FINDING_SHARE,
    LOG_RECORD_UID,
    OPERATION,
    PHASE,
    PROCESS_CREATION_TIME,
    PROCESS_PARENT_PID,
    PROCESS_PID,
    REQUEST_CONNECT_COUNT,
    REQUEST_INIT_COUNT,
    REQUEST_INIT_DURATION,
    REQUEST_NAME,
    REQUEST_SPENT,
    SERVICE_ATTRIBUTES,
    START_TYPE,
    WORKER_SERVER,
    Requirement,
)

Severity = Literal["DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


class Event(Record, frozen=True):
    """An event of its own, not on a span: its name, severities, attributes and when it appears."""

    name: str
    severities: tuple[Severity, ...]
    when: str
    attributes: tuple[tuple[str, Requirement], ...]


CRASH_EVENT: Final = Event(
    "autogen.crash",
    ("ERROR",),
    "an exception that ended an init, a run, a request, an import, a lifespan, a thread or the process; in the "
    "context of the span it happened in",
    (
        (CRASH_CATEGORY, "always"),
        (ERROR_TYPE, "always"),
        (PHASE, "always"),
        (CRASH_ESCAPED, "always"),
        (OPERATION, "when known"),
        (EXCEPTION_MESSAGE, "when known"),
        (EXCEPTION_STACKTRACE, "when known"),
        (CODE_FILE_PATH, "when known"),
        (CODE_LINE_NUMBER, "when known"),
        (CODE_FUNCTION_NAME, "when known"),
        (FINDING_RULE, "when known"),
        (FINDING_REMEDY, "when known"),
        (PROCESS_PID, "always"),
        (PROCESS_PARENT_PID, "always"),
        (WORKER_SERVER, "always"),
        (EVENT_NAME, "when known"),
    ),
)
PROCESS_EXIT_EVENT: Final = Event(
    "autogen.process.exit",
    ("ERROR", "FATAL", "DEBUG"),
    "a process is gone, told by one that is not: `process.*`, `service.*` and `autogen.worker.server` are the dead "
    "one's. FATAL: the third or a later process of one supervisor within 5 minutes that ended before it could serve. "
    "DEBUG, and only where the logger `autogen_vitals` is enabled for that: an end that is no crash. In the context of "
    "a span that was open, which is never exported itself; the timestamp is the end, as far as it is known",
    (
        (LOG_RECORD_UID, "always"),
        (EXIT_REASON, "always"),
        (EXIT_OBSERVED_BY, "always"),
        (EXIT_OBSERVER_PID, "always"),
        (EXIT_SIGNAL, "when known"),
        (EXIT_CODE, "when known"),
        (PHASE, "always"),
        (OPERATION, "when known"),
        (EXIT_INTERRUPTED, "always"),
        (EXIT_INTERRUPTED_TRACES, "when known"),
        (EXIT_BOOT_FAILURES, "when known"),
        (ERROR_TYPE, "when known"),
        (CRASH_CATEGORY, "when known"),
        (EXCEPTION_STACKTRACE, "when known"),
        (FINDING_RULE, "when known"),
        (FINDING_REMEDY, "when known"),
        (PROCESS_PID, "always"),
        (PROCESS_PARENT_PID, "always"),
        (PROCESS_CREATION_TIME, "when known"),
        (WORKER_SERVER, "always"),
        *((name, "when known") for name in SERVICE_ATTRIBUTES),
        (EVENT_NAME, "when known"),
    ),
)

FINDING_EVENT: Final = Event(
    "autogen.finding",
    ("INFO", "WARN", "ERROR", "FATAL"),
    "a rule of the catalogue has fired, for the first time about this line in this process; each time is counted in "
    "`autogen.findings`. In the context of the span that it concerns",
    (
        (FINDING_RULE, "always"),
        (FINDING_NAME, "always"),
        (FINDING_SEVERITY, "always"),
        (FINDING_CONFIDENCE, "always"),
        (FINDING_EVIDENCE, "always"),
        (FINDING_REMEDY, "always"),
        (FINDING_COUNT, "when known"),
        (FINDING_DURATION, "when known"),
        (FINDING_SHARE, "when known"),
        (CODE_FILE_PATH, "when known"),
        (CODE_LINE_NUMBER, "when known"),
        (CODE_FUNCTION_NAME, "when known"),
        (COMPONENT_KIND, "when known"),
        (COMPONENT_TYPE, "when known"),
        (OPERATION, "when known"),
        (PHASE, "when known"),
        (PROCESS_PID, "always"),
        (PROCESS_PARENT_PID, "always"),
        (WORKER_SERVER, "always"),
        (EVENT_NAME, "when known"),
    ),
)

REQUEST_EVENT: Final = Event(
    "autogen.request",
    ("DEBUG",),
    "a request that used AutoGen is over. Only under `autogen-vitals run`, and where the logger `autogen_vitals` is "
    "enabled for DEBUG. In the context of its own span, else of its last outermost run; the timestamp is its beginning",
    (
        (REQUEST_NAME, "when known"),
        (START_TYPE, "always"),
        (REQUEST_SPENT, "always"),
        (REQUEST_INIT_COUNT, "always"),
        (REQUEST_INIT_DURATION, "always"),
        (REQUEST_CONNECT_COUNT, "always"),
        (ERROR_TYPE, "on error"),
        (PROCESS_PID, "always"),
        (PROCESS_PARENT_PID, "always"),
        (WORKER_SERVER, "always"),
        (EVENT_NAME, "when known"),
    ),
)

EVENTS: Final[tuple[Event, ...]] = (CRASH_EVENT, PROCESS_EXIT_EVENT, FINDING_EVENT, REQUEST_EVENT)
