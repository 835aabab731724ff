"""What was patched, and its exact undoing."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from autogen_vitals.guard import guarded

_MISSING = object()


class Patches:
    """Sets attributes and puts back exactly what was there.

    What to put back is noted on our value itself, so that a class the app drops, patched or not, is gone: this object
    knows owners weakly, and names. A forked child inherits it as it is, which is right: so are the patches.
    """

    def __init__(self) -> None:
        self._names: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()

    def set(self, owner: Any, name: str, value: Any) -> None:
        """Set ``owner.name`` to ``value``: a value for this one place, which allows an attribute of its own.

        Raises:
            AttributeError, TypeError: the owner does not allow it.
        """
        # With the value's identity: a wrapper somebody puts around ours answers with our attributes.
        value._self_patch = (self, id(value), vars(owner).get(name, _MISSING))
        setattr(owner, name, value)
        self._names.setdefault(owner, set()).add(name)

    def is_ours(self, owner: Any, name: str) -> bool:
        """Whether ``owner`` itself holds a value of ours under ``name``. If so, it will be restored."""
        if self._before(owner, name) is None:
            return False
        self._names.setdefault(owner, set()).add(name)
        return True

    def _before(self, owner: Any, name: str) -> tuple[object] | None:
        held = vars(owner).get(name)
        patches, identity, before = getattr(held, "_self_patch", (None, 0, None))
        return (before,) if patches is self and identity == id(held) else None

    def undo(self) -> None:
        """Restore every attribute that still holds our value.

        One that somebody patched after us stays: theirs calls ours, and ours, switched off, calls the original.
        """
        for owner, names in list(self._names.items()):
            for name in names:
                self._restore(owner, name)
        self._names = WeakKeyDictionary()

    @guarded
    def _restore(self, owner: Any, name: str) -> None:
        while (before := self._before(owner, name)) is not None:
            if before[0] is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, before[0])
