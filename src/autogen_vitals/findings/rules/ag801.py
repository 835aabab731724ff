"""AG801 instances-share-identity."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.startup import StartupReport

_INSTANCE = "service.instance.id"
_VARIABLE = "OTEL_RESOURCE_ATTRIBUTES"
_GIVEN = f"take {_INSTANCE} out of {_VARIABLE}, which all workers read: give the pod's name as k8s.pod.name"
_PID_LIMIT = 8


class InstancesShareIdentity(Rule):
    """Two live processes of the service export under one ``service.instance.id``: their metrics are one series, which
    nobody refuses. Either all were given it, or a forked one has its parent's, which an SDK before 1.43 leaves it."""

    id = "AG801"
    name = "instances-share-identity"
    severity = "error"
    remedy = f"opentelemetry-sdk 1.43 or later, which gives each forked process one of its own; no fixed {_INSTANCE}"

    def startup_ended(self, report: StartupReport) -> Finding | None:
        """Compare with the others of the service that are alive."""
        own = self.about.identity()
        instance = own.service.get(_INSTANCE)
        if not instance:
            return None
        others = sorted(other.pid for other in self.about.siblings() if other.service.get(_INSTANCE) == instance)
        if not others:
            return None
        is_given = f"{_INSTANCE}=" in os.environ.get(_VARIABLE, "")
        named = ", ".join(map(str, others[:_PID_LIMIT])) + (" and others" if len(others) > _PID_LIMIT else "")
        source = f"; it is in {_VARIABLE}" if is_given else ""
        return self.finding(
            f"process {own.pid} exports under the same {_INSTANCE} as {named}, which live, too{source}",
            remedy=_GIVEN if is_given else "",
            count=len(others) + 1,
        )


RULE = InstancesShareIdentity
