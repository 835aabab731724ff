"""Facts are read off things we do not trust."""

from __future__ import annotations

import enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autogen_vitals.lifecycle.reading import argument, attribute, first, follow, follow_to_file, given, plain


class Raising:
    """Properties that raise."""

    @property
    def name(self) -> str:
        raise RuntimeError("not now")

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)


def test_attributes_and_keys_are_followed() -> None:
    """Along both, mixed."""
    component = SimpleNamespace(_create_args={"model": "gpt-4o"}, id=SimpleNamespace(type="worker"))
    assert attribute("_create_args.model")(component, (), {}) == "gpt-4o"
    assert attribute("id.type")(component, (), {}) == "worker"


def test_indexes_are_followed() -> None:
    """Into lists and tuples; a key may look like one."""
    component = SimpleNamespace(choices=[SimpleNamespace(reason="stop")], result=(False, {}), numbered={"0": "zero"})
    assert attribute("choices.0.reason")(component, (), {}) == "stop"
    assert attribute("result.0")(component, (), {}) is False
    assert attribute("numbered.0")(component, (), {}) == "zero"
    assert attribute("choices.1.reason")(component, (), {}) is None


@pytest.mark.parametrize(
    ("folder", "name"),
    [("coding", "coding"), (Path("coding"), "coding"), (b"coding", "coding"), (None, None), (7, None)],
)
def test_a_folder_goes_by_its_name(folder: Any, name: str | None) -> None:
    """However that is kept; what is no name of a file is none."""
    assert follow_to_file(SimpleNamespace(config={"work_dir": folder}), ("config", "work_dir")) == name
    assert follow_to_file(False, ("config", "work_dir")) is None
    assert follow_to_file(Raising(), ("name",)) is None


def test_the_first_value_there_is_counts() -> None:
    """False and nothing at all are not the same."""
    read = first((attribute("missing"), argument("config", 0, "model"), attribute("name")))
    component = SimpleNamespace(name="fallback")
    assert read(component, ({"model": "gpt-4o"},), {}) == "gpt-4o"
    assert read(component, (), {"config": {"model": ""}}) == ""
    assert read(component, (), {}) == "fallback"
    assert first((attribute("missing"),))(component, (), {}) is None


def test_an_argument_itself_is_whatever_it_is() -> None:
    """No matter how it is given."""
    recipient = object()
    read = given("recipient", 1)
    assert read(None, (1, recipient), {}) is recipient
    assert read(None, (), {"recipient": recipient}) is recipient
    assert read(None, (1,), {}) is None


@pytest.mark.parametrize("path", ["missing", "missing.name", "inner.missing", "mapping.missing", "number.name"])
def test_a_missing_step_is_none(path: str) -> None:
    """Wherever it is missing."""
    component = SimpleNamespace(inner=SimpleNamespace(), mapping={}, number=17)
    assert attribute(path)(component, (), {}) is None


@pytest.mark.parametrize("path", ["name", "other"])
def test_a_step_that_raises_is_none(path: str) -> None:
    """A property of the app's may do what it likes."""
    assert attribute(path)(Raising(), (), {}) is None


def test_a_base_exception_passes() -> None:
    """But a Ctrl+C in it is the app's."""

    class Interrupted:
        @property
        def name(self) -> str:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        follow(Interrupted(), ("name",))


@pytest.mark.parametrize(
    ("args", "kwargs", "value"),
    [
        (("search", 1), {}, "search"),
        ((), {"name": "search"}, "search"),
        (("positional",), {"name": "keyword"}, "keyword"),
        ((), {}, None),
        ((), {"other": "search"}, None),
        ((None,), {}, None),
    ],
)
def test_an_argument_is_found(args: tuple[Any, ...], kwargs: dict[str, Any], value: object) -> None:
    """By keyword, else by position."""
    assert argument("name", 0)(object(), args, kwargs) == value


def test_a_later_position_is_found() -> None:
    """Positions count from nought."""
    assert argument("name", 1)(object(), ("first", "second"), {}) == "second"
    assert argument("name", 1)(object(), ("first",), {}) is None


@pytest.mark.parametrize("value", ["", "text", 0, 17, 1.5, True, False])
def test_plain_values_are_kept(value: object) -> None:
    """Strings and numbers, of exactly that type."""
    assert plain(value) == value
    assert type(plain(value)) is type(value)


OTHERS = [None, b"bytes", [1], {"a": 1}, (1,), object, enum.IntEnum("E", "ONE")(1), 1j]


@pytest.mark.parametrize("value", OTHERS, ids=repr)
def test_other_values_are_none(value: object) -> None:
    """No span attribute can be made of them, or not of all of them."""
    assert plain(value) is None


def test_text_is_cut_off() -> None:
    """A name is a name, not a prompt."""
    assert plain("x" * 1000) == "x" * 256


class Text(str):
    """A string that lies about itself."""

    def __str__(self) -> str:
        return "a lie"


class Model(str, enum.Enum):
    """How apps name their models."""

    MINI = "gpt-4o-mini"


def test_a_string_of_a_subclass_becomes_a_string() -> None:
    """Of exactly that type, for the exporter."""
    assert type(plain(Text("text"))) is str


@pytest.mark.parametrize(("value", "text"), [(Text("text"), "text"), (Model.MINI, "gpt-4o-mini")], ids=["lie", "enum"])
def test_a_string_of_a_subclass_keeps_its_characters(value: str, text: str) -> None:
    """Those that are sent to the model, not those that str() makes of them."""
    assert plain(value) == text
