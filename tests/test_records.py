"""Records are what dataclasses are, without what dataclasses cost when they are defined."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from dataclasses import field
from typing import Any

import pytest

from autogen_vitals.records import Record, names_of, replace, values_of


class Point(Record, frozen=True):
    """Two numbers."""

    x: int
    y: int = 2
    of: str = field(default="plane", compare=False)


class Bag(Record, eq=False):
    """Some things."""

    label: str
    things: list[str] = field(default_factory=list[str])

    @property
    def full(self) -> bool:
        """Something is in it."""
        return bool(self.things)


def test_defaults_keywords_and_order_are_as_in_a_dataclass() -> None:
    """What is left out has its default, and a list is each one's own."""
    assert values_of(Point(1)) == {"x": 1, "y": 2, "of": "plane"}
    assert values_of(Point(3, of="sphere", y=4)) == {"x": 3, "y": 4, "of": "sphere"}
    one, other = Bag("one"), Bag("other")
    one.things.append("a")
    assert (one.full, other.full) == (True, False)
    assert Bag("none", []).things == []
    assert names_of(Bag) == ("label", "things")


@pytest.mark.parametrize("wrong", [lambda: Point(), lambda: Point(1, 2, "a", 4), lambda: Point(1, z=2)])
def test_what_does_not_fit_is_a_type_error(wrong: Any) -> None:
    """As from any other function."""
    with pytest.raises(TypeError, match="__init__"):
        wrong()


def test_those_with_the_same_values_are_equal() -> None:
    """And hash alike; what is left out of the comparison is left out of the hash."""
    assert Point(1, 2) == Point(1, 2, "sphere") != Point(1, 3)
    assert hash(Point(1, 2)) == hash(Point(1, 2, "sphere")) != hash(Point(2, 1))
    assert len({Point(1), Point(1, of="sphere"), Point(2)}) == 2
    assert Point(1) != (1, 2)
    assert Point(1) != dataclasses.make_dataclass("Point", ["x", "y", "of"])(1, 2, "plane")


def test_without_equality_each_is_its_own() -> None:
    """Also as a key."""
    bag = Bag("one")
    assert bag == bag
    assert bag != Bag("one")
    assert len({bag, bag, Bag("one")}) == 2


def test_a_frozen_one_is_not_changed() -> None:
    """Neither set nor deleted, before and after its methods are written; and no name is added."""
    point = Point(1)
    for change in (lambda: setattr(point, "x", 2), lambda: delattr(point, "x"), lambda: setattr(point, "z", 1)):
        with pytest.raises(dataclasses.FrozenInstanceError, match="Point"):
            change()
    bag = Bag("one")
    bag.label = "another"
    assert bag.label == "another"
    with pytest.raises(AttributeError):
        bag.colour = "red"  # type: ignore[attr-defined]


def test_a_copy_has_other_values() -> None:
    """The rest is the same."""
    assert values_of(replace(Point(1, of="sphere"), y=5)) == {"x": 1, "y": 5, "of": "sphere"}
    with pytest.raises(TypeError):
        replace(Point(1), z=5)


def test_it_says_what_it_is() -> None:
    """Its name, its words, its values."""
    assert repr(Point(1)) == "Point(x=1, y=2, of='plane')"
    assert (Point.__doc__, Point.__module__, Bag.__qualname__) == ("Two numbers.", __name__, "Bag")


def test_it_is_copied_and_pickled() -> None:
    """As what has slots is."""
    bag = Bag("one", ["a"])
    assert values_of(copy.deepcopy(bag)) == values_of(pickle.loads(pickle.dumps(bag))) == values_of(bag)


def test_its_methods_are_written_when_they_are_needed() -> None:
    """To define a class compiles nothing, nor to build a few: that is what it is for."""

    class Fresh(Record, frozen=True):
        value: int = 1

    def written() -> list[bool]:
        return [vars(Fresh)[name].__code__.co_filename == "<string>" for name in ("__init__", "__eq__", "__hash__")]

    assert {Fresh(): True}[Fresh()]
    assert written() == [False, True, True]
    many = [Fresh(number) for number in range(100)]
    assert [one.value for one in many] == list(range(100))
    assert written() == [True, True, True]
    assert list(inspect.signature(Fresh).parameters) == ["value"]
    assert Fresh() == many[1]
