"""What the wrappers talk to: one watch for each wrapped method of the tables.

Every method here is guarded: whatever goes wrong behind it, the wrapper, and so the app, sees an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import field
from typing import Any
from weakref import WeakKeyDictionary, ref

from autogen_vitals.guard import guarded, guarded_by_position
from autogen_vitals.lifecycle.births import current_loop
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.reading import Reader, follow, follow_first, follow_to_file
from autogen_vitals.lifecycle.silence import SilentWatch
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import EXECUTE_CODE, ComponentKind, Operation, Stage

SWALLOWED_FAILURE = "ToolError"
"""Error class of a result that reports a failure nobody raised."""

_CONFIGURED: tuple[ComponentKind, ...] = ("model_client", "workbench", "memory")
"""What may have to be built again for each tenant: it is told by what it was built with."""


class Described(Record, frozen=True):
    """What the tables say about a class of components.

    Attributes:
        kind: its kind.
        name: path of the name it gives itself.
        providers: class name → provider.
        plumbing: packages whose own classes are not observed.
        provider: path of a word that is in ``providers`` too, and says more than the class.
        remembers: it keeps what it is told, and can be made to forget it.
        folder: path of the name of the folder that it runs code in.
    """

    kind: ComponentKind
    name: tuple[str, ...]
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    plumbing: tuple[str, ...] = ()
    provider: tuple[str, ...] | None = None
    remembers: bool = False
    folder: tuple[str, ...] | None = None


class _Watch:
    def __init__(self, tracker: Tracker, described: Described) -> None:
        self._tracker = tracker
        # As they are: each step of a stream comes by.
        self.enter, self.leave, self.first_item = tracker.enter, tracker.leave, tracker.first_item
        self._described = described
        # Weak: an app may define a class for each request.
        self._providers: WeakKeyDictionary[type, str | None] = WeakKeyDictionary()
        # The last one asked about, and what was found: mostly it is the next one too, and a look-up takes ten times
        # as long.
        self._last: tuple[ref[type] | None, str | None] = None, None

    def _provider(self, component: object) -> str | None:
        """``None``: its class is plumbing."""
        cls = type(component)
        last, found = self._last
        if last is None or last() is not cls:
            try:
                found = self._providers[cls]
            except KeyError:
                found = self._providers[cls] = self._find_provider(cls)
            self._last = ref(cls), found
        if self._described.provider is not None and found is not None:
            return self._described.providers.get(follow(component, self._described.provider), found)
        return found

    def _find_provider(self, cls: type) -> str | None:
        if cls.__module__.partition(".")[0] in self._described.plumbing:
            return None
        providers = self._described.providers
        return next((providers[base.__name__] for base in cls.__mro__ if base.__name__ in providers), "autogen")

    def continues(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool | None:
        return False

    @guarded_by_position
    def timed(self, observation: Observation) -> bool:
        return observation.steps is not None

    @guarded
    def ran(self, observation: Observation, begin_ns: int, end_ns: int) -> None:
        self._tracker.ran(observation, begin_ns, end_ns)

    @guarded
    def abandon(self, observation: Observation) -> None:
        self._tracker.abandon(observation)


class InitWatch(_Watch):
    """Watches a constructor, or a second-stage init."""

    def __init__(self, tracker: Tracker, described: Described, stage: Stage) -> None:
        super().__init__(tracker, described)
        self._kind: ComponentKind = described.kind
        self._stage: Stage = stage
        self._is_configured = stage == "construct" and described.kind in _CONFIGURED

    @guarded_by_position
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        if not self._tracker.active:
            return None
        provider = self._provider(instance)
        if provider is None:
            return None
        built_with = (args, kwargs) if self._is_configured else None
        # From the wrapper on, which called the guard that called this: what is ours is not to be looked at.
        caller = sys._getframe(2)
        observation = self._tracker.begin_init(instance, self._kind, self._stage, provider, built_with, caller)
        if observation is not None:
            observation.name_at = self._described.name
        return observation

    @guarded_by_position
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        self._tracker.end(observation, error)


class RunFacts(Record, frozen=True):
    """What to read off a run: see ``hooks.tables.Run``."""

    before: tuple[tuple[str, Reader], ...] = ()
    after: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = ()
    failed: tuple[str, ...] | None = None
    succeeded: tuple[str, ...] | None = None
    cached: tuple[str, ...] | None = None
    of: Reader | None = None
    is_synchronous: bool = False


class RunWatch(_Watch):
    """Watches a method whose calls are runs.

    Attributes:
        refined: ``module:Class`` → the watch of the same method for this class, which inherits it from the present one.
    """

    def __init__(self, tracker: Tracker, described: Described, operation: Operation, facts: RunFacts) -> None:
        super().__init__(tracker, described)
        self._operation = operation
        self._facts = facts
        self._names = frozenset(name for name, _ in facts.before)
        self.refined: dict[str, RunWatch] = {}
        # Weak: an app may define a class for each request.
        self._nearest: WeakKeyDictionary[type, RunWatch] = WeakKeyDictionary()

    def _for(self, cls: type) -> RunWatch:
        try:
            return self._nearest[cls]
        except KeyError:
            named = (self.refined.get(f"{base.__module__}:{base.__qualname__}") for base in cls.__mro__)
            found = self._nearest[cls] = next((watch for watch in named if watch is not None), self)
            return found

    @guarded_by_position
    def continues(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        current = self._tracker.current()
        # Asked of every run, of which most are something else than what they are in.
        if current is None or current.operation is not self._operation:
            return False
        watch = self._for(type(instance)) if self.refined else self
        return self._tracker.is_seen_again(watch._run_by(instance, args, kwargs), watch._operation, watch._names)

    @guarded_by_position
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        if not self._tracker.active:
            return None
        watch = self._for(type(instance)) if self.refined else self
        return watch._begin(instance, args, kwargs)

    def _run_by(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object:
        """The component that is run, where that is not the one whose method is called."""
        given = None if self._facts.of is None else self._facts.of(instance, args, kwargs)
        return instance if given is None else given

    def _begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        instance = self._run_by(instance, args, kwargs)
        provider = self._provider(instance)
        if provider is None:
            return None
        if self._tracker.is_seen_again(instance, self._operation, self._names):
            return None
        facts: dict[str, Any] = {}
        for name, read in self._facts.before:
            value = read(instance, args, kwargs)
            if value is not None:
                facts[name] = value
        subject = self._operation.subject
        if subject is not None and not isinstance(facts.get(subject), str):
            facts.pop(subject, None)
            if self._operation.class_names:
                facts[subject] = type(instance).__qualname__
        observation = self._tracker.begin_run(instance, self._described.kind, self._operation, provider, facts)
        if observation is not None:
            observation.reading = self._facts
            observation.remembers = self._described.remembers
            if self._operation is EXECUTE_CODE and self._described.folder is not None:
                observation.folder = follow_to_file(instance, self._described.folder)
            if self._facts.is_synchronous:
                observation.on_loop = current_loop() is not None
        return observation

    @guarded_by_position
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        swallowed = None
        reading: RunFacts = observation.reading
        if error is None and result is not None:
            for name, paths in reading.after:
                value = follow_first(result, paths)
                if value is not None:
                    observation.facts[name] = value
            if reading.failed is not None and follow(result, reading.failed) is True:
                swallowed = SWALLOWED_FAILURE
            if reading.succeeded is not None and follow(result, reading.succeeded) is False:
                swallowed = SWALLOWED_FAILURE
            if reading.cached is not None:
                observation.cached = follow(result, reading.cached) is True
        self._tracker.end(observation, error, swallowed)


class ForgetWatch(SilentWatch):
    """Watches a method after which a component has forgotten what it was told, or knows something else."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    @guarded_by_position
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object | None:
        return instance if self._tracker.active else None

    @guarded_by_position
    def end(self, observation: object, result: object, error: BaseException | None) -> None:
        _, use = self._tracker.births.life(observation)
        if use is not None and error is None:
            use.forgets()
