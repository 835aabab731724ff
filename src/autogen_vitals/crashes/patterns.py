"""Regular expressions that nobody pays for before something goes wrong."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed: all of them at once take milliseconds of every start."""
    return re.compile(pattern)
