"""What the first model call of a process costs, beside a later one, cold and after a warm-up. Not a test.

    python benchmarks/warm_up.py [INTERPRETER ...]

Each row is the median of fresh processes against a stub model in another process: milliseconds of the warm-up, of the
first call and of a later one (median of 20), for how long the first call held up the event loop, and first / later.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import time
from typing import Any

PROCESSES = 8
LATER_CALLS = 20


def measured(interpreter: str, url: str, *, warm: bool) -> dict[str, float]:
    command = [interpreter, __file__, "--child", url, *(["--warm"] if warm else [])]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout)
        # The first fills the caches of the file system.
        for _ in range(PROCESSES + 1)
    ][1:]
    return {name: round(statistics.median(run[name] for run in runs), 2) for name in runs[0]}


async def child(url: str, *, warm: bool) -> dict[str, float]:
    from autogen_core.tools import FunctionTool
    from autogen_ext.models.openai import OpenAIChatCompletionClient

    from autogen_vitals import warming

    info: Any = dict.fromkeys(("vision", "json_output", "structured_output"), False)
    info |= {"function_calling": True, "family": "unknown"}
    client = OpenAIChatCompletionClient(model="stub", api_key="none", base_url=url, model_info=info)
    tools = [FunctionTool(abs_of, "Absolute value.")]
    began = time.perf_counter()
    if warm:
        assert await warming.warm_up(client, *tools) == ()
    warm_up = time.perf_counter() - began
    first, held_up = await one_call(client, tools)
    later = statistics.median([(await one_call(client, tools))[0] for _ in range(LATER_CALLS)])
    seconds = {"warm_up": warm_up, "first": first, "later": later, "held_up": held_up}
    return {name: value * 1000 for name, value in seconds.items()} | {"ratio": first / later}


def abs_of(number: int) -> int:
    """Absolute value."""
    return abs(number)


async def one_call(client: Any, tools: list[Any]) -> tuple[float, float]:
    """Its seconds, and the longest time that another task had to wait."""
    from autogen_core.models import UserMessage

    gaps = [0.0]

    async def tick() -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0.0005)
            gaps.append(time.perf_counter() - before - 0.0005)

    ticking = asyncio.ensure_future(tick())
    await asyncio.sleep(0)
    began = time.perf_counter()
    await client.create([UserMessage(content="hello", source="user")], tools=tools)
    seconds = time.perf_counter() - began
    await asyncio.sleep(0.002)
    ticking.cancel()
    return seconds, max(gaps)


def main() -> None:
    from autogen_vitals.local.stub_model import StubModel

    with StubModel() as stub:
        for interpreter in sys.argv[1:] or [sys.executable]:
            for warm in (False, True):
                print(interpreter, "warm" if warm else "cold", measured(interpreter, stub.base_url, warm=warm))


if __name__ == "__main__":
    if "--child" in sys.argv:
        print(json.dumps(asyncio.run(child(sys.argv[2], warm="--warm" in sys.argv))))
    else:
        main()
