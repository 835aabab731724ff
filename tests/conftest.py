"""The instrumentation switched on around a test."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

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


@pytest.fixture
def in_fork() -> Callable[[Callable[[], Any]], Any]:
    """Calls a function in a forked child, and answers what it answered, as JSON has it."""
    if not hasattr(os, "fork"):
        pytest.skip("this system does not fork")

    def call(function: Callable[[], Any]) -> Any:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                answer = json.dumps(function())
            except BaseException as error:
                answer = json.dumps(f"the child raised {error!r}")
            os.write(write, answer.encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as file:
            answer = file.read()
        os.waitpid(child, 0)
        return json.loads(answer)

    return call
