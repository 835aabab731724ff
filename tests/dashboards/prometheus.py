"""A real Prometheus: on history that is written for it, or on what it scrapes."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2e.harness import free_port

_CACHE = Path(__file__).parents[2] / ".cache" / "system" / "bin"
_READY_SECONDS = 60.0
_STOP_SECONDS = 60.0
_KEPT = ("--storage.tsdb.retention.time=10y",)
"""What was written as long ago as a test likes is there."""

Labels = dict[str, str]


class PrometheusFailed(Exception):
    """Prometheus or promtool did not do what it was asked for; the message says what it has said."""


@dataclass(frozen=True)
class Sample:
    """One series of an answer: its labels, and its value at the moment that was asked for."""

    labels: Labels
    value: float


@dataclass(frozen=True)
class Line:
    """One series of an answer about a length of time: its labels, and pairs of Unix seconds and value."""

    labels: Labels
    points: tuple[tuple[float, float], ...]

    @property
    def values(self) -> list[float]:
        """The values that are numbers."""
        return [value for _, value in self.points if not math.isnan(value)]


def tool(name: str) -> str:
    """The path of ``prometheus`` or ``promtool``; without it the test that asks is left out, or fails where CI could
    have fetched it."""
    for path in (str(_CACHE / name), shutil.which(name)):
        if path and _works(path):
            return path
    reason = f"needs {name}: on PATH, or unpacked by scripts/system-tools, which says why it is not there"
    if os.environ.get("CI") == "true" and os.geteuid() == 0:
        pytest.fail(reason)
    pytest.skip(reason)


def _works(program: str) -> bool:
    try:
        return subprocess.run([program, "--version"], capture_output=True, timeout=20, check=False).returncode == 0
    except OSError:
        return False


def promtool(*arguments: str | Path) -> str:
    """What ``promtool`` prints.

    Raises:
        PrometheusFailed: it was not content.
    """
    command = [tool("promtool"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode != 0:
        raise PrometheusFailed(f"promtool {' '.join(command[1:])}\n{done.stdout}{done.stderr}")
    return done.stdout


def write_history(openmetrics: str, folder: Path) -> None:
    """Blocks of a Prometheus data folder, made of an exposition that has timestamps."""
    folder.mkdir(parents=True, exist_ok=True)
    exposition = folder.parent / f"{folder.name}.openmetrics"
    exposition.write_text(openmetrics)
    promtool("tsdb", "create-blocks-from", "openmetrics", exposition, folder)


class Prometheus:
    """A context manager that runs the server on a free loopback port while it is entered.

    Args:
        folder: its data; a history that was written there is served.
        config: of scrapes, as JSON has it, which is YAML.
        flags: besides those that say where it is.

    Raises:
        PrometheusFailed: on entering, when it does not come up.
    """

    def __init__(self, folder: Path, config: dict[str, Any] | None = None, flags: tuple[str, ...] = _KEPT) -> None:
        self._folder = folder
        self._config = config or {}
        self._flags = flags
        self._log = folder.parent / f"{folder.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._http = httpx.Client(base_url=f"http://127.0.0.1:{free_port()}", timeout=300, trust_env=False)

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self._http.base_url)

    def __enter__(self) -> Prometheus:
        self._folder.mkdir(parents=True, exist_ok=True)
        config = self._folder.parent / f"{self._folder.name}.yml"
        config.write_text(json.dumps(self._config))
        command = [
            tool("prometheus"),
            f"--config.file={config}",
            f"--storage.tsdb.path={self._folder}",
            f"--web.listen-address=127.0.0.1:{self._http.base_url.port}",
            "--log.level=warn",
            *self._flags,
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            self._wait_ready(self._process)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._http.close()
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if self._http.get("/-/ready").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.03)
        raise PrometheusFailed(f"Prometheus was not ready within {_READY_SECONDS:.0f} s\n{self._log.read_text()}")

    def instant(self, expression: str, at: float | None = None) -> list[Sample]:
        """What the expression is at that moment, in Unix seconds, or now.

        Raises:
            PrometheusFailed: it cannot be evaluated.
        """
        data = self._ask("POST", "/api/v1/query", query=expression, time=time.time() if at is None else at)
        if data["resultType"] == "scalar":
            return [Sample({}, float(data["result"][1]))]
        return [Sample(series["metric"], float(series["value"][1])) for series in data["result"]]

    def range(self, expression: str, start: float, end: float, step: float) -> list[Line]:
        """What the expression is from ``start`` to ``end``, every ``step`` seconds.

        Raises:
            PrometheusFailed: it cannot be evaluated.
        """
        data = self._ask("POST", "/api/v1/query_range", query=expression, start=start, end=end, step=step)
        return [
            Line(series["metric"], tuple((moment, float(value)) for moment, value in series["values"]))
            for series in data["result"]
        ]

    def label_values(self, selector: str, label: str, start: float, end: float) -> list[str]:
        """The values of a label: what Grafana's ``label_values(selector, label)`` asks for."""
        return self._ask("GET", f"/api/v1/label/{label}/values", **{"match[]": selector}, start=start, end=end)

    def _ask(self, method: str, path: str, **parameters: Any) -> Any:
        sent = {"params" if method == "GET" else "data": parameters}
        body = self._http.request(method, path, **sent).json()
        if body["status"] != "success":
            raise PrometheusFailed(f"{body.get('error')}\n{json.dumps(parameters, indent=1)}")
        return body["data"]


def by(samples: Iterable[Sample], *labels: str) -> dict[Any, float]:
    """The values by one label, or by a tuple of several; no two samples have the same."""
    found: dict[Any, float] = {}
    for sample in samples:
        key = tuple(sample.labels.get(label, "") for label in labels)
        key = key[0] if len(labels) == 1 else key
        assert key not in found, f"{key} is there twice"
        found[key] = sample.value
    return found
