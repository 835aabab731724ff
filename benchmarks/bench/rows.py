"""The rows of the tables: what each means, and what it is compared with."""

from __future__ import annotations

from dataclasses import dataclass

from bench import reasons
from bench.subjects import BARE, NATIVE, Mode


@dataclass(frozen=True)
class Row:
    """Something that is measured of several subjects.

    Attributes:
        title: its first cell.
        probe, name: where its samples are in ``Results``.
        unit: of the samples.
        mode: the state of OpenTelemetry.
        reference: the subject whose value is shown as it is; of the others what they add to it.
        per: divides the samples: 1000 shows µs as ms.
        why: where ours is not ahead of everyone, the reason, in words.
    """

    title: str
    probe: str
    name: str
    unit: str
    mode: Mode = "batch"
    reference: str = BARE
    per: float = 1.0
    why: str = ""


def _steady(mode: Mode) -> tuple[Row, ...]:
    return (
        Row("agent run", "steady", "run", "µs", mode, why=reasons.RUN),
        Row("agent run with a tool call", "steady", "tool", "µs", mode, why=reasons.TOOL),
        Row("agent run, 20 items streamed", "steady", "short_stream", "µs", mode, why=reasons.STREAM),
        Row("each streamed item", "steady", "item", "µs", mode, why=reasons.ITEM),
        Row("team run, 2 turns", "steady", "team", "µs", mode, why=reasons.TEAM),
        Row("construct an agent", "steady", "construct", "µs", mode, why=reasons.CONSTRUCT),
        Row("construct an OpenAI client", "steady", "construct_client", "ms", mode, per=1000, why=reasons.CLIENT),
    )


STEADY: dict[Mode, tuple[Row, ...]] = {"api": _steady("api"), "off": _steady("off"), "batch": _steady("batch")}

START: tuple[Row, ...] = (
    Row("import", "start without", "import", "ms", reference=NATIVE, why=reasons.START),
    Row("enable", "start without", "enable", "ms", reference=NATIVE, why=reasons.START),
    Row("ready, app without AutoGen", "start without", "ready", "ms", reference=NATIVE, why=reasons.START),
    Row("start to end, app without AutoGen", "start without", "whole", "ms", reference=NATIVE, why=reasons.END),
    Row("ready, app with AutoGen", "start with", "ready", "ms", reference=NATIVE, why=reasons.START),
    Row("start to end, app with AutoGen", "start with", "whole", "ms", reference=NATIVE, why=reasons.END),
)

ZERO_CODE: tuple[Row, ...] = (
    Row("ready, app without AutoGen", "zero-code without", "ready", "ms", reference=NATIVE, why=reasons.START),
    Row("start to end, app without AutoGen", "zero-code without", "whole", "ms", reference=NATIVE, why=reasons.END),
    Row("ready, app with AutoGen", "zero-code with", "ready", "ms", reference=NATIVE, why=reasons.START),
    Row("start to end, app with AutoGen", "zero-code with", "whole", "ms", reference=NATIVE, why=reasons.END),
)

MEMORY: tuple[Row, ...] = (
    Row("resident, app without AutoGen", "start without", "rss", "MB", reference=NATIVE, why=reasons.RESIDENT),
    Row("resident, app with AutoGen", "start with", "rss", "MB", reference=NATIVE, why=reasons.RESIDENT),
    Row(
        "resident, app without AutoGen, `opentelemetry-instrument`", "zero-code without", "rss", "MB", reference=NATIVE
    ),
    Row(
        "resident, app with AutoGen, `opentelemetry-instrument`",
        "zero-code with",
        "rss",
        "MB",
        reference=NATIVE,
        why=reasons.RESIDENT,
    ),
    Row("resident after 1,000 runs", "memory", "runs", "MB", reference=NATIVE, why=reasons.RESIDENT),
)

EXPORTED: tuple[Row, ...] = (
    Row("spans of a request", "exported", "spans", "", reference=NATIVE),
    Row("traces of a request", "exported", "traces", "", reference=NATIVE),
    Row("bytes of a request's spans", "exported", "span_bytes", "kB", reference=NATIVE, per=1000),
    Row("bytes of a collection's metrics", "exported", "metric_bytes", "kB", reference=NATIVE, per=1000),
    Row("collection, nothing new", "exported", "collection_idle_ms", "ms", reference=NATIVE),
    Row("collection, for each run since the last", "exported", "collection_us_of_a_run", "µs", reference=NATIVE),
)

COMPARED: tuple[Row, ...] = (
    *START,
    *ZERO_CODE,
    *STEADY["api"],
    *STEADY["off"],
    *STEADY["batch"],
    *MEMORY,
    EXPORTED[0],
    EXPORTED[2],
)
"""Where ours is to be ahead of each peer."""
