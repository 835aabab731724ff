"""Requests: the units of served work, what they paid, and hence their start type."""

from __future__ import annotations

import itertools
import time
from contextvars import ContextVar, Token
from dataclasses import field
from typing import TYPE_CHECKING, Any

from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.observation import current_observation
from autogen_vitals.lifecycle.phases import Phases
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.sites import SiteTally
from autogen_vitals.lifecycle.startup import Startup
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import ComponentKind, StartType

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.observation import Observation, Sink

REBUILD_NS = 50_000_000
"""What a warm request may spend in inits and still be warm: where rule AG102 stops calling agents cheap."""

_BUILT_LIMIT = 256


class Built(Record, eq=False):
    """What one request has built of one class at one site.

    Attributes:
        kind, type: of the class.
        tally: the site's, with its stage.
        inside_init: as part of another component.
        count, duration_ns: how many, and the nanoseconds of them all.
        config: tells what the last one was built with from anything else; 0: not known.
    """

    kind: ComponentKind
    type: str
    tally: SiteTally
    inside_init: bool
    count: int = 0
    duration_ns: int = 0
    config: int = 0


class Request(Record, eq=False):
    """One HTTP request, task, ``request()`` block, or outermost run.

    Attributes:
        number: no other request of this process has it.
        is_served: somebody asked this process for it; else it is nothing but an outermost run.
        name: given to ``request(name)``.
        asked: what for, where nobody has given it a name: method and path of an HTTP request; of a task, and of an
            outermost run, ``""`` and its name.
        pid: the process it began in; in a forked child it is over.
        clock_ns: when it began, on the monotonic clock.
        span: the SERVER or CONSUMER span it belongs to, the telemetry sink's own.
        run_span: the span of its last outermost run, the telemetry sink's own.
        used: AutoGen was used in it. Others are of no interest here: a health check is not the cold start.
        cold: it was the first of its process that used AutoGen.
        rebuilt: it built a model client.
        startup: the cold start that ends with it, until it is over; of the first request of a process only.
        startup_told: its span has a link to that, the telemetry sink's own.
        is_session: it lasts as long as somebody stays connected, and is mostly waiting.
        init_count, init_ns: its inits, those inside another init not counted again.
        built: what it has built, by site and class; bounded.
        connect_count: connections that what AutoGen did in it has opened.
        duration_ns: set when it is over.
        error: what it failed with, by class; known before it is over where a framework makes an answer of it.
        failure: what tells that exception from others, once it has been told of.
        slot: the recorder's own: its place in the exit record.
    """

    pid: int
    clock_ns: int
    name: str | None = None
    span: Any = None
    run_span: Any = None
    asked: tuple[str, str] = ("", "")
    number: int = field(default_factory=itertools.count(1).__next__)
    is_served: bool = False
    used: bool = False
    cold: bool = False
    rebuilt: bool = False
    startup: Startup | None = None
    startup_told: bool = False
    is_session: bool = False
    connect_count: int = 0
    init_count: int = 0
    init_ns: int = 0
    built: dict[int, Built] = field(default_factory=dict)
    ended: bool = False
    duration_ns: int = 0
    error: str | None = None
    failure: object = None
    slot: int = -1

    @property
    def start_type(self) -> StartType:
        """What it has paid so far."""
        if self.cold:
            return "cold"
        if self.rebuilt or self.init_ns >= REBUILD_NS:
            return "rebuild"
        return "reconnect" if self.connect_count else "warm"

    def count_init(self, observation: Observation) -> None:
        """An init in it is over."""
        if observation.kind == "model_client":
            self.rebuilt = True
        if not observation.inside_init:
            self.init_count += 1
            self.init_ns += observation.duration_ns
        tally = observation.tally
        if tally is not None and observation.error is None:
            built = self.built.get(id(tally))
            if built is None:
                if len(self.built) >= _BUILT_LIMIT:
                    return
                built = self.built[id(tally)] = Built(
                    observation.kind, observation.type, tally, observation.inside_init
                )
            built.count += 1
            built.duration_ns += observation.duration_ns
            built.config = observation.config


_request: ContextVar[Request | None] = ContextVar("autogen_vitals_request", default=None)

RequestToken = tuple[Request, "Token[Request | None]"]


class Requests:
    """Opens and closes requests. Outermost wins: within one, no other is opened.

    The request is found through a context variable, so that tasks and threads that copy the context share it. State of
    the process: whether a request has been cold yet, anew in a forked child.
    """

    def __init__(self, phases: Phases, startup: Startup, sink: Sink, recorder: Recorder) -> None:
        self._phases = phases
        self._startup = startup
        self._sink = sink
        self._recorder = recorder
        self._cold = itertools.count()
        renew_after_fork(self, Requests._renew)

    def _renew(self) -> None:
        self._cold = itertools.count()

    def current(self) -> Request | None:
        """The request that the current context belongs to."""
        pid = process.facts.pid
        # First that of what goes on here: to enter that, as each step of a stream does, sets one variable less.
        observation = current_observation.get()
        if observation is not None and not observation.ended and observation.pid == pid:
            request = observation.request
            if request is not None and not request.ended:
                return request
        request = _request.get()
        return None if request is None or request.ended or request.pid != pid else request

    def open(self, name: str | None = None, span: Any = None, *, is_session: bool = False) -> Request:
        """A new request, which no context belongs to yet."""
        request = self.open_for_run(name, span, is_session=is_session)
        request.is_served = True
        self._recorder.opened(request)
        return request

    def open_for_run(self, name: str | None = None, span: Any = None, *, is_session: bool = False) -> Request:
        """One that is nothing but an outermost run."""
        self._phases.first_request()
        request = Request(process.facts.pid, time.perf_counter_ns(), name, span)
        request.is_session = is_session
        return request

    def spanned(self, request: Request, span: Any) -> None:
        """Its SERVER or CONSUMER span has begun."""
        if request.span is None:
            request.span = span
            self._recorder.spanned(request)

    def answered(self, request: Request) -> None:
        """Its outcome is about to be known outside, though it is not over yet."""
        self._recorder.closed(request)

    def begin(self, name: str | None = None, span: Any = None, task: str = "") -> RequestToken | None:
        """Open a request in the current context; ``None`` inside another."""
        if self.current() is not None:
            return None
        request = self.open(name, span)
        request.asked = "", task
        return request, _request.set(request)

    def end(self, token: RequestToken, error: BaseException | None = None) -> None:
        """Close what ``begin`` opened."""
        request, variable = token
        self.finish(request, None if error is None else type(error).__qualname__)
        self.leave(variable)

    def finish(self, request: Request, error: str | None, end_ns: int | None = None) -> None:
        """Close it from wherever its end is seen; ``end_ns``, on the monotonic clock, is now unless given."""
        if request.ended:
            return
        request.ended = True
        if request.pid != process.facts.pid:
            return
        request.duration_ns = (time.perf_counter_ns() if end_ns is None else end_ns) - request.clock_ns
        request.error = error or request.error
        if request.is_served:
            self._recorder.closed(request)
        if request.used:
            self._sink.request_ended(request)
        if self._startup.open:
            self._startup.request_ends(request)
        # A server's thread keeps its last request until the next one comes, but not that one's span.
        request.span = request.run_span = request.startup = None

    def enter(self, request: Request) -> Token[Request | None] | None:
        """Make the current context belong to ``request``; ``None`` when it does already."""
        return None if _request.get() is request else _request.set(request)

    def leave(self, token: Token[Request | None] | None) -> None:
        """Undo ``enter``; in another context there is nothing to undo."""
        if token is None:
            return
        try:
            _request.reset(token)
        except ValueError:
            return

    def use(self, request: Request) -> None:
        """AutoGen is used in it. The first such request of the process is the cold one."""
        if not request.used:
            request.used = True
            # next() of a count is atomic: of two requests at once, one is cold.
            request.cold = next(self._cold) == 0
            if self._startup.open:
                self._startup.request_begins(request)
                request.startup = self._startup if self._startup.request is request else None
