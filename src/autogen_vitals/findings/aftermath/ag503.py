"""AG503 died-in-operation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.ends import EndRule, doing, how

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import ProcessExit
    from autogen_vitals.findings.finding import Finding


class DiedInOperation(EndRule):
    """A process was killed, or has vanished, while it was at something: that, and its trace, end there.

    How it ended is inferred where nobody saw it.
    """

    id = "AG503"
    name = "died-in-operation"
    remedy = "open the trace that it interrupted: the same operation each time is to blame, else the machine or a limit"
    reasons = ("signal",)

    def exited(self, exit: ProcessExit) -> Finding | None:
        """Fire."""
        was_seen = exit.signal is not None or exit.code is not None
        return self.about_exit(
            exit,
            f"ended {how(exit)} {doing(exit)}",
            confidence=None if was_seen else "inferred",
            count=len(exit.flights),
        )


RULE = DiedInOperation
