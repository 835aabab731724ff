"""Why a row is not ahead, or a budget not met: printed only where that is so.

Counts are of calls and not of time, from cProfile over a hundred operations of ``workload.py``.
"""

from __future__ import annotations

START = (
    "Enabling imports 88 modules of the package, and AutoGen's import another 48, of which 27 are the rules: 0.04 ms "
    "each to find and read, and as much again or more to execute, two thirds of this. To patch what is there and look "
    "out for what is not takes 3 ms. Enabled in code, what AutoGen or the exporter would import anyway (asyncio, "
    "importlib.metadata) is paid here first."
)
END = (
    "The startup trace and a worker's first metrics are exported at the end; without us the app has nothing to export."
)
RESIDENT = (
    "88 modules of ours stay in memory, 136 beside AutoGen, 3 to 3.5 MB; and wrapt with asyncio, which it imports, "
    "2 MB, or 0.5 MB where the app has imported asyncio anyway, as AutoGen does."
)
RUN = (
    "A run passes four wrapped methods, `run`, `on_messages`, `on_messages_stream` and the client's `create`. Two of "
    "them are the run seen once more, and what they give back is left as it is. It makes 240 calls of our functions, "
    "40 of them a guard's around another. Two spans, the agent's and the model call's, which AutoGen does not have, "
    "and four measurements, each queued and recorded at collection, are the SDK's part, which alone is more than twice "
    "the bound. Without an SDK there are no spans, but a run is observed all the same: a finding about it is a line in "
    "the log, and the exit record, which other processes read, says what is going on. Its four updates alone take half "
    "of what AutoGen's no-op span takes, in instructions."
)
TOOL = "As of an agent run, and a span and a measurement of the tool's."
ITEM = (
    "An item passes two wrapped streams, the client's and `run_stream`'s: two steps, 15 calls of our functions, and "
    "twice the span is made current and what was current is restored."
)
STREAM = "As of an agent run, and twenty items."
TEAM = (
    "A two-turn team run passes 17 wrapped runs and 32 messages, each of which is asked for the context it carries: "
    "864 calls of our functions for five spans."
)
CONSTRUCT = (
    "An agent is two components, itself and its workbench. For each the line that builds is looked for and counted, "
    "the arguments are compared with those of the last time, the rules are asked, and a measurement is queued, which "
    "takes 5 µs when it is recorded; the exit record is written twice: 112 calls of our functions for a constructor of "
    "4 µs."
)
CLIENT = (
    "Ours makes 83 calls of its functions, fewer than for a cheap agent; a sample holds eight to ten of 20 to 30 ms, "
    "and two samples of one subject lie further apart than that."
)
