"""Samples that no process has measured."""

from __future__ import annotations

from typing import Any

from autogen_vitals.local.checking.sample import Init, Sample


def a_sample(**changes: Any) -> Sample:
    """A start of one second: half of it imports, a fifth an init."""
    fields: dict[str, Any] = {
        "what": "factory",
        "lifespan": False,
        "total": 1.0,
        "stages": {"imports": 0.5, "init": 0.2, "gc": 0.1, "ready": 0.1, "other": 0.1},
        "packages": {"openai": 0.3, "app": 0.1},
        "modules": 900,
        "rss": 40_000_000,
        "inits": [an_init()],
    }
    return Sample(**{**fields, **changes})


def an_init(**changes: Any) -> Init:
    """A client, built once."""
    fields: dict[str, Any] = {
        "kind": "model_client",
        "type": "OpenAIChatCompletionClient",
        "stage": "construct",
        "file": "app.py",
        "line": 5,
        "function": "app.build",
        "count": 1,
        "seconds": 0.2,
    }
    return Init(**{**fields, **changes})
