"""The model and the exporter's endpoint, each a process of its own: what they compute is not the load generator's time.

    python -m load.servers model SECONDS
    python -m load.servers endpoint STATE

It prints its URL, serves until its stdin ends, which it does with whoever started it, and prints how many requests
have come.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType

from load.states import BY_NAME

BENCHMARKS = Path(__file__).resolve().parents[1]
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


class Beside:
    """A context manager that runs one of them.

    Args:
        arguments: as above.

    Raises:
        RuntimeError: on entering, when it does not come up.
    """

    def __init__(self, *arguments: str) -> None:
        self._arguments = arguments
        self.url = ""
        self.requests = 0

    def __enter__(self) -> Beside:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "load.servers", *self._arguments],
            cwd=BENCHMARKS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Of connections that whoever asked has given up.
            stderr=subprocess.DEVNULL,
            text=True,
            # Ctrl+C is for us.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        alarm = threading.Timer(_START_SECONDS, self._process.kill)
        alarm.start()
        self.url = self._process.stdout.readline().strip()
        alarm.cancel()
        if not self.url:
            self._process.kill()
            self._process.communicate()
            raise RuntimeError(f"load.servers {' '.join(self._arguments)} did not come up")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            told, _ = self._process.communicate(timeout=_STOP_SECONDS)
            self.requests = int(told or 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


def main() -> None:
    """Serve."""
    what, argument = sys.argv[1:]
    if what == "model":
        from autogen_vitals.local.stub_model import StubModel

        with StubModel(think_seconds=float(argument)) as model:
            print(model.base_url, flush=True)
            sys.stdin.read()
            print(model.requests, flush=True)
        return
    state = BY_NAME[argument]
    with state.endpoint() as url:
        print(url, flush=True)
        sys.stdin.read()
        print(state.taken, flush=True)


if __name__ == "__main__":
    main()
