"""All rules, by id; and which of them a crash or the end of a process falls under."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from importlib import import_module
from typing import Final

from autogen_vitals.crashes.reports import Crash, ProcessExit
from autogen_vitals.findings import rules
from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import Category, ExitReason

_PREFIX: Final = "ag"


@lru_cache(maxsize=1)
def catalogue() -> dict[str, type[Rule]]:
    """Every rule by its id, in the order of the ids. The first call imports them."""
    found: dict[str, type[Rule]] = {}
    for module in sorted(pkgutil.iter_modules(rules.__path__)):
        if module.name.startswith(_PREFIX):
            rule = import_module(f"{rules.__name__}.{module.name}").RULE
            found[rule.id] = rule
    return found


@lru_cache(maxsize=64)
def rule_of_category(category: Category) -> type[Rule] | None:
    """The rule that most crashes of this category fall under."""
    return next((rule for rule in catalogue().values() if category in rule.categories), None)


@lru_cache(maxsize=64)
def rule_of_reason(reason: ExitReason) -> type[Rule] | None:
    """The rule that most ends of processes for this reason fall under."""
    return next((rule for rule in catalogue().values() if reason in rule.reasons), None)


def rule_of_crash(crash: Crash) -> type[Rule] | None:
    """The rule that it falls under."""
    return next((rule for rule in catalogue().values() if rule.concerns_crash(crash)), None)


def rule_of_exit(exit: ProcessExit) -> type[Rule] | None:
    """The rule that it falls under; of several, the first."""
    return next((rule for rule in catalogue().values() if rule.concerns_exit(exit)), None)
