"""Which rule a crash, an end or a re-init falls under, and what to do about it, in a line: as the catalogue says."""

from __future__ import annotations

from typing import Final, NamedTuple

from autogen_vitals.findings.catalogue import rule_of_category, rule_of_reason
from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, NOT_CRASHES, Category, ComponentKind, ExitReason


class Remedy(NamedTuple):
    """The id of the rule, whose page is ``docs/rules/<id>.md`` (empty: none), and a line."""

    rule: str
    line: str


_UPSTREAM = "retries and timeouts of the client, limits of the provider; not the process's fault"

_OTHER_CATEGORIES: Final[dict[Category, Remedy]] = {
    "rate_limited": Remedy("AG603", _UPSTREAM),
    "timeout": Remedy("AG603", _UPSTREAM),
    "connection": Remedy("AG603", _UPSTREAM),
    "cancelled": Remedy("", "somebody gave it up: a client that hung up, or a timeout around it"),
    "other": Remedy("", "class, file and line are on the event autogen.crash; the category links to how to read it"),
}
_OTHER_REASONS: Final[dict[ExitReason, Remedy]] = {
    "exception": Remedy("", "look under Crashes for its category"),
    "unknown": Remedy("", "nobody saw its status; os._exit leaves no more than a code"),
}


def _of(rule: type[Rule] | None, what: str) -> Remedy:
    if rule is None:
        raise ValueError(f"{what} has no rule in the catalogue, and no remedy here")
    return Remedy(rule.id, rule.remedy)


CATEGORY_REMEDIES: Final[dict[Category, Remedy]] = {
    category: _OTHER_CATEGORIES.get(category) or _of(rule_of_category(category), category) for category in CATEGORIES
}

EXIT_REMEDIES: Final[dict[ExitReason, Remedy]] = {
    reason: _OTHER_REASONS.get(reason) or _of(rule_of_reason(reason), reason)
    for reason in EXIT_REASONS
    if reason not in NOT_CRASHES
}

REBUILD_REMEDIES: Final[dict[ComponentKind, Remedy]] = {
    "model_client": Remedy("AG101", "one client for each process and event loop, built at start-up"),
    "agent": Remedy("AG102", "right while it is cheap: agents have state"),
    "team": Remedy("AG102", "right while it is cheap: teams have state"),
    "tool": Remedy("AG103", "build it at start-up, keep what is the user's own out of it"),
    "workbench": Remedy("AG103", "start the session once, at start-up"),
    "code_executor": Remedy("AG103", "start it once, at start-up; give each run a folder of its own"),
    "memory": Remedy("AG103", "open the store once, at start-up"),
    "runtime": Remedy("AG102", "right while it is cheap: a runtime has state"),
}
