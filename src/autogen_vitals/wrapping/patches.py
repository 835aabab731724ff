"""What was patched, and its exact undoing."""

from __future__ import annotations

from typing import Any

_MISSING = object()


class Patches:
    """Sets attributes and puts back exactly what was there, in reverse order.

    Bounded by the number of classes times the methods in the tables. A forked child inherits it as it is, which is
    right: so are the patches.
    """

    def __init__(self) -> None:
        self._done: list[tuple[Any, str, object, object]] = []

    def set(self, owner: Any, name: str, value: object) -> None:
        """Set ``owner.name`` to ``value``.

        Raises:
            AttributeError, TypeError: the owner does not allow it.
        """
        before = vars(owner).get(name, _MISSING)
        setattr(owner, name, value)
        self._done.append((owner, name, before, value))

    def is_ours(self, owner: Any, name: str) -> bool:
        """Whether ``owner`` itself holds a value of ours under ``name``."""
        held = vars(owner).get(name, _MISSING)
        return any(done[3] is held and done[0] is owner and done[1] == name for done in self._done)

    def undo(self) -> None:
        """Restore every attribute that still holds our value.

        One that somebody patched after us stays: theirs calls ours, and ours, switched off, calls the original.
        """
        for owner, name, before, value in reversed(self._done):
            if vars(owner).get(name, _MISSING) is not value:
                continue
            if before is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before)
        self._done.clear()
