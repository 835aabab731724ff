"""What crashed, and how processes ended, from the events that tell of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from autogen_vitals import semconv
from autogen_vitals.local.otlp import Attributes, ReceivedLog
from autogen_vitals.local.report.model import Crashes, Death, Failure, Site, StartFailures
from autogen_vitals.local.report.telemetry import Telemetry, number, text, whole
from autogen_vitals.vocabulary import NOT_CRASHES

BOOT = ("import", "lifespan")
"""What an exception ends when a process does not come to serve."""

_FATAL = (*BOOT, "process")


def crashes_of(telemetry: Telemetry) -> Crashes:
    """The crashes that were told of."""
    return crashes_in(
        telemetry.events(semconv.CRASH_EVENT),
        telemetry.events(semconv.PROCESS_EXIT_EVENT),
        telemetry.request_of_trace,
        telemetry.site,
        telemetry.run.started_ns,
    )


def crashes_in(
    crash_events: Sequence[ReceivedLog],
    exit_events: Sequence[ReceivedLog],
    request_of_trace: Callable[[str], str],
    site_of: Callable[[Attributes], Site | None],
    began_ns: int = 0,
) -> Crashes:
    """The crashes that these events tell of, which are in order of time.

    Args:
        crash_events, exit_events: ``autogen.crash``, and ``autogen.process.exit``.
        request_of_trace: the name of the request that a trace is of; empty for none.
        site_of: the line that the attributes of an event name.
        began_ns: when the run began; processes that had ended by then are none of its own.
    """
    failures = [_failure(log, request_of_trace(log.trace_id), site_of(log.attributes)) for log in crash_events]
    fatal = {failure.pid: failure for failure in failures if failure.escaped in _FATAL}
    # The end of a process may be told again, where it was not certain that it had been heard.
    exits = {text(log.attributes, semconv.LOG_RECORD_UID) or str(index): log for index, log in enumerate(exit_events)}
    all_deaths = [_death(log, fatal) for log in exits.values() if not _is_as_it_should(log)]
    deaths = [death for death in all_deaths if not 0 < death.when_ns < began_ns]
    ends = Counter(text(log.attributes, semconv.EXIT_REASON) for log in exits.values() if _is_as_it_should(log))
    ended = {id(death.failure) for death in deaths}
    others = [failure for failure in failures if id(failure) not in ended]
    return Crashes(
        start_failures=_by_parent([death for death in deaths if death.boot_failures]),
        stillborn=tuple(failure for failure in others if failure.escaped in BOOT),
        dead=tuple(death for death in deaths if not death.boot_failures),
        failures=tuple(failure for failure in others if failure.escaped not in BOOT),
        earlier=tuple(death for death in all_deaths if 0 < death.when_ns < began_ns),
        ends=dict(sorted(ends.items())),
    )


def _is_as_it_should(log: ReceivedLog) -> bool:
    return text(log.attributes, semconv.EXIT_REASON) in NOT_CRASHES


def _by_parent(deaths: Sequence[Death]) -> tuple[StartFailures, ...]:
    by_parent: dict[int, list[Death]] = defaultdict(list)
    for death in deaths:
        by_parent[death.parent_pid].append(death)
    return tuple(
        StartFailures(
            parent_pid=parent,
            # Its supervisor has counted those too of which nothing arrived.
            count=max(len(of_it), *(death.boot_failures for death in of_it)),
            is_loop=any(death.is_loop for death in of_it),
            deaths=tuple(of_it),
        )
        for parent, of_it in by_parent.items()
    )


def _failure(log: ReceivedLog, request: str, site: Site | None) -> Failure:
    told = log.attributes
    return Failure(
        pid=whole(told, semconv.PROCESS_PID),
        when_ns=log.time_ns or log.observed_ns,
        phase=text(told, semconv.PHASE),
        operation=text(told, semconv.OPERATION),
        category=text(told, semconv.CRASH_CATEGORY),
        error_type=text(told, semconv.ERROR_TYPE),
        says=text(told, semconv.EXCEPTION_MESSAGE),
        escaped=text(told, semconv.CRASH_ESCAPED),
        request=request,
        site=site,
        trace_id=log.trace_id,
        rule=text(told, semconv.FINDING_RULE),
        remedy=text(told, semconv.FINDING_REMEDY),
    )


def _death(log: ReceivedLog, fatal: Mapping[int, Failure]) -> Death:
    told = log.attributes
    pid, signal = whole(told, semconv.PROCESS_PID), text(told, semconv.EXIT_SIGNAL)
    boot_failures = whole(told, semconv.EXIT_BOOT_FAILURES)
    # What a process had survived is not why it was killed; but a supervisor may kill what has failed to start.
    failure = None if signal and not boot_failures else fatal.get(pid)
    # The exception was told where it was raised; the end of the process, when what it had been doing was over.
    has_place = failure is not None and semconv.OPERATION not in told
    code = number(told, semconv.EXIT_CODE)
    traces = told.get(semconv.EXIT_INTERRUPTED_TRACES)
    return Death(
        pid=pid,
        parent_pid=whole(told, semconv.PROCESS_PARENT_PID),
        server=text(told, semconv.WORKER_SERVER),
        when_ns=log.time_ns or log.observed_ns,
        phase=failure.phase if failure and has_place else text(told, semconv.PHASE),
        operation=failure.operation if failure and has_place else text(told, semconv.OPERATION),
        reason=text(told, semconv.EXIT_REASON) or "unknown",
        signal=signal,
        code=None if code is None else int(code),
        category=text(told, semconv.CRASH_CATEGORY) or (failure.category if failure else ""),
        error_type=text(told, semconv.ERROR_TYPE) or (failure.error_type if failure else ""),
        observed_by=text(told, semconv.EXIT_OBSERVED_BY),
        observer_pid=whole(told, semconv.EXIT_OBSERVER_PID),
        interrupted=whole(told, semconv.EXIT_INTERRUPTED),
        trace_ids=_traces(log.trace_id, traces),
        boot_failures=boot_failures,
        is_loop=log.severity.startswith("FATAL"),
        failure=failure,
        rule=text(told, semconv.FINDING_RULE),
        remedy=text(told, semconv.FINDING_REMEDY),
    )


def _traces(own: str, interrupted: object) -> tuple[str, ...]:
    others = [str(trace) for trace in interrupted] if isinstance(interrupted, tuple) else []
    return tuple(dict.fromkeys(trace for trace in (own, *others) if trace))
