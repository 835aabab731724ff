"""The one interface a wrapper talks to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Observation = Any
"""Opaque here: what ``begin`` gave is handed back."""


class Watch(Protocol):
    """Told of every call of one wrapped method. No method raises; all are cheap.

    The order is ``continues``, where it is asked, ``begin``, then any number of ``enter`` … ``leave`` pairs while the
    call's own code runs, then one of ``end`` and ``abandon``.
    """

    def continues(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool | None:
        """Whether the call is made by the code of one that is observed, and is that very thing seen once more: then
        nothing is told of it, and what it gives back is left as it is. Asked of calls that give back something to be
        awaited or iterated over."""
        ...

    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        """A call begins. ``None``: it is not observed, and nothing more is told of it."""
        ...

    def enter(self, observation: Observation) -> object:
        """The call's code is about to run in the current context; the answer goes to ``leave``."""
        ...

    def leave(self, observation: Observation, token: Any) -> None:
        """The call's code has stopped running: it returned, raised, or handed an item to its consumer."""
        ...

    def first_item(self, observation: Observation) -> None:
        """A stream gave its first item."""
        ...

    def timed(self, observation: Observation) -> bool | None:
        """Whether ``ran`` wants to be told."""
        ...

    def ran(self, observation: Observation, begin_ns: int, end_ns: int) -> None:
        """The call's code ran from ``begin_ns`` to ``end_ns``, on the monotonic clock, between two suspensions."""
        ...

    def end(self, observation: Observation, result: object, error: BaseException | None) -> None:
        """The call is over. ``result`` is what it returned, or a stream's last item."""
        ...

    def abandon(self, observation: Observation) -> None:
        """A stream was dropped without being closed. Called by the garbage collector, in any thread at any moment."""
        ...
