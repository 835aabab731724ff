"""What a PromQL expression asks for, against what the package emits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import promql_parser
from openmetrics import Kind, family, label_name

from autogen_vitals import semconv

_KINDS: Mapping[str, Kind] = {"histogram": "histogram", "observable counter": "counter", "observable gauge": "gauge"}
_TARGET = frozenset({"job", "instance"})


def emitted() -> dict[str, frozenset[str]]:
    """Each series of the package, and the labels that it may have."""
    found: dict[str, frozenset[str]] = {}
    for metric in semconv.METRICS:
        kind = _KINDS[metric.instrument]
        name = family(metric.name, metric.unit, kind).name
        labels = _TARGET | {label_name(attribute) for attribute in metric.attributes}
        if kind == "histogram":
            found[f"{name}_bucket"] = labels | {"le"}
            found[f"{name}_count"] = found[f"{name}_sum"] = labels
        else:
            found[name] = labels
    return found


@dataclass(frozen=True)
class Asked:
    """What an expression asks for: each series with the labels it is selected by, and the labels it groups by."""

    series: tuple[tuple[str, frozenset[str]], ...]
    grouped_by: frozenset[str]


def asked(expression: str) -> Asked:
    """What ``expression`` asks for.

    Raises:
        ValueError: it is no PromQL.
    """
    series: list[tuple[str, frozenset[str]]] = []
    groups: set[str] = set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            series.append((node.name or "", frozenset(matcher.name for matcher in node.matchers.matchers)))
        elif isinstance(node, promql_parser.MatrixSelector):
            visit(node.vector_selector)
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            groups.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier is not None:
            matching = node.modifier.matching
            groups.update([] if matching is None else matching.labels)
            groups.update(node.modifier.group_labels or [])

    promql_parser.walk(promql_parser.parse(expression), pre_visit=visit)
    return Asked(tuple(dict.fromkeys(series)), frozenset(groups))


def unknown(expression: str, series: Mapping[str, Iterable[str]]) -> list[str]:
    """What ``expression`` asks for that none of ``series``, names and their labels, has: each in a sentence."""
    wanted = asked(expression)
    faults = [f"there is no series {name}" for name, _ in wanted.series if name not in series]
    known = {name: set(series[name]) for name, _ in wanted.series if name in series}
    for name, labels in wanted.series:
        faults += [f"{name} has no label {label}" for label in sorted(labels - known.get(name, labels))]
    anywhere = set().union(*known.values()) if known else set()
    faults += [f"nothing in it has the label {label}" for label in sorted(wanted.grouped_by - anywhere)]
    return faults
