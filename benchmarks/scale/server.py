"""A real Prometheus that is written to, and what it says of itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import prometheus
from prometheus import PrometheusFailed

QUERY_SECONDS = 60
_FLAGS = (
    "--web.enable-remote-write-receiver",
    "--web.enable-admin-api",
    f"--query.timeout={QUERY_SECONDS}s",
)


class Prometheus(prometheus.Prometheus):
    """That of the tests, with what a measurement needs; its data is in ``folder``."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, flags=_FLAGS)

    def write(self, bodies: Iterable[bytes]) -> None:
        """Remote writes, one after the other.

        Raises:
            PrometheusFailed: it refused one.
        """
        headers = {"Content-Encoding": "snappy", "Content-Type": "application/x-protobuf"}
        for body in bodies:
            answer = self._http.post("/api/v1/write", content=body, headers=headers)
            if not answer.is_success:
                raise PrometheusFailed(f"remote write: {answer.status_code} {answer.text}")

    def own(self) -> dict[str, float]:
        """Its own metrics that have no labels, by name, after a garbage collection."""
        self._http.get("/debug/pprof/heap", params={"gc": 1})
        text = self._http.get("/metrics").text
        return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, flags=re.MULTILINE)}

    def block_bytes(self) -> tuple[int, int]:
        """What the data takes on disk as a block: its chunks, its index."""
        answer = self._http.post("/api/v1/admin/tsdb/snapshot").json()
        if answer["status"] != "success":
            raise PrometheusFailed(f"snapshot: {answer}")
        snapshot = self._folder / "snapshots" / answer["data"]["name"]
        sizes = [sum(path.stat().st_size for path in snapshot.glob(part)) for part in ("*/chunks/*", "*/index")]
        shutil.rmtree(snapshot)
        return sizes[0], sizes[1]

    def wal_bytes(self) -> int:
        """What its write-ahead log takes."""
        return sum(path.stat().st_size for path in (self._folder / "wal").rglob("*") if path.is_file())

    def ask(self, path: str, **parameters: Any) -> str | None:
        """A query, whose answer nobody looks at.

        Returns:
            Why there was none, or nothing.
        """
        body = self._http.post(path, data=parameters).json()
        return None if body["status"] == "success" else body.get("error", "?")
