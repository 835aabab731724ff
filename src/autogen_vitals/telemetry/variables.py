"""Environment variables, for as long as the SDK is being set up: children of the app see what the app was given."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager


def is_sdk_disabled() -> bool:
    """Whether the user has switched the SDK off."""
    return os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"


@contextmanager
def variables_set(values: Mapping[str, str]) -> Generator[None, None, None]:
    """With these values, whatever they were before."""
    with variables_unset(values):
        os.environ.update(values)
        yield


@contextmanager
def variables_unset(names: Iterable[str]) -> Generator[None, None, None]:
    """Without these."""
    before = {name: os.environ.pop(name, None) for name in tuple(names)}
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
