"""AG402 missing-binary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding

_PROGRAM = r"No such file or directory: '(?:[^']*/)?([^'/]+)'"


class MissingBinary(Rule):
    """A program that was to be run is not installed: a shell of a code executor, the server of an MCP workbench."""

    id = "AG402"
    name = "missing-binary"
    severity = "error"
    remedy = "install the program in the image, and look for it at start-up: shutil.which()"
    categories = ("missing_binary",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire, naming the program where the message does."""
        program = compiled(_PROGRAM).search(crash.message)
        remedy = "" if program is None else f"install {program[1]} in the image, and look for it at start-up"
        return self.about_crash(crash, remedy=remedy)


RULE = MissingBinary
