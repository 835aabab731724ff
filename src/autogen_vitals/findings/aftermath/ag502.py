"""AG502 died-before-serving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.catalogue import rule_of_category
from autogen_vitals.findings.ends import EndRule, doing, how, last_error

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import ProcessExit
    from autogen_vitals.findings.finding import Finding

_KILLED = "somebody killed it as it started: look at memory, for all workers import at once, and at who stops them"
_EXITED = "no exception is known of: look for sys.exit() in the app, and for a lifespan that failed"


class DiedBeforeServing(EndRule):
    """A process has ended in an import, or in its start-up, and that was not asked of it."""

    id = "AG502"
    name = "died-before-serving"
    remedy = "look under Crashes for what failed in import or start-up, and mend that"
    reasons = ("boot_failure",)

    def exited(self, exit: ProcessExit) -> Finding | None:
        """Fire; what to do is what the rule of its last exception says."""
        rule = None if exit.category is None else rule_of_category(exit.category)
        if rule is not None:
            remedy = f"{rule.id}: {rule.remedy}"
        elif exit.error_type not in ("", "SystemExit"):
            remedy = ""
        else:
            remedy = _EXITED if exit.signal is None else _KILLED
        return self.about_exit(
            exit,
            f"ended {how(exit)} {doing(exit)}, before it could serve{last_error(exit)}",
            remedy=remedy,
            count=exit.boot_failures,
        )


RULE = DiedBeforeServing
