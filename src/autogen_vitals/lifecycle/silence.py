"""The parts of a ``Watch`` that have nothing to say where calls are neither streams nor first uses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.vocabulary import CHAT

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.tracker import Tracker


class SilentWatch:
    """Is told of everything between the beginning and the end of a call, and makes nothing of it."""

    def continues(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> bool:
        return False

    @guarded
    def enter(self, observation: Any) -> Any:
        return None

    @guarded
    def leave(self, observation: Any, token: Any) -> None:
        return

    @guarded
    def first_item(self, observation: Any) -> None:
        return

    @guarded
    def timed(self, observation: Any) -> bool:
        return False

    @guarded
    def ran(self, observation: Any, begin_ns: int, end_ns: int) -> None:
        return

    @guarded
    def abandon(self, observation: Any) -> None:
        return


class InsideChatWatch(SilentWatch):
    """Watches a function that is called while a model is: what it answers is told of that model call."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    @guarded
    def begin(self, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Observation | None:
        current = self._tracker.current() if self._tracker.active else None
        return current if current is not None and current.operation is CHAT else None
