"""Exceptions that get out: of a run, an init or a request, of the app's start, of the process."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from autogen_vitals.crashes.frames import frames
from autogen_vitals.crashes.reports import Crash
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.errors import category_of, identify
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.observation import Observation, Sink
from autogen_vitals.lifecycle.phases import Phases
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.sites import Site, SiteFinder
from autogen_vitals.vocabulary import Category, Escape, MessageMode, Phase

_SEEN_LIMIT = 256
_CHAIN_LIMIT = 16
_ENDS_OF_ITS_OWN = (KeyboardInterrupt, SystemExit, GeneratorExit)
_OF_OTHERS = frozenset({"HaltServer"})
"""What a supervisor raises when it is told of a child's end, by class: gunicorn's, of workers that do not boot."""
_FATAL: tuple[Escape, ...] = ("import", "lifespan", "process")
_LAST: tuple[Escape, ...] = ("loop", "thread")
"""Behind these it comes to nowhere else: whoever is like it afterwards is another one, at the address of a dead one."""
_IN_INIT: tuple[Escape, ...] = ("init", "import", "lifespan")
_WAY_OUT: dict[Escape, int] = {
    "init": 0,
    "run": 0,
    "request": 2,
    "import": 2,
    "lifespan": 2,
    "loop": 3,
    "thread": 4,
    "process": 5,
}
"""What an exception comes through one after another; 1 is a block of the user's, which may be inside a request."""
_PHASES: dict[Escape, Phase] = {"import": "import", "request": "request"}


class Escapes:
    """Reports each exception that got out, once, however many places see it pass.

    Args:
        sink: is told.
        phases: where in the life of the process it is.
        recorder: keeps the last one's class.
        messages: which messages may be told.
        failed_import: name and error of the last import that failed, if one did.
        flush_timeout: seconds that a process which cannot go on may wait for the export of the reason.
        sites: finds the user's line.
    """

    def __init__(
        self,
        sink: Sink,
        phases: Phases,
        recorder: Recorder,
        messages: MessageMode,
        failed_import: Callable[[], tuple[str, BaseException] | None],
        flush_timeout: float,
        sites: SiteFinder,
    ) -> None:
        self.active = True
        self._sink = sink
        self._phases = phases
        self._recorder = recorder
        self._messages: MessageMode = messages
        self._failed_import = failed_import
        self._flush_timeout = flush_timeout
        self._sites = sites
        self._renew()
        renew_after_fork(self, Escapes._renew)

    def _renew(self) -> None:
        # What tells an exception from others, not the exception: it would keep its frames alive. And how far out it
        # has come: one that is further in again is another one, which has the address of an earlier one.
        self._seen: OrderedDict[tuple[object, ...], int] = OrderedDict()

    def switch_off(self) -> None:
        """Tell of nothing any more."""
        self.active = False

    @guarded
    def observed(self, observation: Observation, error: BaseException) -> None:
        """It has ended an init or a run that is not part of another one."""
        escape: Escape = "init" if observation.operation is None else "run"
        name = "init" if observation.operation is None else observation.operation.name
        if not self.active or not self._is_new(error, escape, _WAY_OUT[escape]):
            return
        self._tell(
            error,
            escape,
            observation.error or type(error).__qualname__,
            observation.category or "other",
            observation.phase,
            f"{name} {observation.subject or observation.type}",
            observation.span,
            self._site_of(observation, error),
        )

    def _site_of(self, observation: Observation, error: BaseException) -> Site | None:
        # It is on its way out still: its traceback does not have the caller yet.
        found = self._sites.raised_at(error) or self._sites.caller()
        if found is None and observation.birth is not None:
            found = observation.birth.site
        return found or self._sites.caller(through_loop=True)

    @guarded
    def escaped(self, error: BaseException, escape: Escape, operation: str = "", span: Any = None) -> None:
        """It has ended something else."""
        if not self.active or not self._recorder.is_open or isinstance(error, KeyboardInterrupt):
            return
        if type(error).__name__ in _OF_OTHERS:
            return
        reached = 1 if escape == "request" and operation else _WAY_OUT[escape]
        if escape in _FATAL:
            error, escape, operation = self._at_its_root(error, escape, operation)
        error_type, category = type(error).__qualname__, category_of(error, in_init=escape in _IN_INIT)
        phase = self._phases.phase(in_request=False, importing=False)
        is_fatal = escape in _FATAL and phase != "draining"
        if phase != "draining":
            phase = _PHASES.get(escape, phase)
        # Who leaves by an exit code because of what has failed before says nothing new.
        is_consequence = isinstance(error, SystemExit) and self._recorder.is_doomed
        if is_fatal and category != "cancelled" and not _is_wanted(error) and not is_consequence:
            self._recorder.failed(error_type, category, fatal=True)
            if operation:
                self._recorder.doomed(operation, phase)
        if not self._is_new(error, escape, reached):
            return
        site = self._sites.raised_at(error)
        self._tell(error, escape, error_type, category, phase, operation, span, site, is_fatal=is_fatal)
        if is_fatal:
            # Gunicorn ends the other workers, however far they are, as soon as one has failed to boot.
            self._sink.flush(self._flush_timeout)

    @guarded
    def main_thread_ended(self) -> None:
        """The interpreter is about to exit: whether an exception has ended the program is in ``sys``.

        ``sys.excepthook`` stays as it is: others replace it only where they find the interpreter's own.
        """
        error: object = getattr(sys, "last_exc", None) or getattr(sys, "last_value", None)
        is_interactive = hasattr(sys, "ps1")
        if isinstance(error, BaseException) and not is_interactive and _came_through_main(error.__traceback__):
            self.escaped(error, "process")

    @guarded
    def thread_ended(self, args: threading.ExceptHookArgs) -> None:
        """What ``threading.excepthook`` is told."""
        if args.exc_value is not None:
            self.escaped(args.exc_value, "thread")

    @guarded
    def loop_complained(self, context: dict[str, Any]) -> None:
        """What an event loop's ``call_exception_handler`` is told: of tasks that nobody awaits."""
        error: object = context.get("exception")
        if isinstance(error, BaseException) and ("task" in context or "future" in context):
            self.escaped(error, "loop")

    def _at_its_root(self, error: BaseException, escape: Escape, operation: str) -> tuple[BaseException, Escape, str]:
        """Servers turn what an import has failed with into errors of their own, or into an exit."""
        behind = list(_behind(error))
        failed = self._failed_import()
        if failed is not None and any(failed[1] is link for link in (error, *behind)):
            return failed[1], "import", f"import {failed[0]}"
        if isinstance(error, SystemExit) and error.code and behind:
            return behind[0], escape, operation
        return error, escape, operation

    def _is_new(self, error: BaseException, escape: Escape, reached: int) -> bool:
        if isinstance(error, _ENDS_OF_ITS_OWN):
            return False
        # What ends the process may be seen to do so more than once; a request is ended by one exception once.
        limit = reached if escape in _FATAL else reached - 1
        identity = identify(error)
        told = self._seen.get(identity, limit + 1) <= limit
        if not told and escape not in ("init", "run"):
            # What wraps a crash on its way out is no other one.
            told = any(self._seen.get(identify(link), limit + 1) <= limit for link in _behind(error))
        if escape in _LAST and not told:
            self._seen.pop(identity, None)
            return True
        self._seen[identity] = reached
        self._seen.move_to_end(identity)
        while len(self._seen) > _SEEN_LIMIT:
            self._seen.popitem(last=False)
        return not told

    def _tell(
        self,
        error: BaseException,
        escape: Escape,
        error_type: str,
        category: Category,
        phase: Phase,
        operation: str,
        span: Any,
        site: Site | None,
        *,
        is_fatal: bool = False,
    ) -> None:
        if category == "cancelled":
            return  # whoever had asked for it gave it up
        # Not needed by a process in which nothing fails.
        from autogen_vitals.crashes.messages import told

        self._recorder.failed(error_type, category, fatal=is_fatal)
        self._sink.crashed(
            Crash(
                error_type,
                category,
                phase,
                escape,
                operation,
                told(error, self._messages, in_init=escape in _IN_INIT),
                frames(error.__traceback__),
                time.time_ns(),
                span,
                site,
                error,
            )
        )


def _is_wanted(error: BaseException) -> bool:
    """Whether who raised it asked for an end that is no failure."""
    return isinstance(error, (KeyboardInterrupt, GeneratorExit)) or (isinstance(error, SystemExit) and not error.code)


def _behind(error: BaseException) -> Iterator[BaseException]:
    for _ in range(_CHAIN_LIMIT):
        following = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if following is None:
            return
        yield following
        error = following


def _came_through_main(traceback: TracebackType | None) -> bool:
    """Whether it has left the program itself: a debugger, a notebook or a test runner leaves others there."""
    if traceback is None:
        return False
    frame = traceback.tb_frame
    if frame.f_globals.get("__name__") == "runpy":
        return True  # python -m
    return frame.f_code.co_name == "<module>" and frame.f_globals.get("__name__") == "__main__"
