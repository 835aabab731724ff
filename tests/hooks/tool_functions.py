"""What agents of either line are given as tools."""

from __future__ import annotations


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def fail(a: int) -> int:
    """Fail."""
    raise LookupError("CANARY-MESSAGE")
