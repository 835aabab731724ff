"""Which classes are covered: a root of the tables, every subclass there is, every subclass there will be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from functools import cached_property
from types import ModuleType
from typing import Any

from autogen_vitals.guard import guarded, hide_caller_frame, unseen
from autogen_vitals.records import Record
from autogen_vitals.wrapping.calls import WrapperFunction, deferred_call, plain_call
from autogen_vitals.wrapping.importing import ImportHooks, resolve, split_target
from autogen_vitals.wrapping.patches import Patches
from autogen_vitals.wrapping.proxy import Wrapper
from autogen_vitals.wrapping.watch import Watch


class ClassPlan(Record, frozen=True):
    """What to wrap on one root class and on its subclasses.

    Attributes:
        target: ``module:Class``.
        constructor: told of each outermost construction.
        runs: method name → watch; coroutines and streams, runs and what else is to be watched.
        starts: method name → watch; second-stage inits, sync or async.
        calls: method name → watch; runs that are the call itself, whatever it returns.
    """

    target: str
    constructor: Watch
    runs: Mapping[str, Watch] = field(default_factory=dict[str, Watch])
    starts: Mapping[str, Watch] = field(default_factory=dict[str, Watch])
    calls: Mapping[str, Watch] = field(default_factory=dict[str, Watch])


class Coverage:
    """Wraps the classes of the plans as their modules are imported.

    The plan nearest in a class's method resolution order holds for it. One process, one coverage; a forked child goes
    on with the parent's.

    Args:
        targets: those of the plans.
        plans: makes them; called when the first of these modules is there, which it may never be.
    """

    def __init__(
        self, targets: Iterable[str], plans: Callable[[], Iterable[ClassPlan]], patches: Patches, hooks: ImportHooks
    ) -> None:
        self._targets = tuple(targets)
        self._make_plans = plans
        self._patches = patches
        self._hooks = hooks
        self._cover_safely = guarded(self.cover)

    def install(self) -> None:
        """Cover each root when its module is imported."""
        for target in self._targets:
            module, path = split_target(target)
            self._hooks.when_imported(module, lambda imported, path=path: self._cover_root(imported, path))

    @cached_property
    def _plans(self) -> dict[str, ClassPlan]:
        return {plan.target: plan for plan in self._make_plans()}

    def _cover_root(self, module: ModuleType, path: str) -> None:
        found = resolve(module, path)
        if found is None or not isinstance(found[2], type):
            return
        root = found[2]
        self._cover_future_subclasses(root)
        pending = [root]
        while pending:
            cls = pending.pop()
            self._cover_safely(cls)
            pending.extend(type.__subclasses__(cls))

    def cover(self, cls: type) -> None:
        """Wrap what ``cls`` itself defines of its plan's methods, and its constructor. Idempotent."""
        plan = self._plan_for(cls)
        if plan is None:
            return
        for name, watch in plan.runs.items():
            self._wrap(cls, name, deferred_call(watch))
        for name, watch in plan.calls.items():
            self._wrap(cls, name, plain_call(watch))
        for name, watch in plan.starts.items():
            asynchronous = inspect.iscoroutinefunction(vars(cls).get(name))
            self._wrap(cls, name, deferred_call(watch) if asynchronous else plain_call(watch))
        if self._has_own_constructor(cls):
            self._wrap(cls, "__init__", plain_call(plan.constructor))

    def _plan_for(self, cls: type) -> ClassPlan | None:
        for base in cls.__mro__:
            plan = self._plans.get(f"{base.__module__}:{base.__qualname__}")
            if plan is not None:
                return plan
        return None

    def _has_own_constructor(self, cls: type) -> bool:
        """Whether building a ``cls`` runs a constructor that no covered base class has wrapped already.

        That is one of its own, or one it inherits from a class outside the plans, say a mixin. A class without any
        has no init to time. Nor has a protocol, whose constructor is typing's own: a subclass's first call looks for
        that very function, to find the one that is to be called instead.
        """
        if getattr(cls, "_is_protocol", False):
            return False
        definer = next(base for base in cls.__mro__ if "__init__" in vars(base))
        return definer is cls or (definer is not object and self._plan_for(definer) is None)

    def _wrap(self, cls: type, name: str, wrapper: WrapperFunction) -> None:
        held = vars(cls).get(name)
        if held is None and name == "__init__":
            held = cls.__init__
        if not callable(held) or isinstance(held, (staticmethod, classmethod)):
            return
        if self._patches.is_ours(cls, name) or getattr(held, "__isabstractmethod__", False):
            # Ours already where a class was made anew of another's attributes, as @dataclass(slots=True) does.
            return
        self._patches.set(cls, name, Wrapper(held, wrapper))

    def _cover_future_subclasses(self, root: type) -> None:
        if self._patches.is_ours(root, "__init_subclass__"):
            return
        hook = _subclass_hook(root, vars(root).get("__init_subclass__"), self._cover_safely)
        self._patches.set(root, "__init_subclass__", classmethod(hook))


def _subclass_hook(root: type, own: Any, cover: Callable[[type], object]) -> Callable[..., None]:
    @unseen
    def __init_subclass__(cls: type, **kwargs: Any) -> None:
        # What would have been called without us: the root's own, else the next in this class's resolution order,
        # which may be a mixin's.
        try:
            if own is not None:
                own.__get__(None, cls)(**kwargs)
            else:
                super(root, cls).__init_subclass__(**kwargs)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        cover(cls)

    return __init_subclass__
