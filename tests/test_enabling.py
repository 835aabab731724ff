"""``enable()`` and what goes with it: what an application calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

import autogen_vitals
from autogen_vitals.instrumentor import AutogenVitalsInstrumentor

Enable = Callable[..., Any]


@pytest.fixture
def enable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Enable]:
    """Enables with providers of its own, and answers what is installed; nothing is before, nothing after."""
    for name in list(os.environ):
        if name.startswith("OTEL_"):
            monkeypatch.delenv(name)
    autogen_vitals.disable()

    def enable(**settings: Any) -> Any:
        autogen_vitals.enable(tracer_provider=TracerProvider(), meter_provider=MeterProvider(), **settings)
        return AutogenVitalsInstrumentor().installed

    yield enable
    autogen_vitals.disable()


def test_what_is_public_works_without_an_installation(enable: Enable) -> None:
    """flush() has nothing to do, request() is a block, a misspelt name is an AttributeError."""
    assert autogen_vitals.flush() is True
    with autogen_vitals.request("report"):
        pass
    assert autogen_vitals.AutogenVitalsInstrumentor is AutogenVitalsInstrumentor
    with pytest.raises(AttributeError, match="no attribute 'enabel'"):
        _ = autogen_vitals.enabel  # type: ignore[attr-defined]


def test_flush_exports(enable: Enable) -> None:
    """And says whether it could."""
    enable()
    assert autogen_vitals.flush(5) is True
    assert autogen_vitals.flush(0) is False


@pytest.mark.parametrize("timeout", [float("inf"), 1e12])
def test_flush_may_be_given_all_the_time_there_is(timeout: float, enable: Enable) -> None:
    """A longer time than a thread can wait is as long as it takes."""
    enable()
    assert autogen_vitals.flush(timeout) is True


@pytest.mark.parametrize("name", ["set_up_sdk", "skip_dep_check"])
def test_enable_takes_what_instrument_takes(name: str, enable: Enable) -> None:
    """The keyword arguments of instrument() are accepted."""
    assert enable(**{name: False}) is not None


def test_a_request_block_belongs_to_the_installation(enable: Enable) -> None:
    """Within it there is a request, after it there is none; without an installation there never is."""
    requests = enable().tracker.requests
    with autogen_vitals.request("report"):
        assert requests.current().name == "report"
    assert requests.current() is None
    autogen_vitals.disable()
    with autogen_vitals.request("report"):
        assert requests.current() is None


async def test_an_async_request_block(enable: Enable) -> None:
    """The same."""
    requests = enable().tracker.requests
    async with autogen_vitals.request("report"):
        assert requests.current().name == "report"
    assert requests.current() is None
