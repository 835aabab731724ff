"""AG506 native-crash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.ends import EndRule, doing, how, innermost

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import ProcessExit
    from autogen_vitals.findings.finding import Finding


class NativeCrash(EndRule):
    """Native code has failed: SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, or a SIGABRT that no supervisor has sent."""

    id = "AG506"
    name = "native-crash"
    remedy = "upgrade or pin the package at the top of the stack; build what has native threads after the fork"

    def exited(self, exit: ProcessExit) -> Finding | None:
        """Fire, with the line where it hit, if somebody kept it."""
        where = innermost(exit.stack)
        return self.about_exit(
            exit,
            f"ended {how(exit)} {doing(exit)}{f'; Python was at {where}' if where else ''}",
            count=len(exit.flights),
        )


RULE = NativeCrash
