"""The instrumentation switched on around a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from observed import Vitals
from opentelemetry import trace

import autogen_vitals


@pytest.fixture
def silent_vitals(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vitals]:
    """A provider that is the global one too, where AutoGen's native spans go; not enabled yet."""
    vitals = Vitals()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", vitals.tracer_provider)
    yield vitals
    autogen_vitals.disable()


@pytest.fixture
def vitals(silent_vitals: Vitals) -> Vitals:
    """Enabled with the default settings for the length of the test."""
    silent_vitals.enable()
    return silent_vitals
