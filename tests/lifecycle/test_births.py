"""The birth registry: where a component was built, for as long as it lives."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.lifecycle import births
from autogen_vitals.lifecycle.births import Birth, BirthRegistry, current_loop


class Component:
    """Anything an app builds."""


class Unhashable:
    """Compares by value, hence has no hash."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable)

    __hash__ = None  # type: ignore[assignment]


class Hostile:
    """Refuses to be compared or hashed."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    def __hash__(self) -> int:
        raise RuntimeError

    def __bool__(self) -> bool:
        raise RuntimeError


class Slotted:
    """Allows no weak reference."""

    __slots__ = ("name",)


@pytest.fixture
def registry() -> BirthRegistry:
    """An empty registry."""
    return BirthRegistry()


def test_a_birth_is_found(registry: BirthRegistry) -> None:
    """Process, loop and moment."""
    component = Component()
    registry.record(component, 17, 42)
    assert registry.of(component) == Birth(pid=17, loop=0, wall_ns=42)


def test_an_unseen_birth_is_none(registry: BirthRegistry) -> None:
    """What was built before we came."""
    assert registry.of(Component()) is None


async def test_the_loop_is_the_running_one(registry: BirthRegistry) -> None:
    """By its identity."""
    component, loop = Component(), asyncio.get_running_loop()
    assert current_loop() is loop
    registry.record(component, 17, 42, loop=current_loop())
    assert registry.of(component) == Birth(17, id(loop), 42)


def test_without_a_loop_there_is_none() -> None:
    """In a thread that runs none."""
    assert current_loop() is None


def test_a_component_is_not_kept_alive(registry: BirthRegistry) -> None:
    """Its entry goes with it."""
    component = Component()
    registry.record(component, 17, 42)
    assert len(registry) == 1
    del component
    gc.collect()
    assert len(registry) == 0


def test_a_component_in_a_cycle_goes_too(registry: BirthRegistry) -> None:
    """When the collector takes it."""
    component: Any = Component()
    component.itself = component
    registry.record(component, 17, 42)
    del component
    gc.collect()
    assert len(registry) == 0


@pytest.mark.parametrize("cls", [Unhashable, Hostile])
def test_identity_is_what_counts(cls: type, registry: BirthRegistry) -> None:
    """Equal components are two; those that refuse to be compared are components all the same."""
    first, second = cls(), cls()
    registry.record(first, 1, 1)
    assert registry.of(second) is None
    registry.record(second, 2, 2)
    assert (registry.of(first), registry.of(second)) == (Birth(1, 0, 1), Birth(2, 0, 2))
    del first, second
    gc.collect()
    assert len(registry) == 0


def test_what_allows_no_weak_reference_is_passed_over(registry: BirthRegistry) -> None:
    """Better none than a leak."""
    component = Slotted()
    registry.record(component, 17, 42)
    assert (registry.of(component), len(registry)) == (None, 0)


def test_the_last_birth_of_an_object_holds(registry: BirthRegistry) -> None:
    """One that is built again in place, and goes once."""
    component = Component()
    registry.record(component, 1, 1)
    registry.record(component, 2, 2)
    assert (registry.of(component), len(registry)) == (Birth(2, 0, 2), 1)
    del component
    gc.collect()
    assert len(registry) == 0


def test_an_identity_used_again_does_not_lie(registry: BirthRegistry) -> None:
    """An object at a dead one's address was not built when that was."""
    for _ in range(1000):
        component = Component()
        assert registry.of(component) is None
        registry.record(component, 17, 42)
        del component
    assert len(registry) == 0


def test_an_entry_whose_object_is_another_is_none(registry: BirthRegistry) -> None:
    """Also where the entry of a dead object has stayed behind."""
    old, new = Component(), Component()
    registry.record(old, 17, 42)
    registry._lives[id(new)] = registry._lives[id(old)]
    assert registry.of(new) is None


def test_the_registry_is_bounded(registry: BirthRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit no birth is added, until others die."""
    monkeypatch.setattr(births, "_BIRTH_LIMIT", 10)
    components = [Component() for _ in range(11)]
    for component in components:
        registry.record(component, 17, 42)
    assert len(registry) == 10
    assert registry.of(components[10]) is None
    late = components[10]
    del components, component
    gc.collect()
    registry.record(late, 17, 42)
    assert registry.of(late) == Birth(17, 0, 42)


def test_a_forked_child_remembers_its_parent_s_births(registry: BirthRegistry, in_fork: Callable[..., Any]) -> None:
    """That an object came by a fork is what the registry is there to tell."""
    component = Component()
    registry.record(component, os.getpid(), 42)

    def pids() -> list[Any]:
        birth = registry.of(component)
        return [birth is not None and birth.pid, os.getpid()]

    birth_pid, child_pid = in_fork(pids)
    assert birth_pid == os.getpid() != child_pid
