"""Findings, counted: by an observable instrument, for the reason that ``crash_metrics`` gives."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from autogen_vitals import semconv
from autogen_vitals.findings.finding import Finding
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.telemetry.observing import OTHER, safely
from autogen_vitals.telemetry.places import short_place
from autogen_vitals.vocabulary import Severity

_SITE_LIMIT = 100

_Key = tuple[str, Severity, str]


class FindingMetrics:
    """One counter; empty in a forked child. Beyond ``_SITE_LIMIT`` sites the line is no longer told."""

    def __init__(self, meter: Meter) -> None:
        self._renew()
        renew_after_fork(self, FindingMetrics._renew)
        metric = semconv.FINDINGS
        meter.create_observable_counter(
            metric.name, [safely(self._observe)], unit=metric.unit, description=metric.meaning
        )

    def _renew(self) -> None:
        # Reentrant: a master may learn of a dead worker in a signal handler that interrupts this very thread.
        self._lock = threading.RLock()
        self._counts: dict[_Key, int] = {}
        self._sites: set[str] = set()

    def found(self, finding: Finding) -> None:
        """Count one."""
        site = short_place(finding.site)
        with self._lock:
            if site not in self._sites and len(self._sites) >= _SITE_LIMIT:
                site = OTHER
            self._sites.add(site)
            key = (finding.rule, finding.severity, site)
            self._counts[key] = self._counts.get(key, 0) + 1

    def _observe(self, options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(
                count,
                {semconv.FINDING_RULE: rule, semconv.FINDING_SEVERITY: severity, semconv.FINDING_SITE: site},
            )
            for (rule, severity, site), count in list(self._counts.items())
        ]
