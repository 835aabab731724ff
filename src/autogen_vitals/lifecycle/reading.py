"""Reading facts off components, calls and results, none of which we trust: a property may raise or lie."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

Reader = Callable[[object, tuple[Any, ...], Mapping[str, Any]], Any]
"""Component, args and kwargs → a value, ``None`` where there is none."""

_TEXT_LIMIT = 256


def attribute(path: str) -> Reader:
    """Read ``path``, dotted attributes, mapping keys or indexes, from the component."""
    steps = tuple(path.split("."))

    def read_one(component: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        try:
            return plain(_member(component, path))
        except Exception:
            return None

    def read(component: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return follow(component, steps)

    # Most are a name: a loop and a call more would be a third of what it takes.
    return read_one if len(steps) == 1 else read


def given(keyword: str, position: int) -> Reader:
    """An argument of the call itself, whatever it is."""

    def read(component: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return kwargs[keyword] if keyword in kwargs else args[position] if len(args) > position else None

    return read


def argument(keyword: str, position: int, path: str = "") -> Reader:
    """Read an argument of the call, or what ``path`` leads to from it."""
    value, steps = given(keyword, position), tuple(path.split(".")) if path else ()

    def read(component: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return follow(value(component, args, kwargs), steps)

    return read


def first(readers: tuple[Reader, ...]) -> Reader:
    """The first value that one of them reads."""

    def read(component: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        return next((value for reader in readers if (value := reader(component, args, kwargs)) is not None), None)

    return read


def follow(value: Any, steps: tuple[str, ...]) -> Any:
    """What ``steps`` lead to; ``None`` when a step is missing or raises."""
    try:
        for step in steps:
            value = _member(value, step)
        return plain(value)
    except Exception:
        return None


def follow_first(value: Any, paths: tuple[tuple[str, ...], ...]) -> Any:
    """What the first of ``paths`` that leads anywhere leads to."""
    for steps in paths:
        found = follow(value, steps)
        if found is not None:
            return found
    return None


def follow_to_file(value: Any, steps: tuple[str, ...]) -> str | None:
    """The name of a file or a folder that ``steps`` lead to, a text or a ``Path``; ``None`` if there is none."""
    try:
        for step in steps:
            value = _member(value, step)
        return os.fsdecode(value)
    except Exception:
        return None


def _member(value: Any, step: str) -> Any:
    # Most are attributes, and to ask whether something is a mapping takes ten times as long as to read one.
    if isinstance(value, dict):
        return value[step]
    try:
        return getattr(value, step)
    except AttributeError:
        if isinstance(value, Mapping):
            return value[step]
        if step.isdigit():
            return value[int(step)]
        raise


def plain(value: Any) -> Any:
    """A value fit for a span attribute: a short string or a number, of exactly that type; else ``None``."""
    if type(value) is str and len(value) <= _TEXT_LIMIT:
        return value
    if isinstance(value, str):
        # Its characters: an enum's str() is its name.
        return str.__str__(value)[:_TEXT_LIMIT]
    return value if type(value) in (int, float, bool) else None
