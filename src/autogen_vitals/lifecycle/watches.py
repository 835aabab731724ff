"""What the wrappers talk to: one watch for each wrapped method of the tables.

Every method here is guarded: whatever goes wrong behind it, the wrapper, and so the app, sees an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.births import current_loop
from autogen_vitals.lifecycle.fingerprints import fingerprint
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.reading import Reader, follow
from autogen_vitals.lifecycle.silence import InsideChatWatch, SilentWatch
from autogen_vitals.lifecycle.tracker import EnterToken, Tracker
from autogen_vitals.vocabulary import ComponentKind, Operation, Stage

SWALLOWED_FAILURE = "ToolError"
"""Error class of a result that reports a failure nobody raised."""

_CONFIGURED: tuple[ComponentKind, ...] = ("model_client", "workbench", "memory")
"""What may have to be built again for each tenant: it is told by what it was built with."""


@dataclass(frozen=True)
class Described:
    """What the tables say about a class of components.

    Attributes:
        kind: its kind.
        name: path of the name it gives itself.
        providers: class name → provider.
        plumbing: packages whose own classes are not observed.
        provider: path of a word that is in ``providers`` too, and says more than the class.
        remembers: it keeps what it is told, and can be made to forget it.
    """

    kind: ComponentKind
    name: tuple[str, ...]
    providers: Mapping[str, str] = field(default_factory=dict[str, str])
    plumbing: tuple[str, ...] = ()
    provider: tuple[str, ...] | None = None
    remembers: bool = False


class _Watch:
    def __init__(self, tracker: Tracker, described: Described) -> None:
        self._tracker = tracker
        self._described = described
        # Weak: an app may define a class for each request.
        self._providers: WeakKeyDictionary[type, str | None] = WeakKeyDictionary()

    def _provider(self, component: object) -> str | None:
        """``None``: its class is plumbing."""
        cls = type(component)
        try:
            found = self._providers[cls]
        except KeyError:
            found = self._providers[cls] = self._find_provider(cls)
        if self._described.provider is not None and found is not None:
            return self._described.providers.get(follow(component, self._described.provider), found)
        return found

    def _find_provider(self, cls: type) -> str | None:
        if cls.__module__.partition(".")[0] in self._described.plumbing:
            return None
        providers = self._described.providers
        return next((providers[base.__name__] for base in cls.__mro__ if base.__name__ in providers), "autogen")

    @guarded
    def enter(self, observation: Observation) -> EnterToken | None:
        return self._tracker.enter(observation)

    @guarded
    def leave(self, observation: Observation, token: EnterToken | None) -> None:
        if token is not None:
            self._tracker.leave(observation, token)

    @guarded
    def first_item(self, observation: Observation) -> None:
        self._tracker.first_item(observation)

    @guarded
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
        self._stage: Stage = stage

    @guarded
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        if not self._tracker.active:
            return None
        provider = self._provider(instance)
        if provider is None:
            return None
        config = 0
        if self._stage == "construct" and self._described.kind in _CONFIGURED:
            config = fingerprint(args, kwargs)
        return self._tracker.begin_init(instance, self._described.kind, self._stage, provider, config)

    @guarded
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        name = follow(observation.component, self._described.name)
        observation.name = name if isinstance(name, str) else None
        self._tracker.end(observation, error)


@dataclass(frozen=True)
class RunFacts:
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

    @guarded
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        if not self._tracker.active:
            return None
        watch = self._for(type(instance)) if self.refined else self
        return watch._begin(instance, args, kwargs)

    def _begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        given = None if self._facts.of is None else self._facts.of(instance, args, kwargs)
        instance = instance if given is None else given
        provider = self._provider(instance)
        if provider is None:
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
            if self._facts.is_synchronous:
                observation.on_loop = current_loop() is not None
        return observation

    @guarded
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        swallowed = None
        reading: RunFacts = observation.reading
        if error is None and result is not None:
            for name, paths in reading.after:
                value = next((found for path in paths if (found := follow(result, path)) is not None), None)
                if value is not None:
                    observation.facts[name] = value
            if reading.failed is not None and follow(result, reading.failed) is True:
                swallowed = SWALLOWED_FAILURE
            if reading.succeeded is not None and follow(result, reading.succeeded) is False:
                swallowed = SWALLOWED_FAILURE
            if reading.cached is not None:
                observation.cached = follow(result, reading.cached) is True
        self._tracker.end(observation, error, swallowed)


class CacheWatch(InsideChatWatch):
    """Watches the function that looks for a model's reply in a cache, ``None`` if it is not there."""

    @guarded
    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        observation.cached = error is None and result is not None


class ForgetWatch(SilentWatch):
    """Watches a method after which a component has forgotten what it was told, or knows something else."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    @guarded
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> object | None:
        return instance if self._tracker.active else None

    @guarded
    def end(self, observation: object, result: object, error: BaseException | None) -> None:
        _, use = self._tracker.births.life(observation)
        if use is not None and error is None:
            use.forgets()
