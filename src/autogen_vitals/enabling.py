"""``enable()`` and what goes with it; documented where they are public, in ``autogen_vitals``."""

from __future__ import annotations

from typing import Any

from autogen_vitals import (
    clock as clock,  # first: it notes the time
    installing,
)
from autogen_vitals.guard import guarded, report
from autogen_vitals.lifecycle.boundaries import RequestBlock
from autogen_vitals.lifecycle.escapes import Escapes
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.tracker import EnterToken, Tracker


@guarded
def enable(**settings: Any) -> None:
    installing.install(**{"set_up_sdk": True, **settings})


@guarded
def disable() -> None:
    installing.uninstall()


@guarded
def flush(timeout: float) -> bool:
    installed = installing.installed()
    if installed is None:
        return True
    installed.tracker.settle()
    installed.tracker.startup.close()
    return installed.telemetry.flush(timeout)


async def warm_up(things: tuple[Any, ...]) -> None:
    begun = _begin_warm_up(things)
    error: BaseException | None = None
    failures: tuple[str, ...] = ()
    try:
        failures = await _warm(things)
    except BaseException as cancelled:
        error = cancelled
        raise
    finally:
        if begun is not None:
            _end_warm_up(begun, error, failures)


async def _warm(things: tuple[Any, ...]) -> tuple[str, ...]:
    try:
        # Not needed by those who do not call it.
        from autogen_vitals import warming

        return await warming.warm_up(*things)
    except Exception as error:
        report(warm_up, error)
        return (type(error).__name__,)


_WarmUp = tuple[Tracker, Observation, "EnterToken | None"]


@guarded
def _begin_warm_up(things: tuple[Any, ...]) -> _WarmUp | None:
    installed = _installed()
    if installed is None or not things:
        return None
    tracker, _ = installed
    if not tracker.active:
        return None
    observation = tracker.begin_init(things[0], "model_client", "warm_up", "autogen")
    return None if observation is None else (tracker, observation, tracker.enter(observation))


@guarded
def _end_warm_up(begun: _WarmUp, error: BaseException | None, failures: tuple[str, ...]) -> None:
    tracker, observation, token = begun
    tracker.leave(observation, token)
    tracker.end(observation, error, failures[0] if failures else None)


def request(name: str) -> RequestBlock:
    installed = _installed()
    return RequestBlock(None, None, name) if installed is None else RequestBlock(*installed, name)


@guarded
def _installed() -> tuple[Tracker, Escapes] | None:
    installed = installing.installed()
    return None if installed is None else (installed.tracker, installed.escapes)
