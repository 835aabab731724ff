"""Turns calls of wrapped methods into Observations."""

from __future__ import annotations

import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import Token
from types import FrameType
from typing import Any

from autogen_vitals.guard import guarded, guarded_by_position, report
from autogen_vitals.lifecycle.births import BirthRegistry, current_loop
from autogen_vitals.lifecycle.connects import Connect, count_connect, warm_up_ns
from autogen_vitals.lifecycle.errors import category_of, error_class, identify
from autogen_vitals.lifecycle.fingerprints import fingerprint
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.loops import LoopWatchdog
from autogen_vitals.lifecycle.observation import Observation, Sink, current_observation
from autogen_vitals.lifecycle.phases import Phases
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.quiet import is_quiet
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.requests import Request, Requests
from autogen_vitals.lifecycle.sites import SiteFinder, SiteRegistry
from autogen_vitals.lifecycle.startup import Startup
from autogen_vitals.vocabulary import CHAT, EXECUTE_TOOL, ComponentKind, Operation, Stage, StartupStage

EnterToken = tuple["Token[Observation | None]", object]

Present = tuple["Observation | None", "Request | None"]

PresentToken = tuple["Token[Observation | None]", "Token[Request | None] | None"]

_ABANDONED_LIMIT = 1024
_USE_LIMIT = 4096
_STEP_LIMIT = 4096


class Tracker:
    """The present of the process: which observation is current, and what begins and ends.

    The current observation is a context variable. Everything else lives in the registries, each of which says what
    bounds it and what a fork does to it.

    Args:
        sink: told of everything.
        site_finder: finds the user's line behind an init.
        slow_ns: from which duration on, in nanoseconds, an init has a span of its own.
        watchdog: watches the event loops that run AutoGen.
        recorder: keeps the exit record.

    Attributes:
        failed: told of the exception that ended an init or a run that is not part of another one.
    """

    def __init__(
        self, sink: Sink, site_finder: SiteFinder, slow_ns: int, watchdog: LoopWatchdog, recorder: Recorder
    ) -> None:
        self.active = True
        self.failed: Callable[[Observation, BaseException], object] = lambda observation, error: None
        self.recorder = recorder
        self.phases = Phases(recorder.reached)
        self.startup = Startup(self.phases, site_finder.packages, sink.startup_ended)
        self.requests = Requests(self.phases, self.startup, sink, recorder)
        self.sites = SiteRegistry()
        self.births = BirthRegistry()
        self._sink = sink
        self._watchdog = watchdog
        self._site_finder = site_finder
        self._slow_ns = slow_ns
        self._renew()
        renew_after_fork(self, Tracker._renew)

    def _renew(self) -> None:
        # Streams that were dropped unclosed, until somebody is at leisure: see abandon().
        self._abandoned: deque[Observation] = deque(maxlen=_ABANDONED_LIMIT)
        # Model clients by class and tools by name that have been used in this process.
        self._uses: set[tuple[str, str, str | None]] = set()

    def switch_off(self) -> None:
        """Begin nothing more."""
        self.active = False
        self.startup.stop()
        self._watchdog.stop()

    def current(self) -> Observation | None:
        """The observation whose code runs in the current context."""
        observation = current_observation.get()
        if observation is None or observation.ended or observation.pid != process.facts.pid:
            return None
        return observation

    def is_seen_again(self, component: object, operation: Operation, names: frozenset[str]) -> bool:
        """Whether a run would be the current one seen once more, of which all these facts are known already."""
        current = self.current()
        return (
            current is not None
            and current.operation is operation
            and current.component is component
            and current.facts.keys() >= names
        )

    # --- beginnings -----------------------------------------------------------------------------------------------

    def begin_init(
        self,
        component: object,
        kind: ComponentKind,
        stage: Stage,
        provider: str,
        built_with: tuple[tuple[Any, ...], Mapping[str, Any]] | None = None,
        called_by: FrameType | None = None,
    ) -> Observation | None:
        """An init begins; ``None`` when it belongs to one that has begun already (``super().__init__``).

        Args:
            component: what is built, started, or warmed up.
            kind: of it.
            stage: of its init.
            provider: whose it is.
            built_with: arguments that tell it from others of its class.
            called_by: from where on to look for the line of the user's that wants it; without, from the caller on.
        """
        parent = self.current()
        if parent is not None and parent.operation is None and parent.component is component:
            return None
        if is_quiet():
            return None
        if self._abandoned:
            self.settle()
        request = self.requests.current()
        # Only a start-up can be inside an import that matters; later the walk may stop at the site.
        frame, importing = self._site_finder.find(called_by or sys._getframe(1), to_import=not self.phases.ready)
        observation = self._begin(component, kind, None, stage, provider, parent, request, importing)
        config = observation.config = 0 if built_with is None else fingerprint(*built_with)
        tally = observation.tally = self.sites.tally(frame, observation.type, stage)
        observation.sequence = tally.count
        observation.known_slow = tally.last_ns >= self._slow_ns
        if stage == "start" and request is not None and not observation.inside_init:
            _, use = self.births.life(component)
            if use is not None:
                use.started_for = request.number
        if stage in ("construct", "restore"):
            loop = current_loop()
            observation.on_loop = loop is not None
            self.births.record(component, observation.pid, observation.wall_ns, tally.site, config, loop)
        return self._started(observation)

    def begin_run(
        self, component: object, kind: ComponentKind, operation: Operation, provider: str, facts: dict[str, Any]
    ) -> Observation | None:
        """A run begins; ``None`` when it is the current run seen once more."""
        if is_quiet():
            return None
        parent = self.current()
        if parent is not None and parent.operation is operation and _is_same(operation, parent, component, facts):
            _complete(parent, provider, facts)
            return None
        if self._abandoned:
            self.settle()
        request = self.requests.current()
        owns_request = request is None
        if request is None:
            request = self.requests.open_for_run()
        observation = self._begin(component, kind, operation, None, provider, parent, request, False)
        observation.owns_request = owns_request
        observation.facts = facts
        birth, use = observation.birth, observation.use = self.births.life(component)
        if use is not None:
            birth_pid = None if birth is None else birth.pid
            observation.misuse = use.begins(observation.pid, current_loop(), request, birth_pid)
        observation.outermost = parent is None or parent.operation is None
        if operation is CHAT or operation is EXECUTE_TOOL:
            self._note_use(observation, operation)
        self._watchdog.watch()
        return self._started(observation)

    def _note_use(self, observation: Observation, operation: Operation) -> None:
        use = (operation.name, observation.type, None if operation is CHAT else observation.subject)
        if use in self._uses or len(self._uses) >= _USE_LIMIT:
            return
        self._uses.add(use)
        observation.first_use = True
        if operation is CHAT:
            observation.steps = []
            observation.modules = len(sys.modules)

    def _begin(
        self,
        component: object,
        kind: ComponentKind,
        operation: Operation | None,
        stage: Stage | None,
        provider: str,
        parent: Observation | None,
        request: Request | None,
        importing: bool,
    ) -> Observation:
        self.startup.used = True
        if request is not None and not request.used:
            self.requests.use(request)
        # By position: names take twice as long.
        observation = Observation(
            kind,
            type(component).__qualname__,
            operation,
            stage,
            provider,
            component,
            process.facts.pid,
            self.phases.phase(in_request=request is not None, importing=importing),
            time.time_ns(),
            parent,
            request,
        )
        observation.inside_init = parent is not None and (parent.operation is None or parent.inside_init)
        return observation

    def _started(self, observation: Observation) -> Observation:
        self._sink.started(observation)
        self.recorder.began(observation)
        # Last: what all this took is not the component's, and an agent is built in less.
        observation.clock_ns = time.perf_counter_ns()
        return observation

    # --- while it runs --------------------------------------------------------------------------------------------

    # Each step of a stream comes by these two: they guard what may fail in them themselves, which is one call less.

    def enter(self, observation: Observation) -> EnterToken:
        """Make it current, and with it its request."""
        handle = None
        if observation.span is not None:
            try:
                handle = self._sink.entered(observation)
            except Exception as error:
                # The rest goes on.
                report(Tracker.enter, error)
        return current_observation.set(observation), handle

    def leave(self, observation: Observation, token: EnterToken | None) -> None:
        """Make current what was before; ``None``: it could not be entered.

        In another context than the one it was entered in (a coroutine that the garbage collector closes), there is
        nothing to undo: that context is gone.
        """
        if token is None:
            return
        variable, handle = token
        try:
            current_observation.reset(variable)
        except ValueError:
            return
        if handle is not None:
            try:
                self._sink.left(handle)
            except Exception as error:
                report(Tracker.leave, error)

    def present(self) -> Present:
        """What is current, for another thread that goes on with it."""
        return self.current(), self.requests.current()

    def resume(self, present: Present) -> PresentToken:
        """Make it current in this thread."""
        observation, request = present
        return current_observation.set(observation), None if request is None else self.requests.enter(request)

    def pause(self, token: PresentToken) -> None:
        """Undo ``resume``, in the same thread."""
        current_observation.reset(token[0])
        self.requests.leave(token[1])

    @guarded_by_position
    def first_item(self, observation: Observation) -> None:
        """Its stream has given its first item."""
        observation.first_item_ns = time.perf_counter_ns() - observation.clock_ns

    def ran(self, observation: Observation, begin_ns: int, end_ns: int) -> None:
        """The code of a first use ran from ``begin_ns`` to ``end_ns`` without letting anything else run."""
        if observation.steps is not None and len(observation.steps) < _STEP_LIMIT:
            observation.steps.append((begin_ns, end_ns))
            if self.startup.concerns(observation):
                self.startup.add("warm_up", begin_ns, end_ns)

    def connected(self, connect: Connect, end_ns: int) -> None:
        """A connection was made, or failed, inside an observation."""
        count_connect(connect, end_ns)
        if self.startup.concerns(connect.observation):
            stage: StartupStage = "connect_dns_tcp" if connect.stage == "dns_tcp" else "connect_tls"
            self.startup.add(stage, connect.clock_ns, end_ns)
        self._sink.connected(connect)

    # --- endings --------------------------------------------------------------------------------------------------

    def end(self, observation: Observation, error: BaseException | None, swallowed: str | None = None) -> None:
        """It is over: it returned, or failed with ``error``, or reported a failure it ``swallowed``."""
        if observation.ended:
            return
        if not observation.duration_ns:
            observation.duration_ns = time.perf_counter_ns() - observation.clock_ns
        observation.ended = True
        # What began before a fork is the parent's to end.
        if observation.pid == process.facts.pid:
            if observation.use is not None:
                observation.use.ends()
            if error is None:
                observation.error = swallowed
            else:
                self._note_error(observation, error)
            self.recorder.over(observation, error)
            self._close(observation)
            # After that: it is told in the context of its span, and flushed together with it.
            if error is not None and observation.parent is None:
                self.failed(observation, error)
        observation.component = observation.exception = None

    def _note_error(self, observation: Observation, error: BaseException) -> None:
        observation.exception = error
        observation.error = error_class(error, observation.operation)
        nested, identity = observation.nested_error, identify(error)
        if nested is not None:
            # The same exception on its way out, or the team's error that stands for it.
            hidden = observation.error != type(error).__qualname__
            observation.error_recorded = nested[0] == identity or (hidden and nested[1] == observation.error)
        if nested is not None and nested[0] == identity:
            observation.category = nested[2]
        else:
            observation.category = category_of(error, in_init=observation.operation is None)
        if observation.parent is not None:
            observation.parent.nested_error = (identity, observation.error, observation.category)

    def _close(self, observation: Observation) -> None:
        parent, request = observation.parent, observation.request
        if observation.tally is not None:
            observation.tally.last_ns = observation.duration_ns
            if parent is not None and parent.operation is None:
                parent.nested_init_ns += observation.duration_ns
            if request is not None:
                request.count_init(observation)
        if observation.steps is not None:
            end_ns = observation.clock_ns + observation.duration_ns
            observation.warm_up_ns = warm_up_ns(observation, observation.clock_ns, end_ns)
            observation.modules = len(sys.modules) - observation.modules
        if self.startup.open:
            self.startup.observed(observation)
        # Before its span ends: if it kept the loop from everything else, that is where it is told.
        if observation.operation is None:
            self._watchdog.init_ended(observation)
        else:
            self._watchdog.operation_ended(observation)
        self._sink.ended(observation)
        if request is not None and request.is_session and observation.outermost:
            self.startup.request_ends(request)
        if request is not None and observation.owns_request:
            self.requests.finish(request, observation.error, observation.clock_ns + observation.duration_ns)

    def abandon(self, observation: Observation) -> None:
        """A stream was dropped unclosed. The garbage collector calls, perhaps while this very thread holds a lock of
        the exporter's: its end is noted now and told when the loop, or the next observation, comes by."""
        observation.duration_ns = time.perf_counter_ns() - observation.clock_ns
        self._abandoned.append(observation)
        loop = current_loop()
        if loop is not None:
            loop.call_soon(guarded(self.settle))

    def settle(self) -> None:
        """Tell of the streams that were dropped."""
        while self._abandoned:
            try:
                observation = self._abandoned.popleft()
            except IndexError:
                return
            self.end(observation, None)


def _complete(observation: Observation, provider: str, facts: dict[str, Any]) -> None:
    """A caching client does not know the model; the one it calls does."""
    if facts.keys() - observation.facts.keys():
        observation.facts = facts | observation.facts
        observation.provider = provider
        observation.completed = True


def _is_same(operation: Operation, parent: Observation, component: object, facts: dict[str, Any]) -> bool:
    if operation.absorbs == "any" or parent.component is component:
        return True
    if operation.absorbs != "name" or operation.subject is None:
        return False
    return parent.subject is not None and parent.subject == facts.get(operation.subject)
