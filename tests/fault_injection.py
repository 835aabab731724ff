"""Every function of ours, and how it is made to raise: what "never hurts the app" is tested with."""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import types
from collections.abc import Iterator
from typing import Any

ROOMS = ("hooks", "wrapping", "lifecycle", "crashes", "findings", "findings.rules", "findings.aftermath", "telemetry")
TOP = (
    "",
    ".auto_instrumentation",
    ".clock",
    ".declarative",
    ".enabling",
    ".installing",
    ".guard",
    ".instrumentation",
    ".instrumentor",
    ".plans",
    ".replacements",
    ".settings",
    ".warming",
)


class InjectedFault(Exception):
    pass


def modules() -> Iterator[types.ModuleType]:
    for name in TOP:
        yield importlib.import_module(f"autogen_vitals{name}")
    for room in ROOMS:
        package = importlib.import_module(f"autogen_vitals.{room}")
        for found in pkgutil.iter_modules(package.__path__):
            yield importlib.import_module(f"autogen_vitals.{room}.{found.name}")


@functools.cache
def functions() -> dict[str, tuple[types.FunctionType, tuple[int, ...]]]:
    """Every function of ours: its name → the function that holds its code, and the path through nested code."""
    found: dict[str, tuple[types.FunctionType, tuple[int, ...]]] = {}
    for module in modules():
        short = module.__name__.removeprefix("autogen_vitals").removeprefix(".") or "__init__"
        pending: list[Any] = [vars(module)]
        while pending:
            for value in list(pending.pop().values()):
                value = getattr(value, "__func__", value)
                value = value.fget if isinstance(value, property) else value
                value = getattr(value, "func", value) if type(value).__name__ == "cached_property" else value
                while hasattr(value, "__wrapped__") and isinstance(value, types.FunctionType):
                    value = value.__wrapped__
                if getattr(value, "__module__", None) != module.__name__:
                    continue
                if isinstance(value, type):
                    pending.append(vars(value))
                elif isinstance(value, types.FunctionType) and value.__code__.co_filename != "<string>":
                    # "<string>": what records and dataclasses have written.
                    note(found, short, value.__qualname__, value, value.__code__, ())
    return found


def note(
    found: dict[str, Any], module: str, name: str, holder: types.FunctionType, code: types.CodeType, path: Any
) -> None:
    found[f"{module}:{name}"] = (holder, path)
    for index, constant in enumerate(code.co_consts):
        if isinstance(constant, types.CodeType) and not constant.co_name.startswith("<"):
            note(found, module, f"{name}.{constant.co_name}", holder, constant, (*path, index))


def raising(code: types.CodeType) -> types.CodeType:
    """Code that raises, for a function with the same free variables: when it is awaited, if the function is async."""
    free = code.co_freevars
    word = "async def" if code.co_flags & inspect.CO_COROUTINE else "def"
    source = (
        f"def outer({', '.join(free)}):\n {word} boom(*args, **kwargs):\n"
        + "".join(f"  if 0: {name}\n" for name in free)
        + "  raise __import__('fault_injection').InjectedFault('injected')\n return boom"
    )
    scope: dict[str, Any] = {}
    exec(source, scope)
    inner = next(c for c in scope["outer"].__code__.co_consts if isinstance(c, types.CodeType))
    assert inner.co_freevars == free
    return inner


def code_at(code: types.CodeType, path: tuple[int, ...]) -> types.CodeType:
    """The code at a path through nested code."""
    return functools.reduce(lambda outer, index: outer.co_consts[index], path, code)


def with_fault(code: types.CodeType, path: tuple[int, ...]) -> types.CodeType:
    if not path:
        return raising(code)
    constants = list(code.co_consts)
    constants[path[0]] = with_fault(constants[path[0]], path[1:])
    return code.replace(co_consts=tuple(constants))
