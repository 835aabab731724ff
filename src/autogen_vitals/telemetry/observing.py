"""What the callbacks of all observable instruments need: a guard, and attributes that stay few."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Observation

from autogen_vitals.guard import guarded

_NAME_LIMIT = 200
OTHER = "other"

Callback = Callable[[CallbackOptions], Iterable[Observation]]


def safely(observe: Callback) -> Callback:
    """The callback, but where it fails it observes nothing."""
    safe = guarded(observe)
    return lambda options: safe(options) or []


class BoundedNames:
    """Keeps metric attributes few: the first ``_NAME_LIMIT`` names pass, later ones are all ``other``."""

    def __init__(self) -> None:
        self._seen: set[str] = set()

    def bounded(self, name: str | None) -> str | None:
        """The name, or ``other``."""
        if name is None or name in self._seen:
            return name
        if len(self._seen) >= _NAME_LIMIT:
            return OTHER
        self._seen.add(name)
        return name
