"""Whether what was told of a dead process has really been delivered.

The file that says so is deleted then, and not before. The SDK does not tell: ``force_flush`` of its batch processor
answers ``True`` whatever the exporter said (1.34 to 1.45: ``BatchProcessor._export`` drops the result), and a batch
whose export failed is gone. So the exporters are listened to: from the moment at which the event is handed over, for a
processor may export it there and then or in a thread of its own, until it has been asked for its delivery. For that
time an exporter has an attribute ``export`` of its own, over its class's; afterwards it is as it was.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from autogen_vitals.guard import hide_caller_frame
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.telemetry.providers import flush_providers
from autogen_vitals.telemetry.reaching import reachable


class Delivery:
    """Knows which events of crashed processes have arrived. Safe for threads; a forked child expects nothing."""

    def __init__(self) -> None:
        self._listening: _Listening | None = None
        self._renew()
        renew_after_fork(self, Delivery._renew)

    def _renew(self) -> None:
        self._lock = threading.RLock()
        # Events handed over so far, and how many of them somebody has asked for since.
        self._handed_over = self._asked_for = 0
        self._deliveries = 0
        self._expected: _Listening | None = None
        self._stop_listening()

    def expect(self, logger_provider: Any) -> None:
        """An event is about to be handed to this provider."""
        with self._lock:
            self._handed_over += 1
            if self._listening is None:
                self._listening = self._expected = _Listening(logger_provider)

    def deliver(self, providers: tuple[Any, Any, Any], timeout: float) -> bool:
        """Flush the last of the tracer, meter and logger provider within ``timeout`` seconds.

        The others go out when they would: a master is told of a dead worker when it is about to fork the next one, and
        a child that is forked in the middle of a collection inherits the SDK's locks as they are.

        Returns:
            Whether the logs that were expected have arrived: some export has succeeded, none has failed. Where no
            exporter can be listened to, what ``force_flush`` of the logger provider says. Where nothing is expected,
            for there is no logs pipeline, whether there is another one, whose counters tell.
        """
        with self._lock:
            self._deliveries += 1
            handed_over, expected = self._handed_over, self._expected
        try:
            (flushed,) = flush_providers(providers[-1:], timeout)
        finally:
            with self._lock:
                self._deliveries -= 1
                self._asked_for = max(self._asked_for, handed_over)
                if not self._deliveries and self._is_all_asked_for():
                    self._stop_listening()
        if expected is None:
            return any(hasattr(provider, "force_flush") for provider in providers)
        if flushed is False or not expected.has_succeeded:
            # It stays expected: what the SDK has lost does not arrive by being asked for again.
            return False
        with self._lock:
            if self._expected is expected and self._is_all_asked_for():
                self._expected = None
        return True

    def forget(self) -> None:
        """Nobody will ask any more: every exporter is as it was."""
        with self._lock:
            self._expected = None
            self._stop_listening()

    def _is_all_asked_for(self) -> bool:
        # If not, another thread has handed over an event since, and will ask for it.
        return self._asked_for == self._handed_over

    def _stop_listening(self) -> None:
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.stop()


class _Listening:
    """Notes what the log exporters behind a provider answer."""

    def __init__(self, logger_provider: Any) -> None:
        # At most two: whether one has succeeded, whether one has failed.
        self._outcomes: set[bool] = set()
        self._stops: list[Callable[[], None]] = []
        for exporter in _log_exporters(logger_provider):
            stop = _listen(exporter, self._outcomes.add)
            if stop is not None:
                self._stops.append(stop)
        self._is_deaf = not self._stops

    @property
    def has_succeeded(self) -> bool:
        return self._is_deaf or self._outcomes == {True}

    def stop(self) -> None:
        for stop in self._stops:
            stop()


def _log_exporters(logger_provider: Any) -> list[Any]:
    # Who has none of the SDK's loggers has none of its exporters.
    module = sys.modules.get("opentelemetry.sdk._logs.export")
    # Its name until 1.38.
    base = getattr(module, "LogRecordExporter", None) or getattr(module, "LogExporter", None)
    return [] if base is None else reachable([logger_provider], base)


def _listen(exporter: Any, note: Callable[[bool], None]) -> Callable[[], None] | None:
    """Have each result of ``exporter.export`` noted; the answer undoes that. ``None`` for one that cannot be."""
    attributes: dict[str, Any] | None = getattr(exporter, "__dict__", None)
    if attributes is None:
        return None
    original, own = exporter.export, attributes.get("export")

    def export(*args: Any, **kwargs: Any) -> Any:
        try:
            result = original(*args, **kwargs)
        except BaseException as error:
            note(False)
            hide_caller_frame(error)
            raise
        note(getattr(result, "name", None) != "FAILURE")
        return result

    def stop() -> None:
        # Somebody who has wrapped it since keeps what they have; it goes on to pass everything through.
        if attributes.get("export") is not export:
            return
        if own is None:
            del attributes["export"]
        else:
            attributes["export"] = own

    attributes["export"] = export
    return stop
