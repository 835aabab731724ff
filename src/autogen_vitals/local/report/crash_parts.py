"""The parts of a report that are about crashes and ends of processes; units are those of ``parts``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autogen_vitals.local.report.parts import Site


@dataclass(frozen=True)
class Failure:
    """An exception that got out.

    Attributes:
        pid: of the process in which it did.
        when_ns: when.
        phase, operation: when in its life, and doing what; the operation is empty where it is not known.
        category, error_type: what it means, and its class.
        says: what may be told of its message; empty for nothing.
        escaped: what it ended: ``request``, ``run``, ``import``, ….
        request: the name of the request that it ended; empty where there is none.
        site: where it came from.
        trace_id: of the trace that it is in; empty for none.
        rule, remedy: the rule it falls under, and what to change; empty for none.
    """

    pid: int
    when_ns: int
    phase: str
    operation: str
    category: str
    error_type: str
    says: str
    escaped: str
    request: str
    site: Site | None
    trace_id: str
    rule: str
    remedy: str


@dataclass(frozen=True)
class Death:
    """A process that is gone.

    Attributes:
        pid, parent_pid: who it was, and whose child.
        server: ``uvicorn``, ``gunicorn``, …
        when_ns: when it ended, as far as that is known.
        phase, operation: when in its life, and doing what; the operation is empty where it is not known.
        reason: how it ended; a key of ``vocabulary.EXIT_REASONS``.
        signal, code: that ended it, or that it ended with; empty and ``None`` where nobody saw that.
        category, error_type: of its last exception; empty for none.
        observed_by, observer_pid: who tells of it.
        interrupted: how many requests, inits and imports were going on.
        trace_ids: of what was going on.
        boot_failures: how many of its parent's children had not come to serve by then, itself included; 0: it did.
        is_loop: they were too many.
        failure: what had ended it, where that was an exception of which it has told itself.
        rule, remedy: the rule it falls under, and what to change; empty for none.
    """

    pid: int
    parent_pid: int
    server: str
    when_ns: int
    phase: str
    operation: str
    reason: str
    signal: str
    code: int | None
    category: str
    error_type: str
    observed_by: str
    observer_pid: int
    interrupted: int
    trace_ids: tuple[str, ...]
    boot_failures: int
    is_loop: bool
    failure: Failure | None
    rule: str
    remedy: str


@dataclass(frozen=True)
class StartFailures:
    """Processes of one parent that ended before they could serve, told once.

    Attributes:
        parent_pid: whose children; 0 where it was not told.
        count: how many.
        is_loop: they were three or more within 5 minutes: a crash loop.
        deaths: each of them, in order of time; the last one stands for all.
    """

    parent_pid: int
    count: int
    is_loop: bool
    deaths: tuple[Death, ...]


@dataclass(frozen=True)
class Crashes:
    """All that crashed, each group in order of time.

    Attributes:
        start_failures: processes that died before they could serve, by parent.
        stillborn: exceptions for which a process could not come to serve, of whose end nobody has told.
        dead: other processes that died.
        failures: exceptions that no process died of.
        earlier: processes that had died before the run began, of which one of its processes has told: no concern of
            its verdict.
        ends: how many processes ended as they should, by reason: ``clean``, ``drained``, ``recycled``.
    """

    start_failures: tuple[StartFailures, ...]
    stillborn: tuple[Failure, ...]
    dead: tuple[Death, ...]
    failures: tuple[Failure, ...]
    earlier: tuple[Death, ...]
    ends: Mapping[str, int]
