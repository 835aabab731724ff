"""AG404 docker-unavailable."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from autogen_vitals.findings.rule import Rule, ended_by

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding

_SOCKET = "/var/run/docker.sock"


class DockerUnavailable(Rule):
    """No Docker daemon answered. Where it was looked for is told, as far as the environment says."""

    id = "AG404"
    name = "docker-unavailable"
    severity = "error"
    remedy = "mount the daemon's socket, or run the code in a sandbox of its own, or by the local executor"
    categories = ("docker_unavailable",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire."""
        if os.environ.get("DOCKER_HOST"):
            where = "; DOCKER_HOST says where it should be"
        elif os.path.exists(_SOCKET):
            where = f"; {_SOCKET} is there, but nobody answers, or this user may not ask"
        else:
            where = f"; there is no {_SOCKET}, and DOCKER_HOST is not set"
        return self.about_crash(crash, ended_by(crash) + where)


RULE = DockerUnavailable
