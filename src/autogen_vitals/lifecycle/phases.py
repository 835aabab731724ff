"""The phase of the process's life."""

from __future__ import annotations

import time
from collections.abc import Callable

from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.vocabulary import LifeState, Phase


class Phases:
    """Knows whether the process is still starting, serves, or drains.

    One object a process, written by the moments of its life, read by every observation. A forked worker starts anew.

    Args:
        told: hears of each new state.

    Attributes:
        ready_ns: since when it is ready, on the monotonic clock.
    """

    def __init__(self, told: Callable[[LifeState], object] = lambda state: None) -> None:
        self._told = told
        self._reset()
        renew_after_fork(self, Phases._reset)

    def _reset(self) -> None:
        self.starting = False
        self.ready = False
        self.draining = False
        self.ready_ns: int | None = None

    def begin_starting(self) -> None:
        """A server has begun its own start-up: until it is ready, no run makes the process ready.

        A process may start a server again after one has drained, as test clients do.
        """
        self.starting = True
        self.ready = False
        self.ready_ns = None
        self.draining = False
        self._told("starting")

    def become_ready(self) -> None:
        """The server is up, or the first request has come."""
        self.starting = False
        if not self.ready:
            self.ready = True
            self.ready_ns = time.perf_counter_ns()
            self._told("ready")

    def drain(self) -> None:
        """It takes no more work."""
        if not self.draining:
            self.draining = True
            self._told("draining")

    def first_request(self) -> None:
        """A request, or an outermost run, begins: outside a server's own start-up that is what "ready" means."""
        if not self.starting and not self.ready:
            self.become_ready()

    def phase(self, *, in_request: bool, importing: bool) -> Phase:
        """The phase of something that happens now."""
        if self.draining:
            return "draining"
        if in_request and not self.starting:
            return "request"
        if importing:
            return "import"
        return "background" if self.ready else "startup"
