"""The parts of a ``Watch`` that have nothing to say where calls are neither streams nor first uses."""

from __future__ import annotations

from typing import Any

from autogen_vitals.guard import guarded


class SilentWatch:
    """Is told of everything between the beginning and the end of a call, and makes nothing of it."""

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
