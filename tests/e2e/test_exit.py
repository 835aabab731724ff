"""The way a server ends, and who handles its signals, is what it is without us."""

from __future__ import annotations

import signal
from typing import Any

import pytest

from autogen_vitals.local.receiver import Receiver

from .conftest import Start
from .harness import (
    DISABLED,
    GUNICORN_SYNC,
    GUNICORN_SYNC_PRELOAD,
    GUNICORN_UVICORN,
    ONLY_AT_STOP,
    UVICORN,
    UVICORN_WORKERS,
    Launcher,
)
from .recordings import Recording, recorded

pytestmark = pytest.mark.e2e


# Two more servers each.
@recorded(long=[UVICORN_WORKERS, GUNICORN_UVICORN, GUNICORN_SYNC, GUNICORN_SYNC_PRELOAD])
def test_end_and_signal_handlers_are_the_servers_own(recording: Recording, start: Start, receiver: Receiver) -> None:
    """Return code on SIGTERM and the handlers at request time are the same bare, switched off, and observed."""
    ends = {"observed": (recording.returncode, _handlers(answer.body for answer in recording.answers))}
    export = receiver.environment("exit")
    ends["bare"] = _end(start, recording.launcher, instrument=False)
    ends["switched off"] = _end(start, recording.launcher, export, ONLY_AT_STOP, DISABLED)

    codes = {how: code for how, (code, _) in ends.items()}
    assert codes["observed"] == codes["bare"] == codes["switched off"], f"return codes: {codes}"
    assert ends["observed"][1] == ends["bare"][1] == ends["switched off"][1], "signal handlers of the workers"


@recorded()
def test_each_worker_ends_by_itself(recording: Recording) -> None:
    """No worker had to be killed by its master for having taken too long to end."""
    complaints = [line for line in recording.log.splitlines() if "SIGKILL" in line or "Traceback" in line]
    assert not complaints


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=lambda number: number.name)
def test_sigint_and_sigquit_too(number: signal.Signals, start: Start, receiver: Receiver) -> None:
    """A plain uvicorn ends on other signals with the return code it has without us."""
    bare = start(UVICORN, instrument=False)
    observed = start(UVICORN, receiver.environment("exit"), ONLY_AT_STOP)
    for server in (bare, observed):
        server.wait_ready().ask("/ask?q=hello", 1, 1, each=1)
    assert observed.stop(number) == bare.stop(number)


def _end(start: Start, launcher: Launcher, *variables: dict[str, str], instrument: bool = True) -> tuple[int, Any]:
    server = start(launcher, *variables, instrument=instrument).wait_ready(launcher.workers)
    return server.stop(), _handlers(answer.body for answer in server.answers)


def _handlers(bodies: Any) -> set[tuple[tuple[str, str], ...]]:
    return {tuple(sorted(body["handlers"].items())) for body in bodies}
