"""Observation: one init or one run, while it lasts and when it is over. And the Sink that is told of it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from autogen_vitals.records import Record
from autogen_vitals.vocabulary import Category, ComponentKind, Operation, Phase, Stage

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash, ProcessExit
    from autogen_vitals.lifecycle.births import Birth
    from autogen_vitals.lifecycle.connects import Connect
    from autogen_vitals.lifecycle.loops import Block
    from autogen_vitals.lifecycle.requests import Request
    from autogen_vitals.lifecycle.sites import SiteTally
    from autogen_vitals.lifecycle.startup import StartupReport
    from autogen_vitals.lifecycle.uses import Misuse, Use


class Network(Record, eq=False):
    """What an observation spent on connections, and on trying again.

    Attributes:
        connect_count: connections opened.
        connects: when it was connecting, from and to, on the monotonic clock.
        retry_count: how often the model's SDK tried again.
        retry_ns: nanoseconds of tries that failed and of waiting before the next.
        retried_ns: when the last of these waits is over, on the monotonic clock.
        retry_category: what the last of these tries failed with, whether or not the next one succeeded.
    """

    connect_count: int = 0
    connects: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    retry_count: int = 0
    retry_ns: int = 0
    retried_ns: int = 0
    retry_category: Category | None = None

    @property
    def connect_ns(self) -> int:
        """Nanoseconds spent connecting."""
        return sum(end_ns - begin_ns for begin_ns, end_ns in self.connects)


class Observation(Record, eq=False):
    """One init or one run of one component.

    Attributes:
        kind, type: the component's kind and class name.
        operation: the kind of run; ``None`` for an init.
        stage: which init; ``None`` for a run.
        provider: ``gen_ai.provider.name`` of the component.
        component: the object itself, until the observation is over.
        pid: the process it began in.
        phase: where in that process's life.
        wall_ns: when it began, nanoseconds since the epoch.
        clock_ns: the same on the monotonic clock, from which its duration counts.
        duration_ns: set when it is over.
        parent: the observation it happened in.
        request: the request it belongs to.
        completed: a run inside it, the same operation seen once more, knew things about it that it did not.
        outermost: it is a run that is not inside another.
        owns_request: it is its own request, for there was none around it.
        inside_init: it happened inside an init.
        name_at: of an init: where its component keeps the name it gives itself, which only a span tells.
        facts: span attributes read from the component, the call and its result.
        tally, sequence: of an init: its site with what that site has built so far, and the how manieth this one is.
        known_slow: of an init: the last one of its site took long enough for a span.
        birth: of a run: where and when the component was built, if that was seen.
        use, misuse: of a run: how the component has been used, and what is wrong with this use of it.
        remembers: its component keeps what it is told, and can be made to forget it.
        folder: name of the folder that code is run in, where others may, too; ``None`` for one of its own.
        config: of an init: tells what it was built with from anything else; 0: not known.
        error, exception: class name of what it failed with, and the exception itself until the observation is over.
        category: what that means.
        error_recorded: an observation inside it has told of that exception already.
        nested_error: identity, class name and category of the last exception that ended an observation inside it.
        cached: its reply cost no tokens.
        first_item_ns: nanoseconds from its beginning to a stream's first item.
        nested_init_ns: nanoseconds of the inits directly inside it.
        first_use: the first of its kind in this process: of a client's class, of a tool.
        steps: of a first use of a model: when its code ran, from and to, on the monotonic clock.
        warm_up_ns, modules: nanoseconds of these without connecting, and how many modules were imported meanwhile.
        on_loop: a synchronous init or run on a running event loop.
        network: what it spent on connections; ``None`` while there were none.
        slot, owns_slot: the recorder's own: its place in the exit record, and whether that is its alone.
        span, quiet, told, entered: the telemetry sink's own: its span, whether it keeps silent about this one, how many
            of its facts are on that span, and what it was entered with last.
        reading: the watch's own: what is to be read off its result.
    """

    kind: ComponentKind
    type: str
    operation: Operation | None
    stage: Stage | None
    provider: str
    component: object
    pid: int
    phase: Phase
    wall_ns: int
    parent: Observation | None
    request: Request | None
    clock_ns: int = 0
    completed: bool = False
    outermost: bool = False
    owns_request: bool = False
    inside_init: bool = False
    name_at: tuple[str, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    tally: SiteTally | None = None
    sequence: int = 0
    known_slow: bool = False
    birth: Birth | None = None
    use: Use | None = None
    misuse: Misuse | None = None
    remembers: bool = False
    folder: str | None = None
    config: int = 0
    ended: bool = False
    duration_ns: int = 0
    error: str | None = None
    exception: BaseException | None = None
    category: Category | None = None
    error_recorded: bool = False
    nested_error: tuple[object, str, Category] | None = None
    cached: bool = False
    first_item_ns: int | None = None
    nested_init_ns: int = 0
    first_use: bool = False
    steps: list[tuple[int, int]] | None = None
    warm_up_ns: int = 0
    modules: int = 0
    on_loop: bool = False
    network: Network | None = None
    slot: int = -1
    owns_slot: bool = False
    span: Any = None
    quiet: bool = False
    told: int = 0
    entered: Any = None
    reading: Any = None

    @property
    def reinit(self) -> bool:
        """An init whose site had already built this class in this process."""
        return self.sequence > 1

    @property
    def subject(self) -> str | None:
        """The name of what is run, as its span shows it."""
        operation = self.operation
        return None if operation is None or operation.subject is None else self.facts.get(operation.subject)


current_observation: ContextVar[Observation | None] = ContextVar("autogen_vitals_observation", default=None)
"""The one whose code runs in the current context; maybe one that is over, or another process's: see ``Tracker``."""


class Sink(Protocol):
    """What is told of observations. Calls come on the app's hot path, in any thread; none may raise but
    where it says so."""

    @property
    def has_recorded(self) -> bool:
        """Whether anything has been recorded in this process."""
        ...

    def started(self, observation: Observation) -> None:
        """It begins."""
        ...

    def entered(self, observation: Observation) -> object:
        """Its code begins or goes on to run in the current context; the answer goes to ``left``, unless it is ``None``.
        Not told of one that has no ``span``. May raise, as ``left`` may."""
        ...

    def left(self, token: Any) -> None:
        """The code of what was entered has stopped running, in the same context."""
        ...

    def ended(self, observation: Observation) -> None:
        """It is over: duration, error and facts are final."""
        ...

    def request_ended(self, request: Request) -> None:
        """A request that used AutoGen is over."""
        ...

    def connected(self, connect: Connect) -> None:
        """A connection has been made, or has failed."""
        ...

    def loop_blocked(self, block: Block) -> None:
        """An event loop stood still."""
        ...

    def startup_ended(self, report: StartupReport) -> None:
        """The cold start of this process is over."""
        ...

    def crashed(self, crash: Crash) -> None:
        """An exception has ended something."""
        ...

    def exited(self, exit: ProcessExit, *, repeated: bool = False) -> None:
        """A process is gone. ``repeated``: it was told before, but not delivered; it is not counted again."""
        ...

    def recording(self, enabled: bool) -> None:
        """Whether this process keeps an exit record. A forked child says so itself."""
        ...

    def service(self) -> dict[str, str]:
        """``service.*`` attributes of this process, as far as they are known by now."""
        ...

    def span_ids(self, span: Any) -> tuple[int, int]:
        """Trace id and span id of what the sink keeps as the span of an observation or a request; 0 and 0 for none."""
        ...

    def flush(self, timeout: float) -> bool:
        """Hand everything out within ``timeout`` seconds; whether that succeeded."""
        ...

    def deliver(self, timeout: float) -> bool:
        """Hand everything out within ``timeout`` seconds; whether those who collect it have got the ends of crashed
        processes that were told of since the last time. Also false while there is nobody to tell."""
        ...

    def last_chance(self) -> None:
        """This process will not fork again: what a fork server had to hold back may go out."""
        ...
