"""AG303 not-serialisable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.findings.culprits import whereabouts
from autogen_vitals.findings.rule import Rule, ended_by

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding


class NotSerialisable(Rule):
    """An object was to be pickled, copied or dumped, and cannot be: something in it holds a lock, a connection or code.

    What a constructor copies is its configuration: that is AG304.
    """

    id = "AG303"
    name = "not-serialisable"
    severity = "error"
    remedy = "let names and plain data travel, and build agents and clients on the other side"
    categories = ("not_serialisable",)

    @classmethod
    def concerns_crash(cls, crash: Crash) -> bool:
        """Unless it ended an init."""
        return crash.category in cls.categories and crash.escaped != "init"

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire, and say where the part is that cannot travel."""
        return self.about_crash(crash, ended_by(crash) + whereabouts(crash.error, self.about.sites))


RULE = NotSerialisable
