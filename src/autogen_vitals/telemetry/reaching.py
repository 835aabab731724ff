"""Finds what the SDK holds and has no public way to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_WALK_LIMIT = 5000
_WALKED = ("opentelemetry.", "requests.")
"""Modules of the objects between a provider, its exporters and their connections; or of what they are derived from."""


def reachable(roots: Iterable[object], wanted: type) -> list[Any]:
    """Objects of a class that the SDK's own objects lead to, by whatever attributes: their names change."""
    found: list[Any] = []
    seen: set[int] = set()
    pending: list[object] = list(roots)
    while pending and len(seen) < _WALK_LIMIT:
        value = pending.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, wanted):
            found.append(value)
        elif isinstance(value, (list, tuple, set, frozenset)):
            pending.extend(value)
        elif isinstance(value, dict):
            pending.extend([*value.keys(), *value.values()])
        elif any(base.__module__.startswith(_WALKED) for base in type(value).__mro__):
            pending.extend(getattr(value, "__dict__", {}).values())
    return found
