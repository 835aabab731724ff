"""AG305 closed-file-or-stdin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.findings.rule import Rule, ended_by

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding

_INPUT = r"reading a line|lost sys\.std|user input"
_NO_INPUT = "no human input in what runs unattended: give UserProxyAgent an input_func that asks where the user is"


class ClosedFileOrStdin(Rule):
    """Something reads from a standard input that a worker has not, or writes to a file that is closed: by a fork, a
    reload, or a client that hung up."""

    id = "AG305"
    name = "closed-file-or-stdin"
    severity = "error"
    remedy = "no human input in workers; open log handlers and files after the fork, where they are used"
    categories = ("closed_file",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire."""
        asked = crash.error_type == "EOFError" or compiled(_INPUT).search(crash.message) is not None
        return self.about_crash(crash, f"{ended_by(crash)}; phase {crash.phase}", remedy=_NO_INPUT if asked else "")


RULE = ClosedFileOrStdin
