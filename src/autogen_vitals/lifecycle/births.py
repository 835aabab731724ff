"""The birth registry: in which process and on which event loop a component was built, for as long as it lives."""

from __future__ import annotations

import sys
import weakref
from dataclasses import dataclass
from typing import Any

_BIRTH_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Birth:
    """Where an object was built.

    Attributes:
        pid: the process; another than the present one means it came here by a fork.
        loop: ``id()`` of the running event loop, 0 when none ran.
        wall_ns: when, nanoseconds since the epoch.
    """

    pid: int
    loop: int
    wall_ns: int


class BirthRegistry:
    """Births of the components that are alive, held weakly and found by identity: a component may be unhashable.

    Bounded by the number of live components, and by ``_BIRTH_LIMIT`` above that. Kept across a fork: that an object
    was born in the parent is what it is there to tell. Takes no lock, so that a weak reference may die anywhere.
    """

    def __init__(self) -> None:
        self._births: dict[int, tuple[weakref.ref[object], Birth]] = {}

    def record(self, component: object, pid: int, wall_ns: int) -> None:
        """Note that ``component`` was built just now. Objects that allow no weak reference are passed over."""
        births = self._births
        if len(births) >= _BIRTH_LIMIT:
            return
        key = id(component)
        try:
            reference = weakref.ref(component, lambda _, key=key: births.pop(key, None))
        except TypeError:
            return
        births[key] = (reference, Birth(pid, running_loop(), wall_ns))

    def of(self, component: object) -> Birth | None:
        """Where ``component`` was built; ``None`` if that was not seen."""
        found = self._births.get(id(component))
        return found[1] if found is not None and found[0]() is component else None

    def __len__(self) -> int:
        return len(self._births)


def running_loop() -> int:
    """``id()`` of the event loop that runs in this thread, 0 for none."""
    loop = current_loop()
    return 0 if loop is None else id(loop)


def current_loop() -> Any:
    """The event loop that runs in this thread, or ``None``."""
    asyncio = sys.modules.get("asyncio")  # where nobody has imported it, no loop runs
    return None if asyncio is None else asyncio._get_running_loop()
