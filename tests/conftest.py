"""The instrumentation switched on around a test, and signals as a test run in a terminal has them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from observed import Vitals
from opentelemetry import trace

import autogen_vitals

_COLLECTED = pytest.StashKey[list[pytest.Item]]()
_RUNS = ("deaths", "recording", "played")
"""Fixtures of e2e tests for which servers are run once, for all tests that ask about the same run."""


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> Iterator[None]:
    """The first test of each run comes before all others: a run takes up to a minute, in which whoever asks about it
    too would wait, as the neighbours of that first test do."""
    config.stash[_COLLECTED] = list(items)
    yield
    begin = {run: item for item in reversed(items) if (run := _run_of(item))}
    first = sorted(begin.values(), key=items.index)
    items[:] = [*first, *(item for item in items if item not in first)]


def _run_of(item: pytest.Item) -> tuple[object, ...] | None:
    """What is run for a test that is one of several to ask about it."""
    name = next((name for name in _RUNS if name in getattr(item, "fixturenames", ())), None)
    if name is None or item.get_closest_marker("e2e") is None:
        return None
    callspec = getattr(item, "callspec", None)
    # Two files have deaths of their own.
    return name, item.path if name == "deaths" else None, callspec and callspec.params.get(name)


@pytest.fixture(scope="session")
def collected(pytestconfig: pytest.Config) -> list[pytest.Item]:
    """All tests that are there, those too that are left out by their marks or names."""
    return pytestconfig.stash[_COLLECTED]


@pytest.fixture(scope="session", autouse=True)
def signals_as_in_a_terminal() -> None:
    """A test run in the background of a shell ignores SIGINT and SIGQUIT, one under ``nohup`` SIGHUP, and what the
    tests start would inherit that."""
    handlers: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGQUIT: signal.SIG_DFL,
        # The run itself still outlives its terminal; a program that is executed has no handlers.
        signal.SIGHUP: lambda *_: None,
    }
    for number, handler in handlers.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


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
