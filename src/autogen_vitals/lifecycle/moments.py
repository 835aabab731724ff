"""The moments of a process's life that its server tells us of."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.observation import Sink
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.vocabulary import Moment

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.deaths import Deaths


class Moments:
    """Acts on what a server does.

    Args:
        tracker: knows the phases.
        sink: is flushed when the process ends.
        escapes: told of what has ended the program.
        deaths: gives what is told what the process is to others, and that it ends; asked for only where that matters.
        flush_timeout: seconds an ending process may wait for that.
    """

    def __init__(
        self, tracker: Tracker, sink: Sink, escapes: Escapes, deaths: Callable[[], Deaths], flush_timeout: float
    ) -> None:
        self._tracker = tracker
        self._recorder = tracker.recorder
        self._sink = sink
        self._escapes = escapes
        self._deaths = deaths
        self._flush_timeout = flush_timeout

    @guarded
    def reached(self, moment: Moment) -> None:
        """``starting``: the server's own start-up begins. ``ready``: it serves. ``draining``: it takes no more work.
        ``ending``: the last call before the process is gone. ``becomes_fork_server``: from now on its work is to fork
        workers. ``becomes_worker``: it has been forked to work. ``becomes_supervisor``: it waits for workers that it
        does not fork."""
        phases = self._tracker.phases
        if moment == "starting":
            phases.begin_starting()
        elif moment == "ready":
            # Uvicorn's start-up is over in any case, and the process too then.
            if not self._recorder.is_doomed:
                phases.become_ready()
        elif moment == "draining":
            phases.drain()
        elif moment == "ending":
            phases.drain()
            self._tracker.settle()
            self._tracker.startup.close()
            self._end()
            # A process that never used AutoGen ends as it would without us.
            if self._sink.has_recorded:
                self._sink.flush(self._flush_timeout)
        elif moment == "becomes_fork_server":
            process.facts.is_fork_server = True
            self._supervise()
        elif moment == "becomes_supervisor":
            self._supervise()
        elif moment == "becomes_worker":
            process.facts.is_fork_server = False

    @guarded
    def exiting(self) -> None:
        """The interpreter is about to exit: nothing will be forked any more."""
        self._escapes.main_thread_ended()
        self._tracker.settle()
        self._tracker.startup.close()
        # As long as there is a record of this process, others leave its children to it.
        if self._recorder.is_open:
            self._deaths().settle()
        self._end()
        self._sink.last_chance()

    def _supervise(self) -> None:
        self._recorder.supervises()
        self._deaths().supervises()

    def _end(self) -> None:
        words = self._recorder.ended()
        if words is not None:
            self._deaths().own_end(words)
