"""Puts the rooms together, one way: hooks → wrapping → lifecycle → telemetry. And takes them apart again."""

from __future__ import annotations

import atexit
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LoggerProvider
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider

from autogen_vitals.findings.engine import Findings
from autogen_vitals.findings.rule import Surroundings
from autogen_vitals.guard import guarded
from autogen_vitals.hooks import LIBRARIES, SERVERS, TRANSPORT, Library, Servers, Transport
from autogen_vitals.hooks.tables import FailureCall, Handover, NativeSpans
from autogen_vitals.lifecycle.boundaries import AsgiWatch, RequestFailures, ServerWatch, TaskRequests, WsgiWatch
from autogen_vitals.lifecycle.collections import Collections
from autogen_vitals.lifecycle.connects import CacheWatch, ConnectWatch, RetryWatch
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.imports import ImportFinder
from autogen_vitals.lifecycle.loops import LoopWatchdog
from autogen_vitals.lifecycle.moments import Moments
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.settings import Settings
from autogen_vitals.telemetry.model_sdks import told_elsewhere
from autogen_vitals.telemetry.server_spans import ServerSpans
from autogen_vitals.telemetry.sink import Telemetry
from autogen_vitals.wrapping.calls import WrapperFunction, deferred_call, observation_on, plain_call
from autogen_vitals.wrapping.coverage import ClassPlan, Coverage
from autogen_vitals.wrapping.importing import ImportHooks, resolve, split_target
from autogen_vitals.wrapping.life import ForkedChildren, life_call, lifespan_call, noted_call
from autogen_vitals.wrapping.patches import Patches
from autogen_vitals.wrapping.proxy import Wrapper

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.deaths import Deaths


class Instrumentation:
    """One installation of everything, from ``install`` to ``uninstall``.

    Args:
        settings: as loaded.
        tracer_provider, meter_provider, logger_provider: where telemetry goes.
        tells_all: what is told of to whoever debugs us only, too: each request, and ends that are no crash.
    """

    def __init__(
        self,
        settings: Settings,
        tracer_provider: TracerProvider,
        meter_provider: MeterProvider,
        logger_provider: LoggerProvider,
        *,
        tells_all: bool = False,
    ) -> None:
        slow_ns = int(settings.init_span_threshold * 1_000_000)
        self._settings = settings
        self._tracer_provider = tracer_provider
        self._patches = Patches()
        self._import_hooks = ImportHooks()
        self._undo: list[Callable[[], object]] = []
        model_sdks = [sdk for library in LIBRARIES for sdk in library.model_sdks.items()]
        packages = tuple(package for library in LIBRARIES for package in library.packages)
        self.telemetry = Telemetry(
            tracer_provider,
            meter_provider,
            logger_provider,
            slow_ns,
            told_elsewhere(settings.model_spans, model_sdks),
            imports=lambda: import_finder.records,
            tells_all=tells_all,
        )
        self._recorder = recorder = Recorder(self.telemetry, settings.state_dir, enabled=settings.exit_record)
        sites = SiteFinder(packages)
        self._findings = Findings(
            self.telemetry,
            self.telemetry.found,
            self.telemetry.mark,
            Surroundings(
                sites,
                imports=lambda: import_finder.records,
                identity=recorder.identity,
                siblings=recorder.siblings,
                state_dir=lambda: recorder.directory,
                thresholds=dict(settings.thresholds),
            ),
            settings.silence if settings.findings else ("*",),
        )
        watchdog = LoopWatchdog(
            int(settings.loop_heartbeat * 1_000_000),
            int(settings.loop_blocked_threshold * 1_000_000),
            observation_on,
            self._findings.loop_blocked,
        )
        self.tracker = Tracker(self._findings, sites, slow_ns, watchdog, self._recorder)
        import_finder = ImportFinder(
            self.tracker.startup.imported, self._recorder.importing, sites.caller, whole_tree=settings.import_tree
        )
        self._import_finder = import_finder
        self.escapes = Escapes(
            self._findings,
            self.tracker.phases,
            self._recorder,
            settings.exception_messages,
            lambda: import_finder.failure,
            settings.flush_timeout,
            sites,
        )
        self._follower_pid: int | None = None
        self._collections = Collections(self.tracker.startup.collected)
        self._moments = Moments(
            self.tracker, self.telemetry, self.escapes, lambda: self._deaths, settings.flush_timeout
        )

    @cached_property
    def _deaths(self) -> Deaths:
        # Most processes that are instrumented have nothing to do with it.
        from autogen_vitals.lifecycle.deaths import Deaths

        return Deaths(self._recorder, self._findings, self._settings.flush_timeout)

    def install(self) -> None:
        """Patch what is imported, and arrange for the rest to be patched when it is."""
        self._follow_server_spans(tuple(scope for library in LIBRARIES for scope in library.native.scopes))
        targets = (row.target for library in LIBRARIES for row in library.components)
        Coverage(targets, self._class_plans, self._patches, self._import_hooks).install()
        for library in LIBRARIES:
            self._follow_library(library)
        if self._settings.native_spans == "replace":
            for library in LIBRARIES:
                self._quiet_native_spans(library.native)
        self._watch_servers(SERVERS)
        self._watch_transport(TRANSPORT)
        self._watch_escapes()
        self._watch_deaths(SERVERS)
        self.telemetry.follow_collections(self._collected)
        atexit.register(self._moments.exiting)
        self._undo.append(partial(atexit.unregister, self._moments.exiting))
        self._follow_startup()

    def uninstall(self) -> None:
        """Restore every patched attribute. Runs in progress end as they would have."""
        switches = (
            self.tracker.switch_off,
            self.escapes.switch_off,
            self._findings.switch_off,
            *((self._deaths.switch_off,) if "_deaths" in vars(self) else ()),
            self._recorder.switch_off,
            self._patches.undo,
            self._import_hooks.off,
            self.telemetry.switch_off,
        )
        for undo in (*reversed(self._undo), *switches):
            guarded(undo)()
        self._undo.clear()

    def _follow_startup(self) -> None:
        """Time imports and collections from here to the end of the cold start; those of a forked child are its own."""
        self.tracker.startup.closed = self._startup_closed
        self._undo.append(self._startup_closed)
        self.tracker.startup.installed()
        self._startup_opens()
        renew_after_fork(self, Instrumentation._renew)

    def _startup_opens(self) -> None:
        # The finder last: it must be asked before wrapt's.
        self._collections.install()
        self._import_finder.install()

    def _startup_closed(self) -> None:
        self._import_finder.remove()
        self._collections.remove()

    def _renew(self) -> None:
        if self.tracker.active:
            self._startup_opens()

    # --- what the tables say, wrapped -----------------------------------------------------------------------------

    def _follow_server_spans(self, native_scopes: tuple[str, ...]) -> None:
        processor = ServerSpans.of(self._tracer_provider)
        if processor is not None:
            processor.follow(self.tracker.requests, native_scopes)
            self._undo.append(processor.shutdown)

    def _class_plans(self) -> Iterator[ClassPlan]:
        # Here, for a process that never imports AutoGen has no use for it.
        from autogen_vitals.plans import class_plans

        for library in LIBRARIES:
            yield from class_plans(library, self.tracker)

    def _follow_library(self, library: Library) -> None:
        for target in library.caches:
            self._wrap(target, plain_call(CacheWatch(self.tracker)))
        for handover in library.handovers:
            self._replace(handover.target, partial(self._handed_over, handover))

    # What these import, a process that never imports AutoGen has no use for.

    def _handed_over(self, handover: Handover, module: ModuleType) -> Any:
        from autogen_vitals.replacements import handing_over

        return handing_over(handover, self.tracker, module)

    def _quiet_native_spans(self, native: NativeSpans) -> None:
        def quiet(_: object) -> Any:
            from autogen_vitals.telemetry.native import QuietTrace

            return QuietTrace()

        def quiet_messages() -> WrapperFunction:
            from autogen_vitals.replacements import quiet_messages

            return quiet_messages(native, self.tracker, self.telemetry.spans)

        def carrying_context() -> WrapperFunction:
            from autogen_vitals.replacements import carrying_context

            return carrying_context()

        for target in native.tracing:
            self._replace(target, quiet)
        if native.messaging is not None:
            self._wrap_by(native.messaging, quiet_messages)
            if native.publishing is not None:
                self._wrap_by(native.publishing, carrying_context)

    def _watch_servers(self, servers: Servers) -> None:
        self._watch_requests(servers)
        for target in servers.lifespans:
            failed = partial(self.escapes.escaped, escape="lifespan", operation="lifespan")
            self._wrap(target, lifespan_call(partial(self._moments.reached, "ready"), failed))
        for call in servers.calls:
            before, after = (
                None if moment is None else partial(self._moments.reached, moment)
                for moment in (call.before, call.after)
            )
            failed = None
            if call.failed is not None:
                operation = "lifespan" if call.failed == "lifespan" else ""
                failed = partial(self.escapes.escaped, escape=call.failed, operation=operation)
            self._wrap(call.target, life_call(before, after, failed, may_exit=call.may_exit))
        for signal in servers.signals:
            self._connect(signal.target, partial(self._moments.reached, signal.moment))
        self._forked_children = ForkedChildren(partial(self._moments.reached, "ending"))
        self._import_hooks.when_imported("multiprocessing.util", self._forked_children.install)

    def _watch_requests(self, servers: Servers) -> None:
        failures = RequestFailures(self.tracker, self.escapes)
        asgi = deferred_call(AsgiWatch(self.tracker, failures, self._moments))

        def wsgi() -> WrapperFunction:
            from autogen_vitals.wrapping.wsgi import wsgi_call

            return wsgi_call(WsgiWatch(self.tracker, failures))

        for boundary in servers.boundaries:
            if boundary.protocol == "server":
                package = boundary.target.partition(".")[0]
                self._wrap(boundary.target, plain_call(ServerWatch(self.tracker, failures, package)))
            elif boundary.protocol == "asgi":
                self._wrap(boundary.target, asgi)
            else:
                self._wrap_by(boundary.target, wsgi)
        tasks = TaskRequests(self.tracker)
        for task in servers.tasks:
            self._connect(task.begins, tasks.begins, "task_id", "task")
            self._connect(task.ends, tasks.ends, "task_id")
            for target in task.answers:
                self._wrap(target, noted_call(tasks.answers, None))
        for failure in servers.failures:
            if isinstance(failure, FailureCall):
                self._wrap(failure.target, noted_call(failures.given, None))
            else:
                self._connect(failure.target, failures.handled, failure.argument)

    def _watch_transport(self, transport: Transport) -> None:
        for connect in transport.connects:
            watch = ConnectWatch(self.tracker, connect.stage)
            self._wrap(connect.target, plain_call(watch) if connect.is_synchronous else deferred_call(watch))
        for target in transport.retries:
            self._wrap(target, plain_call(RetryWatch(self.tracker)))

    def _watch_escapes(self) -> None:
        self.tracker.failed = self.escapes.observed
        self._wrap("threading:excepthook", noted_call(self.escapes.thread_ended, None))
        complain = "asyncio.base_events:BaseEventLoop.call_exception_handler"
        self._wrap(complain, noted_call(self.escapes.loop_complained, None))

    def _watch_deaths(self, servers: Servers) -> None:
        packages = [package for library in LIBRARIES for package in library.packages]
        for module in (*packages, *servers.services):
            open_record = partial(self._open_record, uses_autogen=module in packages)
            self._import_hooks.when_imported(module, lambda _, open_record=open_record: open_record())
        for target in servers.kills:
            self._wrap(target, noted_call(self._given_up, None))
        for module in servers.reapers:
            self._import_hooks.when_imported(module, lambda _: self._follow_children())

        # Another program takes the place of this one.
        for target in ("os:execv", "os:execve"):
            self._wrap(target, noted_call(lambda *_: self._recorder.forget(), None))

    @guarded
    def _given_up(self, worker: Any, *_: Any) -> None:
        self._deaths.given_up(worker)

    def _open_record(self, *, uses_autogen: bool) -> None:
        if uses_autogen:
            self._findings.load()
        self._recorder.open(uses_autogen=uses_autogen)
        if self._follower_pid == process.facts.pid:
            self._recorder.supervises()
        self._deaths.look_around()

    def _collected(self) -> None:
        """At every collection of metrics: this process lives, and looks whether others of the service do."""
        self._recorder.beat()
        if self._recorder.is_open:
            self._deaths.look_around()

    def _follow_children(self) -> None:
        """Hear of what this process sends to its children, and of their ends. A forked child hears of its own, too,
        but is not taken for one that has some."""
        if self._follower_pid is None:
            self._wrap("os:waitpid", noted_call(None, self._deaths.reaped))
            self._wrap("os:kill", noted_call(self._deaths.sent, None))
        self._follower_pid = process.facts.pid
        if self._recorder.is_open:
            self._recorder.supervises()

    def _wrap(self, target: str, wrapper: Any) -> None:
        self._replace(target, lambda value: Wrapper(value, wrapper))

    def _wrap_by(self, target: str, make: Callable[[], WrapperFunction]) -> None:
        """With what is made once ``target`` is there."""
        self._replace(target, lambda value: Wrapper(value, make()))

    def _replace(self, target: str, make: Callable[[Any], Any]) -> None:
        """Replace what ``target`` names, once it is imported, by what ``make`` makes of it."""
        module_name, path = split_target(target)

        def apply(module: ModuleType) -> None:
            found = resolve(module, path)
            if found is not None:
                owner, name, value = found
                self._patches.set(owner, name, make(value))

        self._import_hooks.when_imported(module_name, apply)

    def _connect(
        self, target: str, tell: Callable[..., object], argument: str | None = None, second: str | None = None
    ) -> None:
        """Have a signal tell, with one of the arguments it is sent with, and maybe a second."""
        module_name, path = split_target(target)

        @guarded
        def receiver(*_: Any, **sent: Any) -> None:
            if argument is None:
                tell()
            elif sent.get(argument) is not None:
                tell(sent[argument], *(() if second is None else (sent.get(second),)))

        def connect(module: ModuleType) -> None:
            found = resolve(module, path)
            if found is not None:
                signal = found[2]
                signal.connect(receiver, weak=False)
                self._undo.append(lambda: signal.disconnect(receiver))

        self._import_hooks.when_imported(module_name, connect)
