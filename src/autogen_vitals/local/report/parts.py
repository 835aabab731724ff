"""The parts of a report that are about how long things took, and about who did them.

Milliseconds are floats, ``_ns`` are nanoseconds since the epoch. ``None`` is what nobody told; an empty string is where
there is nothing to name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autogen_vitals.vocabulary import StartupStage


@dataclass(frozen=True)
class Site:
    """A line of the user's.

    Attributes:
        file: relative to the run's directory where it is below that, else as it was told.
        line: its number; 0 where it was not told.
        function: that it is in; empty where it was not told.
    """

    file: str
    line: int
    function: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True)
class Import:
    """An import of a start: ``ms`` with what it imported in turn, ``self_ms`` without."""

    name: str
    ms: float
    self_ms: float


@dataclass(frozen=True)
class ColdStart:
    """The cold start of one process; the stages of each group are in the order in which they are told.

    Attributes:
        pid, parent_pid: who, and whose child; 0 where that was not told.
        server: ``uvicorn``, ``gunicorn``, …; empty where it was not told.
        reason: why it was started; a key of ``vocabulary.START_REASONS``, or empty.
        started_ns: its creation.
        until_ready: milliseconds of each stage before the process was ready. Imports and garbage collections are all
            here, those of the first request too: the telemetry does not tell them apart.
        in_request: milliseconds of each stage of the first request.
        idle_ms: between the two, in neither.
        total_ms: all stages.
        ready_ms: those of ``until_ready``.
        first_request_ms: the first request, as far as it is of the cold start; ``None`` where there was none.
        first_token_ms: cold start until the model's first token, or first whole reply.
        warm_up_ms: what ``autogen_vitals.warm_up`` took; ``None`` where it was not called.
        served: whether it came to serve a request that used AutoGen.
        exact: whether the time of its creation is known; else it begins with the import of this package.
        imports: the slowest, by what none of the others has, slowest first.
    """

    pid: int
    parent_pid: int
    server: str
    reason: str
    started_ns: int
    until_ready: Mapping[StartupStage, float]
    in_request: Mapping[StartupStage, float]
    idle_ms: float
    total_ms: float
    ready_ms: float
    first_request_ms: float | None
    first_token_ms: float | None
    warm_up_ms: float | None
    served: bool
    exact: bool
    imports: tuple[Import, ...]


@dataclass(frozen=True)
class InitSite:
    """A line that builds something: ``spans`` of its inits have a span, which last ``ms`` together."""

    site: Site
    spans: int
    ms: float


@dataclass(frozen=True)
class Init:
    """The inits of one class and stage, of all processes together.

    Attributes:
        component, kind: class name, and what it is: ``agent``, ``model_client``, ….
        stage: ``construct``, ``start``, ``restore`` or ``warm_up``.
        count: how many, by the metrics: cheap repeats have no span.
        first_ms: mean of the first of each process; ``None`` where none has a span.
        later_ms: mean of the others; ``None`` where there are none, or where the first is not known.
        total_ms: of all.
        reinits: how many of them built again what the same line had built already in that process.
        reinit_ms: what these took; where one is inside another, both count.
        errors: how many failed.
        pids: of the processes that made them, as far as known.
        sites: the lines, costliest first: of those that have a span.
    """

    component: str
    kind: str
    stage: str
    count: int
    first_ms: float | None
    later_ms: float | None
    total_ms: float
    reinits: int
    reinit_ms: float
    errors: int
    pids: tuple[int, ...]
    sites: tuple[InitSite, ...]


@dataclass(frozen=True)
class Latency:
    """How long requests took: of ``count`` of them, the 50th and 95th percentile and the slowest."""

    count: int
    p50_ms: float
    p95_ms: float
    max_ms: float


@dataclass(frozen=True)
class RequestGroup:
    """The requests of one name.

    Attributes:
        name: ``GET /prices``, a task's name, …; empty where it was not told.
        count: how many.
        starts: of each start type, how many: ``cold``, ``rebuild``, ``reconnect``, ``warm``.
        cold: how long the cold ones took; ``None`` where there are none.
        later: the others; ``None`` where there are none.
        inits: how many inits they made, cold ones left out; a mean for each request.
        init_ms: what these took, cold ones left out; a mean for each request.
        init_share: part of the time of those that are not cold; ``None`` where that is not known.
        connects: connections that they opened, all of them together.
        errors: how many of them failed.
        error_types: with what, and how many of each.
    """

    name: str
    count: int
    starts: Mapping[str, int]
    cold: Latency | None
    later: Latency | None
    inits: float
    init_ms: float
    init_share: float | None
    connects: int
    errors: int
    error_types: Mapping[str, int]


@dataclass(frozen=True)
class Connections:
    """Connections opened inside the operations of one kind of component.

    Attributes:
        kind: ``model_client``, ``tool``, …
        first_use: by the first call of each client class or tool in its process, or by a later one.
        count: how many.
        dns_tcp_ms, tls_ms: name look-up and TCP, and the TLS handshake; all of them together.
        errors: how many failed.
    """

    kind: str
    first_use: bool
    count: int
    dns_tcp_ms: float
    tls_ms: float
    errors: int


@dataclass(frozen=True)
class Retries:
    """What the model's SDK tried again: in ``calls`` calls of one operation ``count`` times, for ``ms`` in all.

    Attributes:
        category: what the last failed try failed with; empty where it was not told.
    """

    operation: str
    category: str
    calls: int
    count: int
    ms: float


@dataclass(frozen=True)
class WarmUp:
    """The first model call of a process: what only a first one does, lazy imports above all, took ``ms`` of it."""

    pid: int
    operation: str
    ms: float
    modules: int
    in_request: bool


@dataclass(frozen=True)
class LoopBlock:
    """A line that kept the event loop from everything else.

    Attributes:
        site: the line; ``None`` where it was not seen.
        operation: that ran on the loop; of several, the one that lost most.
        count: how often.
        total_ms, max_ms: for how long, in all and at worst.
        throttled_ms: for which the container had no CPU meanwhile.
        pids: of the processes where it was seen.
    """

    site: Site | None
    operation: str
    count: int
    total_ms: float
    max_ms: float
    throttled_ms: float
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Worker:
    """A process that told something.

    Attributes:
        pid, parent_pid: who, and whose child; 0 where it was not told.
        server: ``uvicorn``, ``gunicorn``, …; empty where it was not told.
        started_ns: its creation; 0 where that is not known.
        ended_ns: its end; 0 where nobody has told of it.
        uptime_ms: between the two, or until the last it told; ``None`` where its beginning is not known.
        requests: that used AutoGen and came to an end.
        errors: how many of them failed.
        end: how it ended; a key of ``vocabulary.EXIT_REASONS``, or empty.
    """

    pid: int
    parent_pid: int
    server: str
    started_ns: int
    ended_ns: int
    uptime_ms: float | None
    requests: int
    errors: int
    end: str
