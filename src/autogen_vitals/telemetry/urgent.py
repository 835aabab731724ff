"""What cannot wait for the next export, for the process may be gone by then."""

from __future__ import annotations

import threading
from collections.abc import Callable

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork, wait_for, wait_for_end

_LONGEST_WAIT = 3.0
"""Seconds that a fork is held up, once."""

_LEAVING_SECONDS = 0.5
"""Seconds that a thread at rest may take to end before a fork."""

_PAUSE = 1.0
"""Seconds between two flushes: a service whose every request fails has one a second, and not one a request."""


class Urgent:
    """Flushes soon, in a thread of its own: never while the app waits. A forked child begins anew.

    Args:
        flush: hands everything out.
    """

    def __init__(self, flush: Callable[[], object]) -> None:
        self._flush = guarded(flush)
        self._has_waited = self._is_last = False
        self._renew()
        prepare_for_fork(self, Urgent._prepare)
        renew_after_fork(self, Urgent._renew)

    def _prepare(self) -> None:
        if self._is_flushing.locked() and not self._has_waited:
            self._has_waited = True
            wait_for(self._is_flushing, _LONGEST_WAIT)
        thread = self._thread
        if thread is not None and not self._is_flushing.locked():
            # At rest.
            self._pause.set()
            wait_for_end(thread, _LEAVING_SECONDS)

    def _renew(self) -> None:
        self._wanted = False
        self._at_work = threading.Lock()
        self._is_flushing = threading.Lock()
        self._pause = threading.Event()
        self._thread: threading.Thread | None = None

    def soon(self) -> None:
        """Something must go out."""
        self._wanted = True
        if not self._at_work.acquire(blocking=False):
            return
        thread = threading.Thread(target=self._work, name="autogen-vitals-flush", daemon=True)
        if not self._is_last:
            self._pause.clear()
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:
            self._at_work.release()  # the interpreter is shutting down, and the SDK with it: that flushes

    def last(self) -> None:
        """Nothing more will be told: what is wanted goes out now, and the thread ends."""
        self._is_last = True
        self._pause.set()

    @guarded
    def _work(self) -> None:
        try:
            while self._wanted:
                self._wanted = False
                with self._is_flushing:
                    self._flush()
                self._pause.wait(_PAUSE)
        finally:
            self._thread = None
            self._at_work.release()
        if self._wanted:
            self.soon()  # asked for between the last look and the release
