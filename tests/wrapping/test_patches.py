"""Patches: every attribute is put back exactly as it was."""

from __future__ import annotations

import gc
import weakref
from types import ModuleType
from typing import Any

import pytest
import wrapt

from autogen_vitals.wrapping.patches import Patches
from autogen_vitals.wrapping.proxy import Wrapper


def original(self: object) -> None: ...


def ours(self: object) -> None: ...


def theirs(self: object) -> None: ...


@pytest.fixture
def owner() -> type:
    """A class with a method of its own, and one it inherits."""
    base = type("Base", (), {"inherited": original})
    return type("Owner", (base,), {"own": original, "fixed": staticmethod(original), "made": classmethod(original)})


def test_a_patch_is_set(owner: type) -> None:
    """The owner itself has the new value."""
    Patches().set(owner, "own", ours)
    assert vars(owner)["own"] is ours


@pytest.mark.parametrize("name", ["own", "fixed", "made", "inherited", "new"])
def test_undo_restores_the_identical_attribute(owner: type, name: str) -> None:
    """The very object that was in the class, descriptors included; what the class did not have itself is gone."""
    before = dict(vars(owner))
    patches = Patches()
    patches.set(owner, name, ours)
    patches.undo()
    assert dict(vars(owner)) == before
    assert all(vars(owner)[key] is value for key, value in before.items())


def test_modules_and_objects_are_owners_too() -> None:
    """Whatever has a __dict__."""
    module, patches = ModuleType("made_up"), Patches()
    module.function = original  # type: ignore[attr-defined]
    before = dict(vars(module))
    patches.set(module, "function", lambda: None)
    patches.set(module, "added", lambda: None)
    patches.undo()
    assert vars(module) == before


def test_patches_of_one_attribute_are_undone_in_reverse(owner: type) -> None:
    """Ours upon ours: the first value comes back."""
    patches = Patches()
    patches.set(owner, "own", ours)
    patches.set(owner, "own", lambda: None)
    patches.undo()
    assert vars(owner)["own"] is original


def test_a_later_patch_of_the_app_stays(owner: type) -> None:
    """Undoing would undo theirs: it is left, and the other attributes are restored."""
    patches = Patches()
    patches.set(owner, "own", ours)
    patches.set(owner, "inherited", ours)
    owner.own = theirs  # type: ignore[attr-defined]
    patches.undo()
    assert vars(owner)["own"] is theirs
    assert "inherited" not in vars(owner)


def test_a_later_wrapt_wrapper_of_the_app_stays(owner: type) -> None:
    """Such a wrapper answers with the attributes of what it wraps, ours included, and is still not ours."""
    patches, value = Patches(), Wrapper(original, lambda wrapped, instance, args, kwargs: wrapped(*args, **kwargs))
    patches.set(owner, "own", value)
    around = wrapt.FunctionWrapper(value, lambda wrapped, instance, args, kwargs: wrapped(*args, **kwargs))
    owner.own = around  # type: ignore[attr-defined]
    assert not patches.is_ours(owner, "own")
    patches.undo()
    assert vars(owner)["own"] is around


def test_an_attribute_that_the_app_has_deleted_stays_deleted(owner: type) -> None:
    """There is nothing of ours to take away."""
    patches = Patches()
    patches.set(owner, "own", ours)
    del owner.own  # type: ignore[attr-defined]
    patches.undo()
    assert "own" not in vars(owner)


def test_undo_twice_does_nothing(owner: type) -> None:
    """What was undone is forgotten, so that a later patch of the app's is safe."""
    patches = Patches()
    patches.set(owner, "own", ours)
    patches.undo()
    owner.own = ours  # type: ignore[attr-defined]
    patches.undo()
    assert vars(owner)["own"] is ours


def test_is_ours_knows_our_values_on_their_owner(owner: type) -> None:
    """Not the original, not somebody else's, not the same value elsewhere, not one that is inherited."""
    patches = Patches()
    assert not patches.is_ours(owner, "own")
    patches.set(owner, "own", ours)
    child = type("Child", (owner,), {"fixed": ours})
    assert patches.is_ours(owner, "own")
    assert not patches.is_ours(owner, "fixed")
    assert not patches.is_ours(owner, "missing")
    assert not patches.is_ours(child, "own")
    # A class made anew of another's attributes, as @dataclass(slots=True) does, has ours too.
    assert patches.is_ours(child, "fixed")
    owner.own = theirs  # type: ignore[attr-defined]
    assert not patches.is_ours(owner, "own")


@pytest.mark.parametrize("stubborn", [object, 17])
def test_an_owner_that_refuses_is_not_remembered(stubborn: Any) -> None:
    """A builtin cannot be patched: the error is the caller's to handle, and undo has nothing to do."""
    patches = Patches()
    with pytest.raises((AttributeError, TypeError)):
        patches.set(stubborn, "name", ours)
    patches.undo()


class Moody(type):
    """Classes that refuse to be changed, once they have been told to."""

    frozen = False

    def __setattr__(cls, name: str, value: object) -> None:
        if Moody.frozen:
            raise AttributeError(name)
        super().__setattr__(name, value)


def test_one_owner_that_refuses_does_not_keep_the_others(owner: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything else is restored."""
    patches = Patches()
    patches.set(owner, "own", ours)
    patches.set(Moody("Stubborn", (), {"own": original}), "own", ours)
    monkeypatch.setattr(Moody, "frozen", True)
    patches.undo()
    assert vars(owner)["own"] is original


def test_a_class_that_the_app_drops_is_not_kept_alive() -> None:
    """An app that defines a class for each request gets rid of it, patched or not."""
    patches = Patches()
    dropped = type("Dropped", (), {"own": original})
    patches.set(dropped, "own", ours)
    reference = weakref.ref(dropped)
    del dropped
    gc.collect()
    assert reference() is None
