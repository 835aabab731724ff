"""AG405 dependency-drift."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, ended_by

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash, Identity
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.startup import StartupReport

_VERSION = "service.version"


class DependencyDrift(Rule):
    """Two libraries do not fit each other as they are installed; or one ``service.version`` runs with several versions
    of them at once. Of processes that do not say their version it is not known whether they should be equal."""

    id = "AG405"
    name = "dependency-drift"
    severity = "warning"
    remedy = "pin together what was tested together, in a lock file"
    categories = ("dependency_drift",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire, naming what is installed."""
        installed = self.about.identity().versions
        versions = ", ".join(f"{package} {version}" for package, version in sorted(installed.items()))
        return self.about_crash(crash, ended_by(crash) + (f"; in use: {versions}" if versions else ""))

    def startup_ended(self, report: StartupReport) -> Finding | None:
        """Compare with the others of the service that are alive."""
        own = self.about.identity()
        version = own.service.get(_VERSION)
        if not version:
            return None
        alike = [other for other in self.about.siblings() if other.service.get(_VERSION) == version]
        differing = list(_differing(own, alike))
        if not differing:
            return None
        return self.finding(
            f"of {len(alike) + 1} processes of one {_VERSION} on this machine some have {'; '.join(differing)}",
            count=len(alike) + 1,
        )


def _differing(own: Identity, others: Iterable[Identity]) -> Iterable[str]:
    for package, version in sorted(own.versions.items()):
        versions = {version, *(other.versions[package] for other in others if package in other.versions)}
        if len(versions) > 1:
            yield f"{package} {' or '.join(sorted(versions))}"


RULE = DependencyDrift
