"""The floor: what the SDK's own operations cost, and a call through wrapt; one line of JSON, see ``timing.Sample``.

python -m bench.probes.floor MODE
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import wrapt
from opentelemetry import metrics, trace

from bench import enabling
from bench.timing import Sample, sample_of, tell

BURST = 100
ATTRIBUTES: dict[str, Any] = {
    "gen_ai.operation.name": "invoke_agent",
    "gen_ai.provider.name": "autogen",
    "gen_ai.agent.name": "assistant",
    "gen_ai.agent.description": "An agent that provides assistance.",
    "autogen.component.kind": "agent",
    "autogen.component.type": "AssistantAgent",
    "autogen.start.type": "warm",
    "process.pid": 4242,
}
THREE = dict(list(ATTRIBUTES.items())[:3])


def _plain(number: int) -> int:
    return number


@wrapt.decorator  # type: ignore[misc]
def _through(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


_wrapped = _through(_plain)


async def measure() -> dict[str, Sample]:
    """Each, in bursts of 100, as one operation of the event loop; less what the same loop around nothing takes."""
    tracer, meter = trace.get_tracer("bench"), metrics.get_meter("bench")
    histogram, counter = meter.create_histogram("bench.duration"), meter.create_counter("bench.count")

    async def nothing() -> None:
        for _ in range(BURST):
            pass

    async def span() -> None:
        for _ in range(BURST):
            with tracer.start_as_current_span("invoke_agent assistant", attributes=ATTRIBUTES):
                pass

    async def record() -> None:
        for _ in range(BURST):
            histogram.record(0.1, THREE)

    async def add() -> None:
        for _ in range(BURST):
            counter.add(1, THREE)

    async def plain() -> None:
        for _ in range(BURST):
            _plain(1)

    async def wrapped() -> None:
        for _ in range(BURST):
            _wrapped(1)

    operations = {"span": span, "histogram": record, "counter": add, "wrapt": wrapped, "plain": plain}
    empty = await sample_of(nothing, enabling.flush)
    samples = {name: _less(await sample_of(each, enabling.flush), empty) for name, each in operations.items()}
    wrapt_call, plain_call = samples["wrapt"], samples.pop("plain")
    samples["wrapt"] = Sample(
        wrapt_call.cpu - plain_call.cpu,
        wrapt_call.path - plain_call.path,
        wrapt_call.wall - plain_call.wall,
        wrapt_call.count,
    )
    return samples


def _less(sample: Sample, empty: Sample) -> Sample:
    each = [(getattr(sample, name) - getattr(empty, name)) / BURST for name in ("cpu", "path", "wall")]
    return Sample(*each, sample.count * BURST)


def main() -> None:
    """Set up the SDK, or not, and measure."""
    enabling.set_up_sdk(sys.argv[1])  # type: ignore[arg-type]
    tell(dict(asyncio.run(measure())))


if __name__ == "__main__":
    main()
