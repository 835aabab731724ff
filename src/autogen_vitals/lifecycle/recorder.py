"""What this process is doing, kept where it can be read when the process is no more."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import uuid
import zlib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from autogen_vitals.crashes.files import start_ticks
from autogen_vitals.crashes.reports import Identity, LastWords
from autogen_vitals.guard import guarded, guarded_by_position
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.vocabulary import Category, LifeState, Operation, Phase

# What makes and reads records is imported where that is done: most processes that are instrumented keep none.
if TYPE_CHECKING:
    from autogen_vitals.crashes.native import StackFile
    from autogen_vitals.crashes.record import ExitRecord
    from autogen_vitals.lifecycle.observation import Observation, Sink
    from autogen_vitals.lifecycle.requests import Request

_logger = logging.getLogger("autogen_vitals")

_NO_SLOT = -1
_INTERRUPTION_LIMIT = 16
_GROUP_VARIABLES = ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT")
_VERSIONED = ("autogen_agentchat", "autogen_core", "autogen_ext", "autogen", "openai", "httpx", "httpx2")


class Recorder:
    """Keeps the exit record of this process up to date: one file, from the moment on at which the process is known to
    be of interest, until it ends cleanly. A forked child keeps one of its own.

    A request, and what AutoGen does outside of one, is a flight: it says what it is at right now.

    Args:
        sink: knows the service, and the spans.
        directory: folder of the records; empty: the default ones.
        enabled: whether to keep one.

    Attributes:
        is_doomed: something has happened that ends the process.
    """

    def __init__(self, sink: Sink, directory: str, *, enabled: bool) -> None:
        self.group = _group()
        self.directory: Path | None = None
        self._sink = sink
        self._given = directory
        self._enabled = enabled
        self._is_open = False
        self._record: ExitRecord | None = None
        self._stack: StackFile | None = None
        self._uid = ""
        self._state: LifeState = "starting"
        self._uses_autogen = self._supervises = False
        # Of each thread that imports something.
        self._import_slots: dict[int, int] = {}
        self.is_doomed = False
        self._is_due = False
        self._interruptions = 0
        renew_after_fork(self, Recorder._renew)

    @property
    def is_open(self) -> bool:
        """Whether the process is of interest; a record of it there is only where one could be made."""
        return self._is_open

    @property
    def is_draining(self) -> bool:
        """Whether the process is being stopped."""
        return self._state == "draining"

    @property
    def is_supervisor(self) -> bool:
        """Whether the process waits for children."""
        return self._supervises

    def _renew(self) -> None:
        inherited, self._record = self._record, None
        stack, self._stack = self._stack, None
        self._state = "starting"
        was_supervisor, self._supervises = self._supervises, False
        self.is_doomed = False
        self._import_slots = {}
        if inherited is not None:
            inherited.abandon()
        if stack is not None:
            stack.abandon()
        self._interruptions = 0
        # A supervisor's child is a worker. Any other may be about to become another program, or the daemon that its
        # parent leaves behind: it has a record as soon as it does something.
        self._is_due = self._is_open and not was_supervisor
        if self._is_open and was_supervisor:
            self._create()

    def _at_work(self) -> ExitRecord | None:
        if self._is_due:
            self._create()
        return self._record

    # --- its life -------------------------------------------------------------------------------------------------

    @guarded
    def open(self, *, uses_autogen: bool = False) -> None:
        """This process is of interest: it serves, supervises, or has imported AutoGen."""
        self._uses_autogen = self._uses_autogen or uses_autogen
        if not self._is_open:
            self._is_open = True
            self._create()
        elif self._record is not None and uses_autogen:
            self._record.note(uses_autogen=True, heartbeat_ns=time.time_ns())

    def _create(self) -> None:
        self._is_due = False
        if not self._enabled:
            return
        from autogen_vitals.crashes.record import ExitRecord
        from autogen_vitals.crashes.state_dir import open_state_dir

        self._uid = uuid.uuid4().hex
        try:
            directory = self.directory = open_state_dir(self._given)
            self._record = ExitRecord.create(directory, self.group, self.identity())
        except (OSError, ImportError) as error:
            self._enabled = False
            _logger.warning(
                "autogen-vitals: no exit record is kept (%s): a killed process will not say what it was doing. Give a "
                "folder of your own in OTEL_PYTHON_AUTOGEN_STATE_DIR",
                error,
            )
            self._sink.recording(False)
            return
        self._sink.recording(True)
        self._stack = _stack_beside(self._record.path)
        self._record.note(
            self._state, uses_autogen=self._uses_autogen, supervises=self._supervises, heartbeat_ns=time.time_ns()
        )

    def identity(self) -> Identity:
        """Who this process is, as far as it is known by now."""
        from autogen_vitals.crashes.claims import pid_namespace

        facts = process.facts
        return Identity(
            uid=self._uid,
            pid=facts.pid,
            parent_pid=facts.parent_pid,
            start_ticks=start_ticks(facts.pid),
            parent_start_ticks=start_ticks(facts.parent_pid),
            pid_namespace=pid_namespace(),
            created_ns=facts.creation_time.wall_ns,
            server=facts.server,
            service=self._sink.service(),
            versions={name: version for name in _VERSIONED if (version := _version(name))},
        )

    @guarded
    def reached(self, state: LifeState) -> None:
        """It has come so far."""
        if self._record is None and self._is_open and state == "starting":
            self._create()  # a server that starts again after one that has ended
        self._state = state
        record = self._at_work()
        if record is not None:
            if state == "ready":
                record.identify(self.identity())
                self._imports_over()
            record.note(state, heartbeat_ns=time.time_ns())

    @guarded
    def supervises(self) -> None:
        """It waits for children."""
        self._supervises = True
        self.open()
        record = self._at_work()
        if record is not None:
            record.identify(self.identity())
            record.note(supervises=True, heartbeat_ns=time.time_ns())

    def siblings(self) -> list[Identity]:
        """Who else of the service is at work on this machine, as their records say."""
        if self.directory is None:
            return []
        from autogen_vitals.crashes.claims import living

        others = (words for words in living(self.directory, self.group) if words.identity.uid != self._uid)
        return [words.identity for words in others if words.state == "ready" and words.uses_autogen]

    @guarded
    def beat(self) -> None:
        """It lives."""
        if self._record is not None:
            self._record.note(heartbeat_ns=time.time_ns())

    @guarded
    def failed(self, error_type: str, category: Category | None, *, fatal: bool) -> None:
        """An exception has got out; ``fatal``: it is about to end the process."""
        record = self._at_work()
        if record is not None:
            record.error(error_type, category, fatal)

    @guarded
    def doomed(self, operation: str, phase: Phase) -> None:
        """The process ends by what it was at: that stays."""
        if self.is_doomed:
            return
        self.is_doomed = True
        record = self._record
        if record is not None:
            record.interrupt(record.begin(operation.encode(errors="replace"), phase, 0, 0, time.time_ns()))

    @guarded
    def ended(self) -> LastWords | None:
        """It has come to its own end. What to say of that, if an exception has ended it and nobody waits for it."""
        record = self._record
        if record is None or self.directory is None:
            return None
        from autogen_vitals.crashes.claims import supervised
        from autogen_vitals.crashes.layout import read

        self.reached("ended")
        if supervised(self.directory, self.group, self.identity()):
            return None  # who waits for it sees more, and takes the record away
        words = read(record.path.read_bytes())
        self.forget()
        return words if words is not None and words.fatal else None

    @guarded
    def forget(self) -> None:
        """Keep no record any more."""
        record, self._record = self._record, None
        stack, self._stack = self._stack, None
        self._import_slots = {}
        if stack is not None:
            stack.close()
        if record is not None:
            record.remove()

    def switch_off(self) -> None:
        """Keep no record, now or in a child that is forked later."""
        self._enabled = False
        self.forget()

    # --- what it is at --------------------------------------------------------------------------------------------

    @guarded
    def importing(self, name: str | None) -> None:
        """A package is being imported in this thread; ``None``: none any more."""
        record = self._at_work()
        if record is None:
            return
        thread = threading.get_ident()
        slot = self._import_slots.get(thread, _NO_SLOT)
        if name is None:
            self._import_slots.pop(thread, None)
            record.end(slot)
        elif slot == _NO_SLOT:
            self._import_slots[thread] = record.begin(_import_name(name), "import", 0, 0, time.time_ns())
        else:
            record.change(slot, _import_name(name), "import", 0, 0, time.time_ns())

    def _imports_over(self) -> None:
        # Nobody tells of the end of one whose library could not be loaded.
        slots, self._import_slots = self._import_slots, {}
        if self._record is not None:
            for slot in slots.values():
                self._record.end(slot)

    @guarded_by_position
    def opened(self, request: Request) -> None:
        """A request begins."""
        record = self._at_work()
        if record is not None:
            trace_id, span_id = self._sink.span_ids(request.span)
            request.slot = record.begin(b"", "request", trace_id, span_id, time.time_ns())

    @guarded_by_position
    def spanned(self, request: Request) -> None:
        """Its span has begun."""
        if self._record is not None and request.slot != _NO_SLOT:
            trace_id, span_id = self._sink.span_ids(request.span)
            self._record.change(request.slot, b"", "request", trace_id, span_id, time.time_ns())

    @guarded_by_position
    def closed(self, request: Request) -> None:
        """It is over."""
        slot, request.slot = request.slot, _NO_SLOT
        if self._record is not None and slot != _NO_SLOT:
            self._record.end(slot)

    @guarded_by_position
    def began(self, observation: Observation) -> None:
        """An init or a run begins."""
        record = self._at_work() if self._is_due else self._record
        if record is None:
            return
        if observation.sequence > 1 and observation.inside_init and not observation.known_slow:
            # A part that is built again with what it is a part of, and took no time before: of who dies meanwhile it
            # is enough to know the latter.
            return
        parent, request = observation.parent, observation.request
        slot = parent.slot if parent is not None else _NO_SLOT if request is None else request.slot
        if slot == _NO_SLOT:
            observation.owns_slot = True
            slot = record.begin(*self._flight(observation, observation.wall_ns))
        else:
            record.change(slot, *self._flight(observation, observation.wall_ns))
        observation.slot = slot

    def _flight(self, observation: Observation, now_ns: int) -> tuple[bytes, Phase, int, int, int]:
        span, parent, request = observation.span, observation.parent, observation.request
        # It may have no span of its own, so far.
        while span is None and parent is not None:
            span, parent = parent.span, parent.parent
        if span is None and request is not None:
            span = request.span
        operation = _name(observation.operation, observation.subject or observation.type)
        return operation, observation.phase, *self._sink.span_ids(span), now_ns

    @guarded_by_position
    def over(self, observation: Observation, error: BaseException | None) -> None:
        """It is over: what it was inside of is what goes on."""
        record, slot = self._record, observation.slot
        if record is None or slot == _NO_SLOT:
            return
        parent, request = observation.parent, observation.request
        if isinstance(error, SystemExit) and self._is_the_end():
            record.interrupt(slot)
        elif observation.owns_slot:
            record.end(slot)
        elif parent is not None:
            if not parent.ended:
                record.change(slot, *self._flight(parent, time.time_ns()))
        elif request is not None and not request.ended:
            self.spanned(request)

    def _is_the_end(self) -> bool:
        # As far as can be seen: an app may catch it, and what was interrupted is kept for good.
        self._interruptions += 1
        is_main_thread = threading.current_thread() is threading.main_thread()
        return is_main_thread and self._interruptions <= _INTERRUPTION_LIMIT


def _group() -> str:
    """The processes of one service, which report one another: they tell the same name to the same place."""
    told = [os.environ.get(variable, "") for variable in _GROUP_VARIABLES]
    named = "\0".join([*told, sys.prefix]).encode()
    # Nobody would forge it: no reason to load OpenSSL at each start, as hashlib does.
    return f"{zlib.crc32(named):08x}{zlib.adler32(named) & 0xFFFF:04x}"


@guarded
def _stack_beside(record: Path) -> StackFile | None:
    from autogen_vitals.crashes.native import StackFile

    return StackFile.open(record.with_suffix(".stack"))


def _version(package: str) -> str:
    version: object = getattr(sys.modules.get(package), "__version__", None)
    return version if isinstance(version, str) else ""


@lru_cache(maxsize=1024)
def _name(operation: Operation | None, subject: str) -> bytes:
    return f"{'init' if operation is None else operation.name} {subject}".encode(errors="replace")


@lru_cache(maxsize=256)
def _import_name(package: str) -> bytes:
    return f"import {package}".encode(errors="replace")
