"""What the demo has to tell about crashes, computed from the events that arrived."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autogen_vitals import semconv
from autogen_vitals.local.receiver import ReceivedLog, ReceivedSpan
from autogen_vitals.semconv import attributes as names
from autogen_vitals.vocabulary import Observer


@dataclass(frozen=True)
class Failure:
    """An exception that got out.

    Attributes:
        pid: of the process in which it did.
        phase, operation: when in its life, and doing what; the operation is empty where it is not known.
        category, error_type: what it means, and its class.
        says: what may be told of its message; empty for nothing.
        escaped: what it ended.
        trace_id: of the trace that it is in; empty for none.
        route: of the request in that trace; empty where none has arrived.
    """

    pid: int
    phase: str
    operation: str
    category: str
    error_type: str
    says: str
    escaped: str
    trace_id: str
    route: str


@dataclass(frozen=True)
class Death:
    """A process that is gone.

    Attributes:
        pid, parent_pid: who it was, and whose child.
        phase, operation: when in its life, and doing what; the operation is empty where it is not known.
        reason: how it ended.
        signal, code: that ended it, or that it ended with; empty and ``None`` where nobody saw that.
        observed_by, observer_pid: who tells of it.
        boot_failures: how many of its parent's children had not come to serve by then, itself included; 0: it did.
        is_loop: they were too many.
        failure: what had ended it, where that was an exception of which it has told itself.
        trace_id: of what it was doing; empty for none.
    """

    pid: int
    parent_pid: int
    phase: str
    operation: str
    reason: str
    signal: str
    code: int | None
    observed_by: Observer
    observer_pid: int
    boot_failures: int
    is_loop: bool
    failure: Failure | None
    trace_id: str


@dataclass(frozen=True)
class Crashes:
    """All that crashed, each group in order of time.

    Attributes:
        unborn: processes that died before they could serve.
        stillborn: exceptions for which one could not come to serve, of whose end nobody has told.
        dead: other processes that died.
        failures: exceptions that no process died of.
    """

    unborn: tuple[Death, ...]
    stillborn: tuple[Failure, ...]
    dead: tuple[Death, ...]
    failures: tuple[Failure, ...]


_BOOT = ("import", "lifespan")
_FATAL = (*_BOOT, "process")


def compute_crashes(logs: Iterable[ReceivedLog], spans: Iterable[ReceivedSpan]) -> Crashes:
    """The crashes of all processes that these events tell of; ``spans`` say which requests they were."""
    logs = sorted(logs, key=lambda log: log.time_ns)
    routes = {span.trace_id: str(span.attributes.get("http.route", "")) for span in spans if span.kind == "SERVER"}
    failures = [_failure(log, routes) for log in logs if log.event_name == semconv.CRASH_EVENT.name]
    fatal = {failure.pid: failure for failure in failures if failure.escaped in _FATAL}
    # The end of a process may be told again, where it was not certain that it had been heard.
    exits = {
        log.attributes[names.LOG_RECORD_UID]: log for log in logs if log.event_name == semconv.PROCESS_EXIT_EVENT.name
    }
    deaths = [_death(log, fatal) for log in exits.values()]
    ended = {id(death.failure) for death in deaths}
    others = [failure for failure in failures if id(failure) not in ended]
    return Crashes(
        unborn=tuple(death for death in deaths if death.boot_failures),
        stillborn=tuple(failure for failure in others if failure.escaped in _BOOT),
        dead=tuple(death for death in deaths if not death.boot_failures),
        failures=tuple(failure for failure in others if failure.escaped not in _BOOT),
    )


def _failure(log: ReceivedLog, routes: Mapping[str, str]) -> Failure:
    told = log.attributes
    return Failure(
        pid=told[names.PROCESS_PID],
        phase=told[names.PHASE],
        operation=told.get(names.OPERATION, ""),
        category=told[names.CRASH_CATEGORY],
        error_type=told[names.ERROR_TYPE],
        says=told.get(names.EXCEPTION_MESSAGE, ""),
        escaped=told[names.CRASH_ESCAPED],
        trace_id=log.trace_id,
        route=routes.get(log.trace_id, ""),
    )


def _death(log: ReceivedLog, fatal: Mapping[int, Failure]) -> Death:
    told = log.attributes
    pid, signal = told[names.PROCESS_PID], told.get(names.EXIT_SIGNAL, "")
    failure = None if signal else fatal.get(pid)
    # The exception was told where it was raised; the end of the process, when what it had been doing was over.
    has_place = failure is not None and names.OPERATION not in told
    return Death(
        pid=pid,
        parent_pid=told[names.PROCESS_PARENT_PID],
        phase=failure.phase if failure and has_place else told[names.PHASE],
        operation=failure.operation if failure and has_place else told.get(names.OPERATION, ""),
        reason=told[names.EXIT_REASON],
        signal=signal,
        code=told.get(names.EXIT_CODE),
        observed_by=told[names.EXIT_OBSERVED_BY],
        observer_pid=told[names.EXIT_OBSERVER_PID],
        boot_failures=told.get(names.EXIT_BOOT_FAILURES, 0),
        is_loop=log.severity == "FATAL",
        failure=failure,
        trace_id=log.trace_id,
    )
