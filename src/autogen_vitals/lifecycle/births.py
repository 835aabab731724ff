"""The birth registry: in which process and on which event loop a component was built, and how it has been used since,
for as long as it lives."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from typing import Any

from autogen_vitals.lifecycle.sites import Site
from autogen_vitals.lifecycle.uses import Use
from autogen_vitals.records import Record

_BIRTH_LIMIT = 100_000


class Birth(Record):
    """Where an object was built.

    Attributes:
        pid: the process; another than the present one means it came here by a fork.
        loop: ``id()`` of the running event loop, 0 when none ran.
        wall_ns: when, nanoseconds since the epoch.
        site: by which line; ``None`` if the construction was not seen.
        config: tells what it was built with from anything else, see ``lifecycle.fingerprints``; 0: not known.
    """

    pid: int
    loop: int
    wall_ns: int
    site: Site | None = None
    config: int = 0


_Born = tuple[int, int, int, "Site | None", int]
"""The values of a ``Birth``, in its order."""


class _Life(weakref.ref[object]):
    """A component, held weakly, and what is known of it: one object for each, for many are built and never run.

    Attributes:
        key: its ``id()``.
        born: where; ``None``: that was not seen.
        birth: the same, from when somebody has asked for it.
        use: how it has been used, from when somebody has asked for it.
    """

    __slots__ = ("birth", "born", "key", "use")

    key: int
    born: _Born | None
    birth: Birth | None
    use: Use | None


class BirthRegistry:
    """Births of the components that are alive, held weakly and found by identity: a component may be unhashable.

    Bounded by the number of live components, and by ``_BIRTH_LIMIT`` above that. Kept across a fork: that an object
    was born in the parent is what it is there to tell. Takes no lock, so that a weak reference may die anywhere.
    """

    def __init__(self) -> None:
        lives: dict[int, _Life] = {}
        self._lives = lives
        self._over: Callable[[_Life], object] = lambda life: lives.pop(life.key, None)

    def record(
        self, component: object, pid: int, wall_ns: int, site: Site | None = None, config: int = 0, loop: Any = None
    ) -> None:
        """Note that ``component`` was built just now. Objects that allow no weak reference are passed over."""
        self._begin(component, (pid, 0 if loop is None else id(loop), wall_ns, site, config))

    def _begin(self, component: object, born: _Born | None) -> _Life | None:
        if len(self._lives) >= _BIRTH_LIMIT:
            return None
        try:
            life = _Life(component, self._over)
        except TypeError:
            return None
        key = life.key = id(component)
        life.born, life.birth, life.use = born, None, None
        self._lives[key] = life
        return life

    def of(self, component: object) -> Birth | None:
        """Where ``component`` was built; ``None`` if that was not seen."""
        found = self._lives.get(id(component))
        return _birth_of(found) if found is not None and found() is component else None

    def life(self, component: object) -> tuple[Birth | None, Use | None]:
        """Where ``component`` was built, and how it has been used, from now on if not before."""
        found = self._lives.get(id(component))
        if found is None or found() is not component:
            found = self._begin(component, None)
        if found is None:
            return None, None
        if found.use is None:
            # Most are never run: an agent is built with a few parts, each of which is a component.
            found.use = Use()
        return _birth_of(found), found.use

    def __len__(self) -> int:
        return len(self._lives)


def _birth_of(life: _Life) -> Birth | None:
    if life.birth is None and life.born is not None:
        life.birth = Birth(*life.born)
    return life.birth


def current_loop() -> Any:
    """The event loop that runs in this thread, or ``None``."""
    asyncio = sys.modules.get("asyncio")  # where nobody has imported it, no loop runs
    return None if asyncio is None else asyncio._get_running_loop()
