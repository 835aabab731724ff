"""AG301 missing-credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.crashes.classify import recognise
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.findings.rule import Rule, ended_by

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding

_VARIABLE = r"(?<![A-Za-z0-9_])(?=[A-Z0-9_]*(?:KEY|TOKEN|SECRET|PASSW|CREDENTIAL))[A-Z][A-Z0-9_]{2,79}(?![A-Za-z0-9_])"
_NAME_LIMIT = 3
_AT_IMPORT = "read it where the client is built, at start-up, not while the app is imported; set it for every worker"


class MissingCredentials(Rule):
    """There was no key, token or password. Which variable should have it is told by its name, where that is said."""

    id = "AG301"
    name = "missing-credentials"
    severity = "error"
    remedy = "set it for every worker, and read it where the client is built, at start-up"
    categories = ("missing_credentials",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire; what was read too early may be there later."""
        evidence, variables = ended_by(crash), _variables(crash)
        if variables:
            evidence += f"; {' or '.join(variables)} is not set"
        at_import = crash.phase == "import"
        evidence += "; it was asked for while the app was imported" if at_import else f"; phase {crash.phase}"
        return self.about_crash(crash, evidence, remedy=_AT_IMPORT if at_import else "")


def _variables(crash: Crash) -> list[str]:
    """The variables that the message names; none where nothing of it may be told."""
    if crash.error is None or not crash.message:
        return []
    recognised = recognise(crash.error)
    said = "" if recognised is None else recognised.link.text
    return list(dict.fromkeys(compiled(_VARIABLE).findall(said)))[:_NAME_LIMIT]


RULE = MissingCredentials
