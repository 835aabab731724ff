"""Classes of plain values, whose methods are written when they are needed often.

``@dataclass`` writes and compiles them when the class is defined: 25 of the 36 ms that it took to import this package,
in every process, also in those that never build most of them (``make bench``, row "import"). To compile one takes as
long as to build a hundred without.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, Field, FrozenInstanceError, field
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        return lambda decorator: decorator


_Namespace = dict[str, Any]

_FEW = 100
"""Of a class are built before its ``__init__`` is compiled."""

_set = object.__setattr__


def _building(names: tuple[str, ...], defaults: _Namespace, frozen: bool) -> _Namespace:
    built = 0

    def init(self: Record, *args: Any, **values: Any) -> None:
        nonlocal built
        built += 1
        if built <= _FEW and _fill(self, names, defaults, args, values):
            return
        # Also where the arguments do not fit: what is compiled says so as any function does.
        _write_init(type(self), names, defaults, frozen)
        self.__init__(*args, **values)

    return {"__init__": init}


def _fill(
    instance: Record, names: tuple[str, ...], defaults: _Namespace, args: tuple[Any, ...], values: _Namespace
) -> bool:
    """Set each of its values; whether the arguments fit."""
    given = dict(zip(names, args, strict=False))
    if len(args) > len(names) or not given.keys().isdisjoint(values):
        return False
    given.update(values)
    for name, default in defaults.items():
        if name not in given:
            if isinstance(default, Field):
                default = default.default if default.default_factory is MISSING else default.default_factory()
            given[name] = default
    if len(given) != len(names):
        return False
    try:
        for name, value in given.items():
            _set(instance, name, value)
    except AttributeError:
        return False
    return True


def _write_init(cls: type[Record], names: tuple[str, ...], defaults: _Namespace, frozen: bool) -> None:
    scope: _Namespace = {"_set_": _set}
    parameters, lines = ["self"], ["pass"]
    for name in names:
        value, default = name, defaults.get(name)
        if isinstance(default, Field):
            if default.default_factory is not MISSING:
                value = f"_{name}() if {name} is _{name} else {name}"
            default = default.default if default.default_factory is MISSING else default.default_factory
        scope[f"_{name}"] = default
        parameters.append(f"{name}=_{name}" if name in defaults else name)
        lines.append(f"_set_(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    _write(cls, "__init__", parameters, lines, scope)


def _comparing(names: tuple[str, ...]) -> _Namespace:
    def equal(self: Record, other: object) -> bool:
        same = " and ".join(f"self.{name} == other.{name}" for name in names)
        line = f"return {same} if other.__class__ is self.__class__ else NotImplemented"
        _write(type(self), "__eq__", ["self", "other"], [line], {})
        return self == other

    def hashed(self: Record) -> int:
        values = "".join(f"self.{name}, " for name in names)
        _write(type(self), "__hash__", ["self"], [f"return hash(({values}))"], {})
        return hash(self)

    return {"__eq__": equal, "__hash__": hashed}


def _write(cls: type[Record], name: str, parameters: list[str], lines: list[str], scope: _Namespace) -> None:
    """Two threads may both do it: they do the same."""
    source = "\n ".join((f"def {name}({', '.join(parameters)}):", *lines))
    # exec() of a string makes CPython forget that a Ctrl-C is what ends the program, which then exits with 1.
    exec(compile(source, "<string>", "exec"), scope)
    setattr(cls, name, scope[name])


def _refuse(self: Record, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"{type(self).__name__} is not changed: {name}")


@dataclass_transform(field_specifiers=(field,))
class _RecordType(type):
    """Gives a class its slots and methods before it is made, which is half of what it takes to do so afterwards."""

    def __new__(
        cls, name: str, bases: tuple[type, ...], namespace: _Namespace, *, eq: bool = True, frozen: bool = False
    ) -> _RecordType:
        names = tuple(namespace.get("__annotations__", ()))
        defaults = {name: namespace.pop(name) for name in names if name in namespace}
        methods = _building(names, defaults, frozen)
        if eq:
            left_out = {
                name for name, default in defaults.items() if isinstance(default, Field) and not default.compare
            }
            methods |= _comparing(tuple(name for name in names if name not in left_out))
        if frozen:
            methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
        return super().__new__(cls, name, bases, {**namespace, **methods, "__slots__": names})


class Record(metaclass=_RecordType, eq=False):
    """What ``@dataclass(slots=True)`` makes of a class: ``__init__``, ``__repr__``, equality and a hash.

    Its values are those that are annotated in the class, in a module with ``from __future__ import annotations``.
    Defaults are as in a dataclass, ``dataclasses.field`` with ``default``, ``default_factory`` and ``compare``
    included. There is no ``__post_init__``, and a record does not inherit from another.

    Class arguments:
        eq: equal to others of the class with the same values, and hashed by them; otherwise only to itself. Default
            true.
        frozen: its values are set once; to set one later raises ``dataclasses.FrozenInstanceError``. Default false.
    """

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={getattr(self, name, '…')!r}" for name in names_of(type(self)))
        return f"{type(self).__name__}({shown})"


def names_of(cls: type[Record]) -> tuple[str, ...]:
    """The names of a record's values, in the order in which its ``__init__`` takes them."""
    names: tuple[str, ...] = vars(cls)["__slots__"]
    return names


def values_of(instance: Record) -> dict[str, Any]:
    """What is in a record, by name: neither copied nor looked into."""
    return {name: getattr(instance, name) for name in names_of(type(instance))}


_R = TypeVar("_R", bound=Record)


def replace(instance: _R, **values: Any) -> _R:
    """A copy of a record in which ``values`` are others."""
    return type(instance)(**values_of(instance) | values)
