"""What leaves the process for a request, and what a collection of metrics costs: one line of JSON.

    python -m bench.probes.exported SUBJECT

A request is a SERVER span around an agent's run that calls a tool and a team's run of two turns. Bytes are those of the
OTLP messages before compression, without the resource, which is the same for all.
"""

from __future__ import annotations

import asyncio
import sys
import time

from opentelemetry import metrics, trace

from bench import enabling
from bench.enabling import EXPORTED
from bench.timing import tell

REQUESTS = 20
RUNS = 1000
COLLECTIONS = 20


async def measure() -> dict[str, float]:
    """After a first request, which is cold."""
    from bench.workload import Workload

    work = Workload()
    tracer = trace.get_tracer("bench")

    async def request() -> None:
        with tracer.start_as_current_span("POST /chat", kind=trace.SpanKind.SERVER):
            await work.tool()
            await work.team_run()

    await request()
    enabling.flush()
    EXPORTED.encodes = True
    EXPORTED.clear()
    for _ in range(REQUESTS):
        await request()
    enabling.flush()
    found = {
        "spans": EXPORTED.spans / REQUESTS,
        "traces": len(EXPORTED.traces) / REQUESTS,
        "span_bytes": EXPORTED.span_bytes / REQUESTS,
        "metric_bytes": float(EXPORTED.metric_bytes),
    }
    EXPORTED.encodes = False
    for _ in range(RUNS):
        await work.run()
    full = _collection_ms()
    idle = sum(_collection_ms() for _ in range(COLLECTIONS)) / COLLECTIONS
    return {**found, "collection_us_of_a_run": 1e3 * max(0.0, full - idle) / RUNS, "collection_idle_ms": idle}


def _collection_ms() -> float:
    provider = metrics.get_meter_provider()
    began = time.process_time()
    if hasattr(provider, "force_flush"):
        provider.force_flush()
    return 1e3 * (time.process_time() - began)


def main() -> None:
    """Enable and measure."""
    enabling.set_up(sys.argv[1], "batch")
    tell(asyncio.run(measure()))


if __name__ == "__main__":
    main()
