"""Garbage collections: after a start has imported and built so much, a full one takes a tenth of a second and more."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable

from autogen_vitals.guard import guarded


class Collections:
    """Times the collections of the main thread, for as long as it is installed, but for those of the youngest objects:
    there are hundreds in a start, of some dozen microseconds each. What another thread collects need not keep anybody
    waiting: a tool may be asleep meanwhile.

    ``gc`` calls back at the beginning and the end of each, in the thread that it interrupts; a collection never
    interrupts another one. A child forked meanwhile sees the end only, of which it makes nothing.

    Args:
        told: gets begin and end on the monotonic clock. Called inside a collection: it must not wait for a lock.
    """

    def __init__(self, told: Callable[[int, int], object]) -> None:
        self._told = told
        self._begin_ns = 0
        # One object, that it may be found again.
        self._callback = guarded(self._called)

    def _called(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            is_timed = info["generation"] > 0 and threading.get_ident() == threading.main_thread().ident
            self._begin_ns = time.perf_counter_ns() if is_timed else 0
        elif self._begin_ns:
            begin_ns, self._begin_ns = self._begin_ns, 0
            self._told(begin_ns, time.perf_counter_ns())

    @guarded
    def install(self) -> None:
        """Be called from now on."""
        if self._callback not in gc.callbacks:
            gc.callbacks.append(self._callback)

    @guarded
    def remove(self) -> None:
        """Be called no more."""
        if self._callback in gc.callbacks:
            gc.callbacks.remove(self._callback)
