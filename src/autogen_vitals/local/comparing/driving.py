"""Requests at once, each in a connection of its own, and what came back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import httpx

from autogen_vitals.local.comparing.requests import Probe, Request, canaries_in, ids_in

_KEEP_CHARACTERS = 200


@dataclass(frozen=True)
class Answer:
    """What one request got.

    Attributes:
        request: which, with its places as they were given.
        probe: the id of the words in them.
        status: of HTTP; 0 where no answer came.
        error: why none came; empty where one did.
        ids, canaries: the probes' that the answer carries.
        excerpt: how it begins.
        excused: it was under way when the worker was killed.
    """

    request: str
    probe: str
    status: int
    error: str
    seconds: float
    ids: frozenset[str] = frozenset()
    canaries: frozenset[str] = frozenset()
    excerpt: str = ""
    excused: bool = False

    @property
    def failed(self) -> bool:
        """Whether it is no answer, or one that says it failed, and nothing excuses that."""
        return not self.excused and not self.succeeded

    @property
    def succeeded(self) -> bool:
        """Whether it can be looked at."""
        return 0 < self.status < 400


class Killing(Protocol):
    """What kills a worker."""

    async def prepare(self) -> None:
        """Find out whom."""
        ...

    async def __call__(self) -> None:
        """Do it, as soon as a request is under way."""
        ...


def drive(
    url: str,
    asks: Sequence[tuple[Request, Probe]],
    concurrency: int,
    timeout: float,
    *,
    in_turn: int = 0,
    kill: Killing | None = None,
) -> list[Answer]:
    """Send all of them: the first few one after another, the others ``concurrency`` at once.

    What is shared by accident shows in both: one after another, a worker lives to tell what it was given.

    Args:
        in_turn: how many are the first few.
        timeout: seconds for each.
        kill: is made ready when half of the others are done, and called when the rest is under way; whatever is
            under way as it returns is excused.
    """
    return asyncio.run(_drive(url, asks, concurrency, timeout, in_turn, kill))


async def _drive(
    url: str,
    asks: Sequence[tuple[Request, Probe]],
    concurrency: int,
    timeout: float,
    in_turn: int,
    kill: Killing | None,
) -> list[Answer]:
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    async with httpx.AsyncClient(base_url=url, timeout=timeout, limits=limits, trust_env=False) as http:
        load = _Load(http)
        first = await load.send(asks[:in_turn], 1)
        left = asks[in_turn:]
        if kill is None:
            return [*first, *await load.send(left, concurrency)]
        half = len(left) // 2
        before = [*first, *await load.send(left[:half], concurrency)]
        await kill.prepare()
        after = asyncio.ensure_future(load.send(left[half:], concurrency))
        await asyncio.sleep(0)
        await kill()
        excused = set(load.under_way)
        return [*before, *(replace(answer, excused=answer.probe in excused) for answer in await after)]


class _Load:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.under_way: set[str] = set()
        self._http = http

    async def send(self, asks: Iterable[tuple[Request, Probe]], concurrency: int) -> list[Answer]:
        left = iter(asks)
        answers: list[Answer] = []

        async def one_after_another() -> None:
            for request, probe in left:
                answers.append(await self._ask(request, probe))

        await asyncio.gather(*(one_after_another() for _ in range(concurrency)))
        return sorted(answers, key=lambda answer: answer.probe)

    async def _ask(self, request: Request, probe: Probe) -> Answer:
        filled = request.filled(probe)
        began = time.perf_counter()
        self.under_way.add(probe.id)
        status, text, error = 0, "", ""
        try:
            response = await self._http.request(
                filled.method, filled.path, content=filled.body.encode() or None, headers=list(filled.headers)
            )
            status, text = response.status_code, response.text
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            error = type(failure).__name__
        finally:
            self.under_way.discard(probe.id)
        return Answer(
            request=str(request),
            probe=probe.id,
            status=status,
            error=error,
            seconds=time.perf_counter() - began,
            ids=frozenset(ids_in(text)),
            canaries=frozenset(canaries_in(text)),
            excerpt=" ".join(text.split())[:_KEEP_CHARACTERS],
        )
