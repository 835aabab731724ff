"""Whether two components were built with the same, without keeping what that was.

A client for each tenant, with a key of its own, is built again for a reason; one with the same arguments is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

_SALT = os.urandom(16)
"""Of this process: what it makes of a key can be neither looked up nor compared elsewhere, and it never leaves."""
_DEPTH = 3
_PIECES = 256
_PLAIN = frozenset({str, int, float, bool, type(None)})


def fingerprint(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """A number that stands for the plain values among these arguments, inside containers and models too; never 0."""
    pieces: list[Any] = [_SALT, len(args)]
    _collect((*args, *kwargs, *kwargs.values()), _DEPTH, pieces, _PIECES)
    # Python's own hash of a text is keyed as well, unless the user has set PYTHONHASHSEED; a cryptographic one takes
    # as long as all that is hashed, and loads OpenSSL, which not every process needs that is instrumented.
    return hash(tuple(pieces)) or 1


def _collect(inside: Iterable[Any], depth: int, pieces: list[Any], left: int) -> int:
    """Add what is in there; how many more pieces may be looked at."""
    for value in inside:
        left -= 1
        if left < 0:
            break
        kind: type[Any] = type(value)
        if kind in _PLAIN:
            # With its class: 1, 1.0 and True are equal.
            pieces += kind, value
            continue
        parts: Iterable[Any] = ()
        if isinstance(value, (list, tuple)):
            parts = value
        elif isinstance(value, (str, int, float)):
            # Its own way to be hashed is none of ours to call.
            pieces.append(f"{kind.__name__}:{value}")
        elif isinstance(value, (dict, Mapping)):
            # In one go: a call for each of its pairs would take most of the time.
            parts = *value, *value.values()
        else:
            # A model of pydantic's, or whatever else keeps its fields where everybody does.
            fields = getattr(value, "__dict__", None)
            pieces.append(kind.__qualname__)
            if isinstance(fields, dict) and hasattr(value, "model_fields_set"):
                parts = *fields, *fields.values()
        if parts and depth:
            left = _collect(parts, depth - 1, pieces, left)
    return left
