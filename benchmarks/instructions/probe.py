"""One process in which operations are counted, run by valgrind: ``python probe.py no_sdk|sdk MUTATION [OPERATION…]``.

Counts each operation in three ways, one after the other:

- ``native``: AutoGen as it is, with its own spans;
- ``base``: AutoGen without its own spans, which ours replace;
- ``ours``: instrumented.

Whatever depends on the time that something takes is out of reach, for under valgrind it takes fifty times as long.
A mutation is work that nobody has asked for, planted in a hot path to see that it is found: see ``MUTATIONS``.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import operations
from autogen_core._telemetry import _genai, _tracing
from counter import Counter
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from operations import drain

import autogen_vitals
from autogen_vitals import records
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.telemetry.metrics import Metrics
from autogen_vitals.telemetry.native import QuietTrace
from autogen_vitals.telemetry.sink import Telemetry

Repeat = Callable[[int], Awaitable[object]]

AUTOGEN: dict[str, Repeat] = {
    "agent run": operations.agent_run,
    "team run": operations.team_run,
    "streamed item": operations.streamed_item,
    "tool call": operations.tool_call,
    "chat": operations.chat,
    "agent init": operations.agent_init,
    "request": operations.request,
}
"""What an app does, with or without us."""

PARTS: dict[str, dict[str, Repeat]] = {
    "no_sdk": {
        "lifecycle": operations.lifecycle,
        "telemetry": operations.telemetry,
        "exit record": operations.exit_record,
    },
    "sdk": {"metric": operations.metric, "collected metric": operations.collected_metric},
}
"""Parts of what we do: in these, less is enough to be noticed."""

FEW, MANY, WARM_UP = 10, 30, 30
"""How often an operation is done: the difference between two counts is that of so many of them."""

RARE = {"team run": (1, 3, 3)}
"""The same, of what takes a hundred times as long as others."""

NEVER_MS = 3_600_000.0


class Discard(SpanExporter):
    """Exports to nobody."""

    def export(self, spans: Any) -> SpanExportResult:
        """They are gone."""
        return SpanExportResult.SUCCESS


def set_up_sdk() -> None:
    """Spans in batches, of which none is full while we count: the thread that exports it would be counted too."""
    provider = TracerProvider()
    provider.add_span_processor(
        BatchSpanProcessor(
            Discard(), max_queue_size=1 << 20, max_export_batch_size=1 << 20, schedule_delay_millis=NEVER_MS
        )
    )
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))


@contextlib.contextmanager
def silent_autogen() -> Iterator[None]:
    """AutoGen without its own spans."""
    its_trace, its_block = _genai.trace, _tracing.TraceHelper.trace_block
    _genai.trace = QuietTrace()  # type: ignore[assignment]
    _tracing.TraceHelper.trace_block = lambda *_, **__: contextlib.nullcontext()  # type: ignore[assignment]
    try:
        yield
    finally:
        _genai.trace, _tracing.TraceHelper.trace_block = its_trace, its_block


def enable(folder: str) -> None:
    """Instrument this process, and set up no SDK where there is none."""
    autogen_vitals.AutogenVitalsInstrumentor().instrument(
        skip_dep_check=True,
        init_span_threshold=NEVER_MS,
        loop_heartbeat=NEVER_MS,
        loop_blocked_threshold=NEVER_MS,
        state_dir=folder,
    )


def copied(owner: type, name: str) -> None:
    """Plant a needless copy of a dictionary before a method."""
    method, attributes = getattr(owner, name), {f"attribute.{number}": number for number in range(8)}

    def mutated(self: Any, *args: Any) -> Any:
        dict(attributes)
        return method(self, *args)

    setattr(owner, name, mutated)


MUTATIONS: dict[str, Callable[[], None]] = {
    "": lambda: None,
    "copy in Metrics.ended": lambda: copied(Metrics, "ended"),
    "copy in Telemetry.ended": lambda: copied(Telemetry, "ended"),
    "copy in Tracker.begin_run": lambda: copied(Tracker, "begin_run"),
}


async def count(counter: Counter, name: str, repeat: Repeat) -> None:
    """Have both counts written down from which one operation follows, see ``measuring.py``."""
    few, many, warm_up = RARE.get(name.partition("/")[2], (FEW, MANY, WARM_UP))
    await repeat(warm_up)
    gc.collect()
    # Twice, of which the second is read: the first has in it what is done once in a process, the counting's own too.
    for times in (few, few, many):
        counter.begin(f"{name}/{times}")
        await repeat(times)
        counter.end()


async def count_all(counter: Counter, way: str, operations: dict[str, Repeat]) -> None:
    """Each of them that was asked for, counted."""
    asked = sys.argv[3:]
    for name, repeat in operations.items():
        if not asked or name in asked:
            if way == "ours" and sys.argv[1] == "sdk":
                # From a thousand measurements on a thread records them, which would be counted too.
                drain()
            await count(counter, f"{way}/{name}", repeat)


def main() -> None:
    """Count everything."""
    sdk, mutation = sys.argv[1] == "sdk", sys.argv[2]
    if sdk:
        set_up_sdk()
    gc.disable()
    # Otherwise they are compiled in the middle of a count.
    records._FEW = 0
    counter = Counter()

    async def counted(folder: str) -> None:
        if sdk:
            await count_all(counter, "native", {"span": operations.sdk_span})
        await count_all(counter, "native", AUTOGEN)
        with silent_autogen():
            await count_all(counter, "base", AUTOGEN)
        MUTATIONS[mutation]()
        enable(folder)
        if not sdk:
            # Nobody collects: after the first hours of such a process the queue is full.
            await operations.metric(10_000)
        await count_all(counter, "ours", {**AUTOGEN, **PARTS[sys.argv[1]]})

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(counted(folder))
        autogen_vitals.disable()


if __name__ == "__main__":
    main()
