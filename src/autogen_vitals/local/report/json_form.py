"""Reports and comparisons as JSON: the fields of the model by their names, described in ``docs/report.md``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from autogen_vitals.local.recording import Run
from autogen_vitals.local.report.changes import Comparison
from autogen_vitals.local.report.model import Report

SCHEMA = 1
"""Grows when a field changes its meaning or goes; new ones may come without that."""

_DECIMALS = 3
_LEFT_OUT = {
    # It is on the page of the rule.
    "fix",
    # They are in the verdict.
    "findings",
}


def as_json(report: Report) -> dict[str, Any]:
    """A report as what ``json.dumps`` takes: milliseconds with three decimals, ``null`` for what is not known."""
    return {"schema": SCHEMA, "kind": "report", **_object(report, _LEFT_OUT)}


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison, likewise."""
    return {"schema": SCHEMA, "kind": "comparison", **_object(comparison, {"fix"})}


def _object(value: Any, left_out: set[str]) -> dict[str, Any]:
    return {
        field.name: _plain(getattr(value, field.name), left_out)
        for field in fields(value)
        if field.name not in left_out
    }


def _plain(value: Any, left_out: set[str]) -> Any:
    if isinstance(value, Run):
        return {**_object(value, {"versions"}), "versions": dict(value.versions)}
    if is_dataclass(value):
        return _object(value, left_out)
    if isinstance(value, Mapping):
        return {str(key): _plain(each, left_out) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each, left_out) for each in value]
    return round(value, _DECIMALS) if isinstance(value, float) else value
