"""Applying a patch when its target is imported, and never importing the target ourselves."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable
from types import ModuleType
from typing import Any

import wrapt

from autogen_vitals.guard import guarded

_living: weakref.WeakSet[ImportHooks] = weakref.WeakSet()
_awaited: set[str] = set()
"""Modules for which wrapt holds a hook of ours. A forked child inherits both as they are: so does it wrapt's hooks."""


class ImportHooks:
    """Post-import hooks that can be switched off.

    wrapt keeps a registered hook until its module is imported, which may be never. It is given one for each module,
    however often we are enabled again; that one knows these objects weakly, and after ``off`` they know nothing more to
    apply.
    """

    def __init__(self) -> None:
        self._pending: dict[str, list[Callable[[ModuleType], object]]] = {}
        _living.add(self)

    def when_imported(self, module: str, apply: Callable[[ModuleType], None]) -> None:
        """Call ``apply(module object)`` once ``module`` has been imported; now, if it already is.

        What ``apply`` raises is logged and dropped: an import of the app's never fails because of us.
        """
        self._pending.setdefault(module, []).append(apply)
        # One that is there already although wrapt has not seen its import is not waited for.
        if module in _awaited and sys.modules.get(module) is None:
            return
        _awaited.add(module)

        def hook(imported: ModuleType) -> None:
            _awaited.discard(module)
            for hooks in list(_living):
                hooks._imported(module, imported)

        wrapt.register_post_import_hook(hook, module)

    @guarded
    def _imported(self, module: str, imported: ModuleType) -> None:
        for apply in self._pending.pop(module, ()):
            guarded(apply)(imported)

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
