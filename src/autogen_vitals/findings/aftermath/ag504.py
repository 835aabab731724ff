"""AG504 worker-timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.ends import EndRule, doing, how

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import ProcessExit
    from autogen_vitals.findings.finding import Finding

_AT_START = "start faster, or give it longer: --timeout of gunicorn, --timeout-worker-healthcheck of uvicorn"


class WorkerTimeout(EndRule):
    """Its supervisor has ended a worker that did not answer: something kept it, or what it waited for takes longer than
    the supervisor does."""

    id = "AG504"
    name = "worker-timeout"
    remedy = "find what kept it, autogen.loop.blocked has the line; then timeouts: model < request < supervisor"
    reasons = ("timeout",)

    def exited(self, exit: ProcessExit) -> Finding | None:
        """Fire; a worker that had not served yet was not kept from it by a request."""
        return self.about_exit(
            exit,
            f"did not answer {doing(exit)}, and was ended for that by its supervisor, {how(exit)}",
            remedy=_AT_START if exit.boot_failures else "",
            count=len(exit.flights),
        )


RULE = WorkerTimeout
