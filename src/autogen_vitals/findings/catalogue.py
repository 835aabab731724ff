"""All rules, by id; and which of them a crash or the end of a process falls under."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module

from autogen_vitals.crashes.reports import Crash, ProcessExit
from autogen_vitals.findings.rule import Rule
from autogen_vitals.vocabulary import Category, ExitReason


@lru_cache(maxsize=1)
def watching() -> dict[str, type[Rule]]:
    """The rules that are asked about what goes on, by their ids. The first call imports them."""
    return _rules_of("rules")


@lru_cache(maxsize=1)
def catalogue() -> dict[str, type[Rule]]:
    """Every rule by its id, in the order of the ids. The first call imports them."""
    found = {**watching(), **_rules_of("aftermath"), **_rules_of("outside")}
    return {identifier: found[identifier] for identifier in sorted(found)}


def _rules_of(room: str) -> dict[str, type[Rule]]:
    # Here, and the room by its name: a process that is never asked for its rules imports none of it.
    import pkgutil

    package = import_module(f"autogen_vitals.findings.{room}")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    found = (import_module(f"{package.__name__}.{name}").RULE for name in names)
    return {rule.id: rule for rule in found}


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
