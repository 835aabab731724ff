"""A script that builds and runs an agent, then has children do the same. Arguments: how it makes children, and
"flush" to export everything before it does."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry import metrics, trace

CHILDREN = 2
built: Counter[int] = Counter()
"""By pid: a forked child begins with its parent's."""


def work(number: int = 0) -> None:
    """Build a client and an agent, run them, and say so."""
    pid = os.getpid()
    built[pid] += 1
    client = ReplayChatCompletionClient(["a reply"])
    agent = AssistantAgent("assistant", model_client=client)
    asyncio.run(agent.run(task=f"question {number}"))
    # One write each: the lines of several processes do not mix.
    os.write(1, (json.dumps({"pid": pid, "parent_pid": os.getppid(), "built": built[pid]}) + "\n").encode())


def processes(method: str) -> None:
    context = multiprocessing.get_context(method)
    children = [context.Process(target=work, args=(number,)) for number in range(CHILDREN)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0, child.exitcode


def siblings() -> None:
    context = multiprocessing.get_context("fork")
    together = context.Barrier(6)
    children = [context.Process(target=work_and_wait, args=(together,)) for _ in range(together.parties)]
    for child in children:
        child.start()
    for child in children:
        child.join()
        assert child.exitcode == 0, child.exitcode


def work_and_wait(together: Barrier) -> None:
    """End, and so export, at the same moment as the others."""
    work()
    together.wait(60)


def executor(method: str) -> None:
    with ProcessPoolExecutor(CHILDREN, mp_context=multiprocessing.get_context(method)) as pool:
        list(pool.map(work, range(6)))


def pool() -> None:
    workers = multiprocessing.get_context("fork").Pool(CHILDREN)
    workers.map(work, range(6), chunksize=1)
    workers.close()
    workers.join()


def os_fork() -> None:
    for number in range(CHILDREN):
        pid = os.fork()
        if pid == 0:
            work(number)
            sys.exit(0)
        assert os.waitpid(pid, 0)[1] == 0


WAYS: dict[str, Callable[[], object]] = {
    "fork": lambda: processes("fork"),
    "spawn": lambda: processes("spawn"),
    "forkserver": lambda: processes("forkserver"),
    "executor-fork": lambda: executor("fork"),
    "executor-spawn": lambda: executor("spawn"),
    "pool": pool,
    "siblings": siblings,
    "os.fork": os_fork,
    "none": lambda: None,
}

if __name__ == "__main__":
    work()
    work()
    if "flush" in sys.argv:
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
            provider.force_flush()
    WAYS[sys.argv[1]]()
    work()
