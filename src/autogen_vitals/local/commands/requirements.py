"""What a command needs that may not be installed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec

SERVING: Mapping[str, str] = {"rich": "local", "uvicorn": "local", "starlette": "local", "httpx": "local"}
"""For what receives, and shows: modules, each with the extra that brings it."""


def are_installed(what: str, modules: Mapping[str, str]) -> bool:
    """Whether all of these can be imported; says how to install what cannot.

    Args:
        what: what needs them, as the subject of a sentence.
        modules: each with the extra that brings it.
    """
    missing = [name for name in modules if not _is_installed(name)]
    if not missing:
        return True
    extras = ",".join(dict.fromkeys(modules[name] for name in missing))
    print(f"{what} needs {', '.join(missing)}, which cannot be found. To install:", file=sys.stderr)
    print(f"  pip install 'autogen-vitals[{extras}]'", file=sys.stderr)
    return False


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:
        # The package that would contain it.
        return False
