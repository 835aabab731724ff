"""AG306 invalid-config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autogen_vitals.crashes.chain import Link, links
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.crashes.redact import redact
from autogen_vitals.findings.rule import Rule, ended_by
from autogen_vitals.guard import guarded

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding

_FIELD = r"[A-Za-z_][A-Za-z0-9_]{0,39}"
_FIELD_LIMIT = 3


class InvalidConfig(Rule):
    """A component was given what it does not accept. Of a model of pydantic's, the fields are named."""

    id = "AG306"
    name = "invalid-config"
    severity = "error"
    remedy = "correct the argument at this line; build everything once in a test, with the configuration of production"
    categories = ("invalid_config",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire."""
        evidence, fields = ended_by(crash), _fields(crash.error) or []
        if fields:
            evidence += f"; wrong or missing: {', '.join(fields)}"
        return self.about_crash(crash, evidence)


@guarded
def _fields(error: BaseException | None) -> list[str]:
    """Names of the fields that pydantic complains of; not what was in them."""
    for link in () if error is None else links(error):
        if link.error is not None and _is_of_pydantic(link):
            invalid: Any = link.error
            where = [problem["loc"] for problem in invalid.errors(include_url=False, include_context=False)]
            return list(dict.fromkeys(filter(None, (_name(steps) for steps in where))))[:_FIELD_LIMIT]
    return []


def _is_of_pydantic(link: Link) -> bool:
    return ("pydantic_core", "ValidationError") in link.names


def _name(steps: tuple[object, ...]) -> str:
    """A key of a dictionary is one of the steps, too, and may be anything: what is no name is left out."""
    named = [step for step in steps if isinstance(step, str) and compiled(_FIELD).fullmatch(step)]
    path = ".".join(named)
    return path if redact(path) == path else ""


RULE = InvalidConfig
