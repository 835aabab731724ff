"""Wrapping WSGI applications: a request goes on until the server closes its body."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import wrapt

from autogen_vitals.guard import guarded, hide_caller_frame, unseen
from autogen_vitals.wrapping.calls import WrapperFunction, plain_call
from autogen_vitals.wrapping.watch import Watch


def wsgi_call(watch: Watch) -> WrapperFunction:
    """Observe ``application(environ, start_response)`` and the body that it answers with, to its ``close()``.

    Of the ``write`` that ``start_response`` returns nothing need be known: who uses it does so during the call.
    """
    return plain_call(watch, partial(_observed_body, watch))


@guarded
def _observed_body(
    watch: Watch, body: Any, observation: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> _Body | None:
    """What stands for ``body``; ``None`` for one that stays what it is, for it computes nothing any more: servers look
    for a list of one to know its length, and for their own ``wsgi.file_wrapper`` to send the file themselves."""
    environ: Any = args[0] if args else kwargs.get("environ")
    file_wrapper = environ.get("wsgi.file_wrapper")
    is_file = isinstance(file_wrapper, type) and isinstance(body, file_wrapper)
    if is_file or type(body) in (list, tuple, bytes):
        watch.end(observation, None, None)
        return None
    return _Body(body, watch, observation)


class _Body(wrapt.ObjectProxy):  # type: ignore[misc]
    """Stands for a body: what its items do belongs to the request, which its ``close()`` ends."""

    def __init__(self, body: Any, watch: Watch, observation: Any) -> None:
        super().__init__(body)
        self._self_watch = watch
        self._self_observation = observation

    @unseen
    def __iter__(self) -> Iterator[Any]:
        try:
            return _Items(self, _step(self, partial(iter, self.__wrapped__)))
        except BaseException as error:
            hide_caller_frame(error)
            raise

    @unseen
    def __next__(self) -> Any:
        try:
            return _step(self, partial(next, self.__wrapped__))
        except BaseException as error:
            hide_caller_frame(error)
            raise

    @unseen
    def close(self) -> None:
        try:
            close = getattr(self.__wrapped__, "close", None)
            if close is not None:
                _step(self, close)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        _over(self, None)

    @guarded
    def __del__(self) -> None:
        observation, self._self_observation = self._self_observation, None
        if observation is not None:
            self._self_watch.abandon(observation)


class _Items:
    """The iterator of a body."""

    __slots__ = ("_body", "_items")

    def __init__(self, body: _Body, items: Iterator[Any]) -> None:
        self._body = body
        self._items = items

    def __iter__(self) -> Iterator[Any]:
        return self

    @unseen
    def __next__(self) -> Any:
        try:
            return _step(self._body, partial(next, self._items))
        except BaseException as error:
            hide_caller_frame(error)
            raise


@unseen
def _step(body: _Body, call: Callable[[], Any]) -> Any:
    """Part of the body's work: in its request's context, whatever is the context of who asks for it."""
    watch, observation = body._self_watch, body._self_observation
    token = watch.enter(observation) if observation is not None else None
    try:
        result = call()
    except BaseException as error:
        if observation is not None:
            watch.leave(observation, token)
            if not isinstance(error, StopIteration):
                _over(body, error)
        hide_caller_frame(error)
        raise
    if observation is not None:
        watch.leave(observation, token)
    return result


@guarded
def _over(body: _Body, error: BaseException | None) -> None:
    observation, body._self_observation = body._self_observation, None
    if observation is not None:
        body._self_watch.end(observation, None, error)
