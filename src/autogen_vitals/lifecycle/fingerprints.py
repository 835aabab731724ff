"""Whether two components were built with the same, without keeping what that was.

A client for each tenant, with a key of its own, is built again for a reason; one with the same arguments is not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

_SALT = os.urandom(16)
"""Of this process: what it makes of a key can be neither looked up nor compared elsewhere, and it never leaves."""
_DEPTH = 4
_PIECES = 256


def fingerprint(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """A number that stands for the plain values among these arguments, inside containers and models too; never 0."""
    pieces: list[str] = []
    _collect((args, kwargs), _DEPTH, pieces, _PIECES)
    # Python's own hash of a text is keyed as well, unless the user has set PYTHONHASHSEED; a cryptographic one takes
    # as long as all that is hashed, and loads OpenSSL, which not every process needs that is instrumented.
    return hash((_SALT, "\0".join(pieces))) or 1


def _collect(inside: Any, depth: int, pieces: list[str], left: int) -> int:
    """Add what is in there; how many more pieces may be looked at."""
    for value in inside:
        left -= 1
        if left < 0:
            break
        parts: Any = ()
        if value is None or isinstance(value, (str, int, float)):
            pieces.append(f"{type(value).__name__}:{value}")
        elif isinstance(value, (list, tuple)):
            parts = value
        elif isinstance(value, (dict, Mapping)):
            # In one go: a call for each of its pairs would take most of the time.
            parts = *value, *value.values()
        else:
            # A model of pydantic's, or whatever else keeps its fields where everybody does.
            fields = getattr(value, "__dict__", None)
            pieces.append(type(value).__qualname__)
            if isinstance(fields, dict) and hasattr(value, "model_fields_set"):
                parts = *fields, *fields.values()
        if parts and depth:
            left = _collect(parts, depth - 1, pieces, left)
    return left
