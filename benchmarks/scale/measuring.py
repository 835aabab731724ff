"""Fleets of replicas in a real Prometheus: what they take, and how long the boards' queries do."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import board_json
from replay import IDENTITY, PID, Replicas
from server import Prometheus

MINUTE_MS = 60_000
# Two hours at one export a minute: as many samples as a full chunk has.
SAMPLES = 120
QUERY_RANGE_SECONDS = 3600
_STEP_SECONDS = 60
# What dashboards/prometheus.yaml promotes and a pod has.
PROMOTED = {
    "service_instance_id": IDENTITY,
    "service_name": "fleet",
    "service_namespace": "agents",
    "service_version": "2026.11.3",
    "deployment_environment_name": "production",
    "host_name": f"fleet-7d9f8b6c5d-{PID}",
    "k8s_cluster_name": "eu-west-1",
    "k8s_deployment_name": "fleet",
    "k8s_namespace_name": "agents",
    "k8s_node_name": "ip-10-0-23-117.eu-west-1.compute.internal",
    "k8s_pod_name": f"fleet-7d9f8b6c5d-{PID}",
    "k8s_container_name": "app",
}
# Asked of larger fleets too: all of them would take hours.
_SLOWEST = 6


@dataclass(frozen=True)
class Fleet:
    """What so many workers took.

    Attributes:
        heap_bytes: live after a garbage collection, what the empty server had subtracted.
        rss_bytes: at the end of writing, the empty server's included.
        chunk_bytes, index_bytes: of a block of two hours.
        wall_seconds, cpu_seconds: to take all samples in; the latter Prometheus's own.
    """

    workers: int
    series: int
    samples: int
    heap_bytes: int
    rss_bytes: int
    chunk_bytes: int
    index_bytes: int
    wal_bytes: int
    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Query:
    """A query of a board, in all jobs and instances, over an hour."""

    board: str
    panel: str
    ref_id: str
    seconds: float
    error: str | None


def measure(
    replicas: Replicas, workers: int, played: int, folder: Path, slowest: Sequence[Query] = ()
) -> tuple[Fleet, list[Query]]:
    """Replay two hours of a fleet.

    Args:
        replicas: of the worker.
        workers: how many of them.
        played: how many exports there are in a recording; it is played again until the hours are full.
        folder: for the server, removed afterwards.
        slowest: of a smaller fleet; only the first few of them are asked again. All, where it is ``None``.

    Returns:
        What it took, and the queries, the slowest first.
    """
    rounds = SAMPLES // played
    begin_ms = int(time.time() * 1000) - rounds * played * MINUTE_MS
    try:
        with Prometheus(folder) as server:
            before = server.own()
            began = time.perf_counter()
            for number in range(rounds):
                server.write(replicas.writes(workers, number, begin_ms + number * played * MINUTE_MS))
            wall = time.perf_counter() - began
            after = server.own()
            fleet = Fleet(
                workers,
                int(after["prometheus_tsdb_head_series"]),
                int(after["prometheus_tsdb_head_series"]) * rounds * played,
                int(after["go_memstats_heap_alloc_bytes"] - before["go_memstats_heap_alloc_bytes"]),
                int(after["process_resident_memory_bytes"]),
                *server.block_bytes(),
                server.wal_bytes(),
                wall,
                after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"],
            )
            wanted = (
                {(query.board, query.panel, query.ref_id) for query in slowest[:_SLOWEST]}
                if slowest is not None
                else None
            )
            return fleet, sorted(_ask(server, time.time() - 60, wanted), key=lambda query: -query.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ask(server: Prometheus, now: float, wanted: set[tuple[str, str, str]] | None) -> Iterator[Query]:
    windows = {"__range": f"{QUERY_RANGE_SECONDS}s", "__interval": f"{_STEP_SECONDS}s", "__rate_interval": "240s"}
    for target in board_json.targets():
        if target.source != "prometheus" or (wanted is not None and target.key not in wanted):
            continue
        query = board_json.filled_in(target.query, job=board_json.ALL, instance=board_json.ALL, **windows)
        began = time.perf_counter()
        if target.instant:
            error = server.ask("/api/v1/query", query=query, time=now)
        else:
            hour = {"start": now - QUERY_RANGE_SECONDS, "end": now, "step": _STEP_SECONDS}
            error = server.ask("/api/v1/query_range", query=query, **hour)
        yield Query(target.board, target.panel, target.ref_id, time.perf_counter() - began, error)


def moments_ms(jitter: Sequence[int]) -> list[int]:
    """When the exports of a recording are, at one a minute."""
    return [number * MINUTE_MS + late for number, late in enumerate(jitter)]
