"""As much of TraceQL as the boards use, for there is no Tempo to ask: ``{ a && b } | select(c, d)``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from autogen_vitals.local.receiver import ReceivedSpan

_QUERY = re.compile(r"\{ (?P<conditions>.+) \}(?: \| select\((?P<selected>.+)\))?")
_CONDITION = re.compile(r'(?P<field>[\w.]+) (?P<operator>=~|!=|>=|<=|[=<>]) (?P<value>nil|"(?:[^"])*"|-?[\d.]+)')

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda seen, wanted: seen == wanted,
    "!=": lambda seen, wanted: seen != wanted,
    ">": lambda seen, wanted: seen is not None and seen > wanted,
    ">=": lambda seen, wanted: seen is not None and seen >= wanted,
    "<": lambda seen, wanted: seen is not None and seen < wanted,
    "<=": lambda seen, wanted: seen is not None and seen <= wanted,
    "=~": lambda seen, wanted: seen is not None and re.fullmatch(wanted, str(seen)) is not None,
}


@dataclass(frozen=True)
class Condition:
    """``span.x``, ``resource.x`` or ``name``, compared with a value; None is nil."""

    field: str
    operator: str
    value: Any

    def holds(self, span: ReceivedSpan) -> bool:
        """Of a list, as in Tempo from 2.5 on: for one of its elements."""
        seen = field_of(span, self.field)
        several = seen if isinstance(seen, list | tuple) else (seen,)
        return any(_OPERATORS[self.operator](each, self.value) for each in several)


@dataclass(frozen=True)
class TraceQuery:
    """Spans that all conditions hold for, and what is shown of them."""

    conditions: tuple[Condition, ...]
    selected: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        return (*(condition.field for condition in self.conditions), *self.selected)

    def matching(self, spans: Iterable[ReceivedSpan]) -> list[ReceivedSpan]:
        return [span for span in spans if all(condition.holds(span) for condition in self.conditions)]


def parsed(query: str) -> TraceQuery:
    """A query, read.

    Raises:
        ValueError: it is of a form that nobody has written yet.
    """
    found = _QUERY.fullmatch(query)
    if found is None:
        raise ValueError(f"not understood: {query}")
    selected = found["selected"].split(", ") if found["selected"] else []
    return TraceQuery(tuple(_condition(text) for text in found["conditions"].split(" && ")), tuple(selected))


def field_of(span: ReceivedSpan, field: str) -> Any:
    """The value of a field of a span; None where it has none."""
    if field == "name":
        return span.name
    scope, _, name = field.partition(".")
    return {"span": span.attributes, "resource": span.resource}[scope].get(name)


def _condition(text: str) -> Condition:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise ValueError(f"not understood: {text}")
    value = found["value"]
    if value == "nil":
        return Condition(found["field"], found["operator"], None)
    return Condition(found["field"], found["operator"], value[1:-1] if value.startswith('"') else float(value))
