"""What is reported: an exception that got out, and a process that is gone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from autogen_vitals.records import Record
from autogen_vitals.vocabulary import (
    NOT_CRASHES,
    Category,
    Escape,
    ExitReason,
    LifeState,
    Observer,
    Phase,
    ServerKind,
)


class Crash(Record, frozen=True):
    """An exception that ended a boot, an init, a run or a request.

    Attributes:
        error_type: its class name, or that of the participant's error that a team's stands for.
        category: what it means.
        phase: when in the life of the process.
        escaped: what it ended.
        operation: the name of that: ``invoke_agent writer``, ``init OpenAIChatCompletionClient``, ``import app``, or
            that of a task or a route, if that is known; else empty.
        message: what may be told of what it says; empty for nothing.
        stacktrace: files, lines and functions, the raising end last.
        wall_ns: when it was seen, nanoseconds since the epoch.
        span: the telemetry sink's own: what it happened in.
        site: the user's line in which it was raised, or that called what raised it: a ``Site``; ``None`` for none.
        error: the exception itself, of no use to whoever keeps this: it would keep all its frames alive.
    """

    error_type: str
    category: Category
    phase: Phase
    escaped: Escape
    operation: str
    message: str
    stacktrace: str
    wall_ns: int
    span: Any = None
    site: Any = None
    error: BaseException | None = field(default=None, repr=False, compare=False)


class Identity(Record, frozen=True):
    """Who a process is; written into its exit record.

    Attributes:
        uid: 32 hexadecimal digits of this record's own.
        pid, parent_pid: as in its own pid namespace.
        start_ticks, parent_start_ticks: when the kernel made them, clock ticks since boot; 0: unknown. With the pid,
            they tell a process from a later one of the same number.
        pid_namespace: name of that namespace; empty: unknown.
        created_ns: when it was created, nanoseconds since the epoch.
        server: what ran it.
        service: ``service.*`` attributes of its resource.
        versions: of AutoGen's packages and the model SDKs', by distribution.
    """

    uid: str
    pid: int
    parent_pid: int
    start_ticks: int
    parent_start_ticks: int
    pid_namespace: str
    created_ns: int
    server: ServerKind
    service: Mapping[str, str] = field(default_factory=dict[str, str])
    versions: Mapping[str, str] = field(default_factory=dict[str, str])


class Flight(Record, frozen=True):
    """Something that was going on: a request, with what it was at last, an init, or an import.

    Attributes:
        operation: a span's name, such as ``chat gpt-4o``, ``init McpWorkbench`` or ``import app``; empty for a request
            that was in none.
        phase: when in the life of the process.
        trace_id, span_id: of the span it has; 0: none.
        began_ns: since when, nanoseconds since the epoch.
        interrupted: the end of the process ended it, by ``SystemExit``.
    """

    operation: str
    phase: Phase
    trace_id: int
    span_id: int
    began_ns: int
    interrupted: bool = False


class LastWords(Record, frozen=True):
    """What the exit record of a process says of its life.

    Attributes:
        identity: who it was.
        state: how far it had come.
        heartbeat_ns: when it last wrote, nanoseconds since the epoch.
        flights: what was going on, what began first first. Empty for none.
        uses_autogen: it had imported AutoGen.
        supervises: it waits for children.
        error_type, category: of the last exception that got out; empty and ``None`` for none.
        fatal: that exception was about to end the process: a failed import of the app, a failed lifespan, an
            exception that nobody had caught.
        stack: of a native crash: files, lines and functions.
        stop_seen: it was sent a signal to stop, as its stack file shows.
        served: it has been ready, whatever its state is now.
    """

    identity: Identity
    state: LifeState
    heartbeat_ns: int
    flights: tuple[Flight, ...] = ()
    uses_autogen: bool = False
    supervises: bool = False
    error_type: str = ""
    category: Category | None = None
    fatal: bool = False
    stack: str = ""
    stop_seen: bool = False
    served: bool = False


class ProcessExit(Record, frozen=True):
    """A process is gone.

    Attributes:
        reason: how it ended.
        observed_by: who saw it.
        victim: who it was.
        phase: when in its life.
        ended_ns: when that was seen, or when the victim last gave a sign of life; nanoseconds since the epoch.
        flights: what was going on.
        signal, code: that ended it, or that it ended with, where that was seen.
        error_type, category: of its last exception; empty and ``None`` for none.
        boot_failures: how many processes of the same supervisor have ended before they could serve within 5 minutes,
            this one included; 0: it did serve.
        stack: of a native crash: files, lines and functions.
    """

    reason: ExitReason
    observed_by: Observer
    victim: Identity
    phase: Phase
    ended_ns: int
    flights: tuple[Flight, ...] = ()
    signal: int | None = None
    code: int | None = None
    error_type: str = ""
    category: Category | None = None
    boot_failures: int = 0
    stack: str = ""

    @property
    def is_crash(self) -> bool:
        """Whether it should not have ended."""
        return self.reason not in NOT_CRASHES
