"""Crashes and ends of processes, counted.

By observable instruments only: a synchronous one goes on in a forked child with its parent's values, and the processes
that see most of these ends, masters and supervisors, are those that fork. (See ``telemetry.forked``.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from autogen_vitals import semconv
from autogen_vitals.crashes.reports import Crash, ProcessExit
from autogen_vitals.findings.catalogue import rule_of_category
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.telemetry.observing import OTHER, safely
from autogen_vitals.vocabulary import Category, ExitReason, Observer, Phase

_SERIES_LIMIT = 1000

_CrashKey = tuple[Category, Phase, str]
_ExitKey = tuple[ExitReason, Phase, Observer]


class CrashMetrics:
    """Two counters, and the gauge of exit records. All of them are empty in a forked child.

    Args:
        meter: makes the instruments.
        bounded: keeps the names of classes few.
        has_recorded: whether this process has anything else to export. The gauge keeps silent in one that has not,
            so that a process that never uses AutoGen exports nothing for it.
    """

    def __init__(
        self, meter: Meter, bounded: Callable[[str | None], str | None], has_recorded: Callable[[], bool]
    ) -> None:
        self._bounded = bounded
        self._has_recorded = has_recorded
        self._renew()
        renew_after_fork(self, CrashMetrics._renew)
        for metric, observe in ((semconv.CRASHES, self._observe_crashes), (semconv.PROCESS_EXITS, self._observe_exits)):
            meter.create_observable_counter(
                metric.name, [safely(observe)], unit=metric.unit, description=metric.meaning
            )
        enabled = semconv.EXIT_RECORD_ENABLED
        meter.create_observable_gauge(
            enabled.name, [safely(self._observe_enabled)], unit=enabled.unit, description=enabled.meaning
        )

    def _renew(self) -> None:
        # Reentrant: a master may learn of a dead worker in a signal handler that interrupts this very thread.
        self._lock = threading.RLock()
        self._crashes: dict[_CrashKey, int] = {}
        self._exits: dict[_ExitKey, int] = {}
        self._enabled: bool | None = None

    def crashed(self, crash: Crash) -> None:
        """Count one. Beyond ``_SERIES_LIMIT`` series the class of the exception is no longer told."""
        error_type = self._bounded(crash.error_type) or OTHER
        with self._lock:
            key = (crash.category, crash.phase, error_type)
            if key not in self._crashes and len(self._crashes) >= _SERIES_LIMIT:
                key = (crash.category, crash.phase, OTHER)
            self._crashes[key] = self._crashes.get(key, 0) + 1

    def exited(self, exit: ProcessExit) -> None:
        """Count one. There are as many series as there are words for it."""
        with self._lock:
            key = (exit.reason, exit.phase, exit.observed_by)
            self._exits[key] = self._exits.get(key, 0) + 1

    def recording(self, enabled: bool) -> None:
        """Whether this process keeps an exit record."""
        self._enabled = enabled

    def _observe_crashes(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, _crash_attributes(key)) for key, count in list(self._crashes.items())]

    def _observe_exits(self, options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(count, _exit_attributes(key)) for key, count in list(self._exits.items())]

    def _observe_enabled(self, options: CallbackOptions) -> Iterable[Observation]:
        if self._enabled is None:
            return []
        if self._enabled and not (self._crashes or self._exits or self._has_recorded()):
            return []
        return [Observation(int(self._enabled))]


def _crash_attributes(key: _CrashKey) -> dict[str, Any]:
    category, phase, error_type = key
    rule = rule_of_category(category)
    return {
        semconv.CRASH_CATEGORY: category,
        semconv.PHASE: phase,
        semconv.ERROR_TYPE: error_type,
        semconv.FINDING_RULE: "" if rule is None else rule.id,
    }


def _exit_attributes(key: _ExitKey) -> dict[str, Any]:
    reason, phase, observer = key
    return {semconv.EXIT_REASON: reason, semconv.PHASE: phase, semconv.EXIT_OBSERVED_BY: observer}
