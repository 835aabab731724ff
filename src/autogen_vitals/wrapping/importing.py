"""Applying a patch when its target is imported, and never importing the target ourselves."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt

from autogen_vitals.guard import guarded


class ImportHooks:
    """Post-import hooks that can be switched off.

    wrapt keeps a registered hook for the life of the process; it knows this object weakly, and after ``off`` this
    object knows nothing more to apply.
    """

    def __init__(self) -> None:
        self._pending: dict[str, list[Callable[[ModuleType], object]]] = {}

    def when_imported(self, module: str, apply: Callable[[ModuleType], None]) -> None:
        """Call ``apply(module object)`` once ``module`` has been imported; now, if it already is.

        What ``apply`` raises is logged and dropped: an import of the app's never fails because of us.
        """
        waiting = self._pending.setdefault(module, [])
        waiting.append(guarded(apply))
        if len(waiting) > 1:
            return
        reference = weakref.ref(self)

        def hook(imported: ModuleType) -> None:
            hooks = reference()
            if hooks is not None:
                hooks._imported(module, imported)

        wrapt.register_post_import_hook(hook, module)

    @guarded
    def _imported(self, module: str, imported: ModuleType) -> None:
        for apply in self._pending.pop(module, ()):
            apply(imported)

    def off(self) -> None:
        """Hooks that have not run yet never will."""
        self._pending.clear()


def split_target(target: str) -> tuple[str, str]:
    """``"package.module:Class.method"`` → ``("package.module", "Class.method")``."""
    module, _, path = target.partition(":")
    return module, path


def resolve(module: ModuleType, path: str) -> tuple[object, str, Any] | None:
    """Owner, attribute name and present value of ``path`` in ``module``; ``None`` where this version lacks it."""
    owner: object = module
    *parents, name = path.split(".")
    for parent in parents:
        owner = getattr(owner, parent, None)
    value = getattr(owner, name, None)
    return None if owner is None or value is None else (owner, name, value)
