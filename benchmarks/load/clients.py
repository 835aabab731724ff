"""So many clients, each with one request at a time: it asks, waits for the answer, pauses, and asks again."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass, field

import httpx

TIMEOUT = 30.0
PAUSE = 0.1
"""Seconds between an answer and the next request, on average. Without a pause of changing length, clients that once
asked together would do so for ever, and the p99 would be that of a volley."""
RAMP = 1.0
"""Seconds within which they begin, for the same reason."""


@dataclass
class Window:
    """What they got.

    Attributes:
        began, ended: seconds since the epoch.
        latencies: milliseconds, of answers that came.
        failures: of requests that were not answered with 200, why.
        throughput: answers a second: of each client's, in the time that they took, summed. It does not depend on how
            many were on their way when the window ended.
    """

    began: float
    ended: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    throughput: float = 0.0


async def ask_for(seconds: float, url: str, clients: int, seed: str) -> Window:
    """Requests begin for so long after the ramp; every one is waited for, ``TIMEOUT`` at the most.

    Args:
        seed: the same pauses for the same.
    """
    window = Window(time.time())
    until = time.perf_counter() + RAMP + seconds
    # A connection each, so that the kernel spreads requests over the workers.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT, limits=limits, trust_env=False) as http:
        await asyncio.gather(
            *(_client(http, until, window, random.Random(f"{seed} {number}")) for number in range(clients))
        )
    window.ended = time.time()
    return window


async def _client(http: httpx.AsyncClient, until: float, window: Window, chance: random.Random) -> None:
    await asyncio.sleep(chance.uniform(0, RAMP))
    began = ended = time.perf_counter()
    answers = 0
    while ended < until:
        await asyncio.sleep(chance.uniform(0, 2 * PAUSE))
        asked = time.perf_counter()
        try:
            answer = await http.get("/ask", params={"q": "use the tool, please"})
            answer.raise_for_status()
        except httpx.HTTPError as error:
            window.failures.append(repr(error))
            ended = time.perf_counter()
            continue
        ended = time.perf_counter()
        answers += 1
        window.latencies.append(1e3 * (ended - asked))
    window.throughput += answers / max(ended - began, 1e-6)
