"""AG505 out-of-memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.ends import EndRule, doing

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import ProcessExit
    from autogen_vitals.findings.finding import Finding


class OutOfMemory(EndRule):
    """The kernel has killed a process, for its control group was out of memory: the group's own count says so. A mere
    SIGKILL is not taken for that."""

    id = "AG505"
    name = "out-of-memory"
    remedy = "a higher memory limit, or fewer workers in the container; bound what conversations keep"
    reasons = ("oom",)

    def exited(self, exit: ProcessExit) -> Finding | None:
        """Fire."""
        return self.about_exit(
            exit,
            f"was killed by the kernel {doing(exit)}: its control group was out of memory, and has counted that",
            count=len(exit.flights),
        )


RULE = OutOfMemory
