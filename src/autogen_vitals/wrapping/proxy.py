"""A wrapt function wrapper that pickles and copies as the function it wraps did.

wrapt's own proxies refuse both, so that ``pickle.dumps(agent.run)``, fine without us, would raise.
"""

from __future__ import annotations

import copy
from typing import Any

import wrapt


class _BoundWrapper(wrapt.BoundFunctionWrapper):
    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduce(self, self._self_instance)

    def __reduce__(self) -> Any:
        return _reduce(self, self._self_instance)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self._self_instance is None:
            return self
        # The function stays, as a bound method's does, also where the object's own class overrides it.
        copied = copy.deepcopy(self._self_instance, memo)
        return self._self_parent.__get__(copied, type(copied))


class Wrapper(wrapt.FunctionWrapper):
    """``wrapt.FunctionWrapper`` for functions and methods, with pickling and copying kept."""

    __bound_function_wrapper__ = _BoundWrapper

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _reduce(self, None)

    def __reduce__(self) -> Any:
        return _reduce(self, None)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return self


def _reduce(wrapper: Any, instance: object) -> tuple[Any, ...]:
    # Standard library names only: the pickle must load where this package is not installed.
    if instance is not None:
        return getattr, (instance, wrapper.__wrapped__.__name__)
    # Here, for hardly anybody pickles what we stand for.
    import pkgutil

    return pkgutil.resolve_name, (f"{wrapper.__module__}:{wrapper.__qualname__}",)
