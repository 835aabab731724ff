"""Wrapping what servers do with a process: calls, what escapes from them, and the end of forked children."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Mapping
from types import CoroutineType, ModuleType
from typing import Any

from autogen_vitals.guard import guarded, hide_caller_frame, unseen
from autogen_vitals.wrapping.calls import WrapperFunction

Tell = Callable[[], object]
"""Tells of one moment; never raises."""

Failed = Callable[[BaseException], object]
"""Tells of what a call raised; never raises itself."""

Noted = Callable[..., object]
"""Tells of what a call was given, or what it returned; never raises."""


def life_call(
    before: Tell | None, after: Tell | None, failed: Failed | None = None, *, may_exit: bool = False
) -> WrapperFunction:
    """Tell ``before`` a call begins, and ``after`` it is over, however it ends; for a coroutine, when it is awaited.
    Tell what it ``failed`` with: the outermost call, for one that calls itself may try something else next; and not a
    ``SystemExit``, where it ``may_exit``."""
    nested = threading.local()

    @unseen
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if before is not None:
            before()
        outermost, nested.inside = not getattr(nested, "inside", False), True
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            has_failed = outermost and not (may_exit and isinstance(error, SystemExit))
            _over(after, failed if has_failed else None, error)
            hide_caller_frame(error)
            raise
        finally:
            nested.inside = not outermost
        if after is None and failed is None:
            return result
        if type(result) is CoroutineType:
            return _awaited(result, after, failed)
        _over(after, failed, None)
        return result

    return wrapper


@unseen
async def _awaited(coroutine: Coroutine[Any, Any, Any], after: Tell | None, failed: Failed | None) -> Any:
    try:
        result = await coroutine
    except BaseException as error:
        _over(after, failed, error)
        hide_caller_frame(error)
        raise
    _over(after, failed, None)
    return result


@guarded
def _over(after: Tell | None, failed: Failed | None, error: BaseException | None) -> None:
    if failed is not None and error is not None:
        failed(error)
    if after is not None:
        after()


def noted_call(given: Noted | None, returned: Noted | None) -> WrapperFunction:
    """Tell what a function is ``given``, before it runs, or what it has ``returned``."""

    @unseen
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        if given is not None:
            given(*args, **kwargs)
        try:
            result = wrapped(*args, **kwargs)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        if returned is not None:
            returned(result)
        return result

    return wrapper


def lifespan_call(ready: Tell, failed: Failed) -> WrapperFunction:
    """Tell when an ASGI application says that its start-up is complete, and what its lifespan ``failed`` with. What it
    sends is handed on as it is."""

    @unseen
    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        # Called with (scope, receive, send), as the protocol has it; otherwise it is no server that calls.
        given = (*args[:2], _Sending(args[2], ready)) if len(args) == 3 else args
        try:
            result = wrapped(*given, **kwargs)
        except BaseException as error:
            failed(error)
            hide_caller_frame(error)
            raise
        return _awaited(result, None, failed) if type(result) is CoroutineType else result

    return wrapper


class _Sending:
    """Stands for the server's ``send`` while an application starts."""

    __slots__ = ("_ready", "_send")

    def __init__(self, send: Callable[[Any], Any], ready: Tell) -> None:
        self._send = send
        self._ready = ready

    @unseen
    async def __call__(self, message: Mapping[str, Any]) -> None:
        try:
            await self._send(message)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        if message["type"] == "lifespan.startup.complete":
            self._ready()


class ForkedChildren:
    """Tells of the end of ``multiprocessing`` children that were forked.

    They leave by ``os._exit``, so that ``atexit`` never runs in them; ``multiprocessing`` runs its own finalizers
    instead, and clears those registered before the child's bootstrap, hence the detour by ``register_after_fork``.
    """

    def __init__(self, ending: Tell) -> None:
        self._ending = ending

    def install(self, multiprocessing_util: ModuleType) -> None:
        """Register in the parent. The registry holds this object weakly: dropping it is the undoing."""

        def finalize(children: ForkedChildren) -> None:
            multiprocessing_util.Finalize(None, children._ending, exitpriority=100)

        multiprocessing_util.register_after_fork(self, finalize)
