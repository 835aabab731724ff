"""The fresh processes: one after the other, each with a time limit, none with a way to disturb us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from autogen_vitals.local.checking.sample import Failure, Request, Sample, read

# Not "-m": the app would find a module of ours as __main__, and take our lines for its own.
_CODE = "from autogen_vitals.local.checking.measure import main; main()"
_STUB_KEY = "stub"


def samples(
    request: Request,
    repeat: int,
    timeout: float,
    environment: Mapping[str, str],
    progress: Callable[[int], object] = lambda number: None,
) -> list[Sample] | Failure:
    """Measure ``repeat`` times.

    Args:
        request: what.
        repeat: how many fresh processes.
        timeout: seconds that each may take.
        environment: theirs.
        progress: told the number of each one that begins, from 1.

    Returns:
        The samples, or the failure of the first process that has none.
    """
    taken: list[Sample] = []
    for number in range(1, repeat + 1):
        progress(number)
        outcome = _one(request, timeout, environment)
        if isinstance(outcome, Failure):
            return outcome
        taken.append(outcome)
    return taken


def _one(request: Request, timeout: float, environment: Mapping[str, str]) -> Sample | Failure:
    with tempfile.TemporaryDirectory(prefix="autogen-vitals-") as folder:
        result = Path(folder, "result.json")
        lifespan = "yes" if request.lifespan else "no"
        arguments = [sys.executable, "-c", _CODE, request.target, str(request.calls), lifespan, str(result)]
        process = subprocess.Popen(
            arguments,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            # What the app prints is not ours to show: there may be a key in it.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            return Failure("ended", "call", message=f"it was not ready within {timeout:g} s")
        finally:
            _end(process)
        return read(result) or Failure("ended", "call", message=_how_it_ended(process.returncode))


def _end(process: subprocess.Popen[bytes]) -> None:
    # With the children that it has left behind, an MCP server for one.
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    elif process.poll() is None:
        process.kill()
    process.wait()


def _how_it_ended(code: int) -> str:
    if code < 0:
        try:
            return f"its process was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"its process was ended by signal {-code}"
    return f"its process ended with exit code {code} before it was measured"


@contextmanager
def measuring_environment(*, stub_model: bool) -> Iterator[dict[str, str]]:
    """The environment of the processes: this one's.

    Args:
        stub_model: with a model server on a loopback port, and a key for it, in place of what OPENAI_BASE_URL and
            OPENAI_API_KEY say.
    """
    environment = dict(os.environ)
    if not stub_model:
        yield environment
        return
    # Here, because it is a server, and rarely wanted.
    from autogen_vitals.local.stub_model import StubModel

    with StubModel() as model:
        yield {**environment, "OPENAI_BASE_URL": model.base_url, "OPENAI_API_KEY": _STUB_KEY}
