"""Whether two components were built with the same, without keeping what that was.

A client for each tenant, with a key of its own, is built again for a reason; one with the same arguments is not.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any

_SALT = os.urandom(16)
"""Of this process: what it makes of a key can be neither looked up nor compared elsewhere, and it never leaves."""
_DEPTH = 4
_PIECES = 256


def fingerprint(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> int:
    """A number that stands for the plain values among these arguments, inside containers and models too; never 0."""
    digest = hashlib.blake2b(key=_SALT, digest_size=8)
    for piece in _pieces((args, kwargs), _DEPTH, [_PIECES]):
        digest.update(piece.encode("utf-8", "replace") + b"\0")
    return int.from_bytes(digest.digest(), "big") or 1


def _pieces(value: Any, depth: int, left: list[int]) -> Iterable[str]:
    left[0] -= 1
    if left[0] < 0:
        return
    if isinstance(value, (str, int, float, bool)) or value is None:
        yield f"{type(value).__name__}:{value}"
        return
    inside: Any
    if isinstance(value, Mapping):
        inside = value.items()
    elif isinstance(value, (list, tuple)):
        inside = value
    else:
        # A model of pydantic's, or whatever else keeps its fields where everybody does.
        fields = getattr(value, "__dict__", None)
        yield type(value).__qualname__
        inside = fields.items() if isinstance(fields, dict) and hasattr(value, "model_fields_set") else ()
    if depth:
        for item in inside:
            yield from _pieces(item, depth - 1, left)
