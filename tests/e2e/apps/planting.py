"""Time that is lost on purpose, and how long it really was: ``time.sleep`` may oversleep."""

from __future__ import annotations

import os
import time

SECONDS = float(os.environ.get("PLANTED_SECONDS", "0"))
planted: dict[str, float] = {}
"""Place → seconds lost there by this process."""


def plant(place: str) -> None:
    """Lose the time here, the first time this process comes by."""
    if place not in planted:
        began = time.perf_counter()
        time.sleep(SECONDS)
        planted[place] = time.perf_counter() - began
