"""AG501 crash-loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.catalogue import rule_of_category
from autogen_vitals.findings.ends import EndRule, doing, how, last_error

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import ProcessExit
    from autogen_vitals.findings.finding import Finding


class CrashLoop(EndRule):
    """The third process of a supervisor, and each one after it, that ends before it could serve, within 5 minutes.

    It takes the place of the rule that one such end alone falls under.
    """

    id = "AG501"
    name = "crash-loop"
    severity = "critical"
    remedy = "roll back; then look at what the last of them failed with, in this operation"

    def exited(self, exit: ProcessExit) -> Finding | None:
        """Fire."""
        rule = None if exit.category is None else rule_of_category(exit.category)
        return self.about_exit(
            exit,
            f"ended {how(exit)} {doing(exit)}, number {exit.boot_failures} of its supervisor's that ended before they "
            f"could serve, within 5 minutes{last_error(exit)}",
            remedy="" if rule is None else f"roll back; then {rule.id}: {rule.remedy}",
            count=exit.boot_failures,
        )


RULE = CrashLoop
