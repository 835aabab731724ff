"""Functions that a library gives to another thread, with what they belong to carried along."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from autogen_vitals.guard import guarded, hide_caller_frame, unseen
from autogen_vitals.wrapping.calls import WrapperFunction
from autogen_vitals.wrapping.proxy import Wrapper


class Carried(Protocol):
    """What a function belongs to, wherever it runs. Neither of its methods raises."""

    def enter(self) -> Any:
        """Make it the present, in the thread that runs the function; the answer goes to ``leave``."""
        ...

    def leave(self, token: Any) -> None:
        """Make the present what was before."""
        ...


class StandIn:
    """Stands for a module of the standard library in one module that knows it: one of its callables is wrapped.

    The module itself stays as it is for everybody else; what is patched in it is seen through this one.
    """

    def __init__(self, module: ModuleType, replaced: str, wrapper: WrapperFunction) -> None:
        self._module = module
        self._replaced = replaced
        self._wrapper = wrapper

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._module, name)
        return Wrapper(value, self._wrapper) if name == self._replaced else value

    def __dir__(self) -> list[str]:
        return dir(self._module)


def handed_over(pick_up: Callable[[], Carried | None], keyword: str, position: int) -> WrapperFunction:
    """Wrap what is given a function for another thread, as an argument: there it runs with what is picked up here."""

    @unseen
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        given = _with_carried(pick_up, keyword, position, args, kwargs) or (args, kwargs)
        try:
            return wrapped(*given[0], **given[1])
        except BaseException as error:
            hide_caller_frame(error)
            raise

    return wrapper


@guarded
def _with_carried(
    pick_up: Callable[[], Carried | None], keyword: str, position: int, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]] | None:
    function = kwargs[keyword] if keyword in kwargs else args[position] if len(args) > position else None
    if not callable(function) or (carried := pick_up()) is None:
        return None
    carrying = _carrying(function, carried)
    if keyword in kwargs:
        return args, {**kwargs, keyword: carrying}
    return (*args[:position], carrying, *args[position + 1 :]), kwargs


def _carrying(function: Callable[..., Any], carried: Carried) -> Callable[..., Any]:
    # Its name too: threads are called after what they run.
    @functools.wraps(function)
    @unseen
    def carrying(*args: Any, **kwargs: Any) -> Any:
        token = carried.enter()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        finally:
            carried.leave(token)

    return carrying
