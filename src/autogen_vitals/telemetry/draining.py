"""Measurements that are recorded before they are collected, because more come than the queue holds until then.

The SDK's default is one collection a minute. A dozen requests a second, each with some measurements, fill the queue in
less.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import Histogram

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.forking import prepare_for_fork, renew_after_fork, wait_for_end

_LONGEST_WAIT = 1.0
"""Seconds that a collection or a fork is held up, for what takes a hundredth of that."""


class EarlyDrain:
    """Empties the queue in a thread of its own: never while the app waits. A forked child begins anew.

    Args:
        drain: records what is queued.
    """

    def __init__(self, drain: Callable[[], object]) -> None:
        self._drain = guarded(drain)
        self._renew()
        prepare_for_fork(self, EarlyDrain._prepare)
        renew_after_fork(self, EarlyDrain._renew)

    def _prepare(self) -> None:
        # A child would inherit the SDK's locks as that thread holds them.
        self.wait()
        thread, self._thread = self._thread, None
        if thread is not None:
            wait_for_end(thread, _LONGEST_WAIT)

    def _renew(self) -> None:
        self._at_work = threading.Lock()
        self._thread: threading.Thread | None = None

    def soon(self) -> None:
        """Now, unless that is being done."""
        if not self._at_work.acquire(blocking=False):
            return
        thread = threading.Thread(target=self._work, name="autogen-vitals-drain", daemon=True)
        try:
            thread.start()
            self._thread = thread
        except RuntimeError:
            self._at_work.release()  # the interpreter is shutting down, and the SDK with it: that collects

    def wait(self) -> None:
        """Until what is being recorded is: a collection that begins now, the last one perhaps, has all of it."""
        if self._at_work.acquire(timeout=_LONGEST_WAIT):
            self._at_work.release()

    @guarded
    def _work(self) -> None:
        try:
            self._drain()
        finally:
            self._at_work.release()


def is_read(histogram: Histogram) -> bool:
    """Whether somebody will collect it: there is an SDK, and it has a reader.

    There is no public way; where the SDK's private names are missing the answer is no, and the queue waits for its
    collection.
    """
    instrument: Any = getattr(histogram, "_real_instrument", None) or histogram
    consumer = getattr(instrument, "_measurement_consumer", None)
    return bool(getattr(consumer, "_reader_storages", None))
