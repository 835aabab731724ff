"""Crashes and ends of processes as events: log records with an event name."""

from __future__ import annotations

import inspect
import signal
import sys
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from opentelemetry import _logs, trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, SpanContext, TraceFlags

from autogen_vitals import semconv
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.crashes.reports import Crash, Flight, ProcessExit
from autogen_vitals.findings.catalogue import rule_of_crash, rule_of_exit
from autogen_vitals.findings.finding import Finding
from autogen_vitals.lifecycle.process import CreationTime, current as process
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.telemetry.places import site_attributes
from autogen_vitals.telemetry.startup import process_attributes
from autogen_vitals.version import __version__
from autogen_vitals.vocabulary import Severity

_CRASH_LOOP = 3
_TRACE_LIMIT = 24
_PATH_LIMIT = 200
# Numbers, and what has many digits in it: UUIDs, hashes, tokens.
_ID = r"\d+|(?=(?:[^/]*\d){4})[\w.~%-]{8,}|[\w.~%-]{33,}"

_NUMBERS: Mapping[semconv.Severity, SeverityNumber] = {
    "DEBUG": SeverityNumber.DEBUG,
    "INFO": SeverityNumber.INFO,
    "WARN": SeverityNumber.WARN,
    "ERROR": SeverityNumber.ERROR,
    "FATAL": SeverityNumber.FATAL,
}


_SEVERITIES: Mapping[Severity, semconv.Severity] = {
    "info": "INFO",
    "warning": "WARN",
    "error": "ERROR",
    "critical": "FATAL",
}


class Events:
    """Emits events, through whatever logs pipeline the app has at that time; without one, nothing.

    Args:
        provider: answers the logger provider of now: the app may set it after us.
        expect: is called before the event of a crashed process goes out, with the provider it goes through.
    """

    def __init__(self, provider: Callable[[], Any], expect: Callable[[Any], object]) -> None:
        self._provider = provider
        self._expect = expect

    def crashed(self, crash: Crash) -> None:
        """Tell of it, in the context of the span it happened in, else of the current one."""
        provider = self._provider()
        logger = _open_logger(provider, "ERROR")
        if logger is not None:
            span = crash.span or trace.get_current_span()
            context = span.get_span_context()
            _emit(logger, semconv.CRASH_EVENT, "ERROR", crash.wall_ns, context, crash_attributes(crash))

    def found(self, finding: Finding) -> bool:
        """Tell of it, in the context of the span it concerns, of another process's too, else of the current one;
        whether there is somebody."""
        severity = _SEVERITIES[finding.severity]
        logger = _open_logger(self._provider(), severity)
        if logger is None:
            return False
        if finding.interrupted is not None:
            context = _context_of([finding.interrupted])
        else:
            context = (finding.span or trace.get_current_span()).get_span_context()
        _emit(logger, semconv.FINDING_EVENT, severity, finding.wall_ns, context, finding_attributes(finding))
        return True

    def exited(self, exit: ProcessExit) -> None:
        """Tell of it, in the context of what was going on."""
        severity = exit_severity(exit)
        provider = self._provider()
        logger = _open_logger(provider, severity)
        if logger is None:
            return
        if severity != "DEBUG":
            self._expect(provider)
        context = _context_of(_most_telling(exit.flights))
        _emit(logger, semconv.PROCESS_EXIT_EVENT, severity, exit.ended_ns, context, exit_attributes(exit))

    def served(self, request: Request) -> None:
        """Tell of a request that is over, in the context of its span, else of its last outermost run's."""
        logger = _open_logger(self._provider(), "DEBUG")
        if logger is None:
            return
        span = request.span or request.run_span
        context = INVALID_SPAN_CONTEXT if span is None else span.get_span_context()
        began_ns = time.time_ns() - (time.perf_counter_ns() - request.clock_ns)
        _emit(logger, semconv.REQUEST_EVENT, "DEBUG", began_ns, context, request_event_attributes(request))


def request_event_attributes(request: Request) -> dict[str, Any]:
    """What the event says."""
    method, path = request.asked
    name = request.name or (f"{method} {route_of(path)}" if method else path)
    return {
        semconv.START_TYPE: request.start_type,
        semconv.REQUEST_SPENT: request.duration_ns / 1e9,
        semconv.REQUEST_INIT_COUNT: request.init_count,
        semconv.REQUEST_INIT_DURATION: request.init_ns / 1e9,
        semconv.REQUEST_CONNECT_COUNT: request.connect_count,
        **process_attributes(),
        semconv.WORKER_SERVER: process.facts.server,
        **_known({semconv.REQUEST_NAME: name, semconv.ERROR_TYPE: request.error}),
    }


def route_of(path: str) -> str:
    """A path with what looks like an id replaced: ``/chats/{id}/messages``. What stands for the route, which only the
    framework knows."""
    return "/".join(
        "{id}" if compiled(_ID).fullmatch(segment) else segment for segment in path[:_PATH_LIMIT].split("/")
    )


def exit_severity(exit: ProcessExit) -> semconv.Severity:
    """FATAL for a crash loop, which a supervisor does not get out of by itself."""
    if exit.boot_failures >= _CRASH_LOOP:
        return "FATAL"
    return "ERROR" if exit.is_crash else "DEBUG"


def finding_attributes(finding: Finding) -> dict[str, Any]:
    """What the event says."""
    return {
        semconv.FINDING_RULE: finding.rule,
        semconv.FINDING_NAME: finding.name,
        semconv.FINDING_SEVERITY: finding.severity,
        semconv.FINDING_CONFIDENCE: finding.confidence,
        semconv.FINDING_EVIDENCE: finding.evidence,
        semconv.FINDING_REMEDY: finding.remedy,
        **process_attributes(),
        semconv.WORKER_SERVER: process.facts.server,
        **({} if finding.site is None else site_attributes(finding.site)),
        **({} if finding.share is None else {semconv.FINDING_SHARE: finding.share}),
        **_known(
            {
                semconv.FINDING_COUNT: finding.count,
                semconv.FINDING_DURATION: finding.seconds,
                semconv.COMPONENT_KIND: finding.kind,
                semconv.COMPONENT_TYPE: finding.type,
                semconv.OPERATION: finding.operation,
                semconv.PHASE: finding.phase,
            }
        ),
    }


def crash_attributes(crash: Crash) -> dict[str, Any]:
    """What the event says."""
    rule = rule_of_crash(crash)
    return {
        semconv.CRASH_CATEGORY: crash.category,
        semconv.ERROR_TYPE: crash.error_type,
        semconv.PHASE: crash.phase,
        semconv.CRASH_ESCAPED: crash.escaped,
        **process_attributes(),
        semconv.WORKER_SERVER: process.facts.server,
        **({} if crash.site is None else site_attributes(crash.site)),
        **({} if rule is None else {semconv.FINDING_RULE: rule.id, semconv.FINDING_REMEDY: rule.remedy}),
        **_known(
            {
                semconv.OPERATION: crash.operation,
                semconv.EXCEPTION_MESSAGE: crash.message,
                semconv.EXCEPTION_STACKTRACE: crash.stacktrace,
            }
        ),
    }


def exit_attributes(exit: ProcessExit) -> dict[str, Any]:
    """What the event says. The process and the service are the dead one's, as the conventions want it of whoever
    reports in place of another."""
    victim, flights = exit.victim, _most_telling(exit.flights)
    attributes: dict[str, Any] = {
        **{name: victim.service[name] for name in semconv.SERVICE_ATTRIBUTES if name in victim.service},
        semconv.LOG_RECORD_UID: victim.uid,
        semconv.PROCESS_PID: victim.pid,
        semconv.PROCESS_PARENT_PID: victim.parent_pid,
        semconv.WORKER_SERVER: victim.server,
        semconv.EXIT_REASON: exit.reason,
        semconv.EXIT_OBSERVED_BY: exit.observed_by,
        semconv.EXIT_OBSERVER_PID: process.facts.pid,
        semconv.EXIT_INTERRUPTED: len(flights),
        semconv.PHASE: exit.phase,
        **_known(
            {
                semconv.OPERATION: flights[0].operation if flights else "",
                semconv.EXIT_INTERRUPTED_TRACES: _traces(flights),
                semconv.EXIT_BOOT_FAILURES: exit.boot_failures,
                semconv.ERROR_TYPE: exit.error_type,
                semconv.CRASH_CATEGORY: exit.category,
                semconv.EXCEPTION_STACKTRACE: exit.stack,
            }
        ),
    }
    rule = rule_of_exit(exit)
    if rule is not None:
        attributes |= {semconv.FINDING_RULE: rule.id, semconv.FINDING_REMEDY: rule.remedy}
    # Of a worker that has left no record, that is not known.
    if victim.created_ns:
        attributes[semconv.PROCESS_CREATION_TIME] = CreationTime(0, victim.created_ns, exact=True).isoformat()
    if exit.signal is not None:
        attributes[semconv.EXIT_SIGNAL] = _signal_name(exit.signal)
    # 0 is worth telling: a server that stops without being asked to is a crash all the same.
    if exit.code is not None:
        attributes[semconv.EXIT_CODE] = exit.code
    return attributes


def _known(attributes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if value}


def _most_telling(flights: tuple[Flight, ...]) -> list[Flight]:
    # What the end came out of, then what it met; each in the order in which they began.
    return sorted(flights, key=lambda flight: not flight.interrupted)


def _traces(flights: list[Flight]) -> tuple[str, ...]:
    ids = dict.fromkeys(trace.format_trace_id(flight.trace_id) for flight in flights if flight.trace_id)
    return tuple(ids)[:_TRACE_LIMIT]


def _context_of(flights: list[Flight]) -> SpanContext:
    """Of a span that was open, which is lost itself: the event is what its trace has to show."""
    for flight in flights:
        if flight.trace_id and flight.span_id:
            return SpanContext(flight.trace_id, flight.span_id, is_remote=True, trace_flags=_SAMPLED)
    return INVALID_SPAN_CONTEXT


_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        # A real-time signal.
        return f"signal {number}"


# --- OpenTelemetry's logs, whose interface has moved --------------------------------------------------------------


def _open_logger(provider: Any, severity: semconv.Severity) -> Any:
    """A logger of ours, or ``None`` where nobody would get what it emits."""
    logger: Any = provider.get_logger(semconv.SCOPE, __version__, schema_url=semconv.SCHEMA_URL)
    # That of an SDK that is switched off, and the API's stand-in, before the app has set a provider.
    if isinstance(logger, _logs.NoOpLogger) or type(logger).__name__ == "ProxyLogger":
        return None
    # The app may have switched off loggers by name. Loggers of older SDKs (1.39 among them) do not tell.
    is_enabled = getattr(logger, "enabled", None)
    if is_enabled is not None and not is_enabled(severity_number=_NUMBERS[severity]):
        return None
    return logger


def _emit(
    logger: Any,
    event: semconv.Event,
    severity: semconv.Severity,
    wall_ns: int,
    context: SpanContext,
    attributes: dict[str, Any],
) -> None:
    arguments: dict[str, Any] = {
        "timestamp": wall_ns,
        "observed_timestamp": time.time_ns(),
        # Never an empty one, which would mean the current context.
        "context": trace.set_span_in_context(NonRecordingSpan(context), Context()),
        "severity_number": _NUMBERS[severity],
        "severity_text": severity,
        "attributes": attributes,
        "event_name": event.name,
    }
    if "event_name" in _parameters(type(logger).emit):
        logger.emit(**arguments)
    else:
        logger.emit(_record(logger, context, arguments))


def _record(logger: Any, context: SpanContext, arguments: dict[str, Any]) -> Any:
    """For a logger that takes records only: those of the SDK before 1.37, and wrappers around them."""
    record_class = getattr(sys.modules.get("opentelemetry.sdk._logs"), "LogRecord", _logs.LogRecord)
    accepted = _parameters(record_class.__init__)
    if "event_name" not in accepted:
        arguments["attributes"][semconv.EVENT_NAME] = arguments["event_name"]
    arguments["resource"] = getattr(logger, "resource", None)
    if "context" not in accepted:
        arguments |= {"trace_id": context.trace_id, "span_id": context.span_id, "trace_flags": context.trace_flags}
    return record_class(**{name: value for name, value in arguments.items() if name in accepted})


@lru_cache(maxsize=8)
def _parameters(function: Any) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)
