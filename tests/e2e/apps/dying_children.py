"""A script whose forked children do one piece of work each, one child after the other.

Arguments: pairs of way and mark. Besides the ways of ``dying.work`` there are ends that are none of an agent's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable

import dying
from opentelemetry import trace

context = multiprocessing.get_context("fork")
busy = context.Event()


def work(way: str, mark: str) -> None:
    with trace.get_tracer("script").start_as_current_span("job"):
        asyncio.run(dying.work(way, mark))


def think(mark: str) -> None:
    busy.set()
    work("think", mark)


def leave(mark: str) -> None:
    """End after the work, in a way that no atexit handler hears of."""
    work("answer", mark)
    os._exit(0)


def exit_3(mark: str) -> None:
    dying.tell(mark)
    sys.exit(3)


def missing_module(mark: str) -> None:
    dying.tell(mark)
    import a_module_that_nobody_has  # noqa: F401 # pyright: ignore[reportMissingImports, reportUnusedImport]


def pool(mark: str) -> None:
    """Stop a pool of which one child works and one has nothing to do."""
    with context.Pool(2) as workers:
        workers.apply(work, ("answer", mark))
        workers.apply_async(think, (mark,))
        busy.wait()


OTHER_ENDS: dict[str, Callable[[str], None]] = {
    "leave": leave,
    "exit-3": exit_3,
    "missing-module": missing_module,
}


def child(way: str, mark: str) -> None:
    if way in OTHER_ENDS:
        OTHER_ENDS[way](mark)
    else:
        work(way, mark)


def main() -> None:
    arguments = sys.argv[1:]
    for way, mark in zip(arguments[::2], arguments[1::2], strict=True):
        if way == "pool":
            pool(mark)
            continue
        process = context.Process(target=child, args=(way, mark))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
