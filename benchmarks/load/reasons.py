"""Why a state is not within its limits: printed only where that is so.

Counts are of calls and not of time, from cProfile over requests of ``app.py``.
"""

from __future__ import annotations

THROUGHPUT = (
    "A request has three inits and four runs, the agent's, the tool's and two of the model's, and 13 measurements: CPU "
    "time that the SDK alone does not spend, see its column. A service that has room answers later by that and no "
    "more; what is missing beyond it is for want of a processor."
)
P99 = (
    "As of throughput; and measurements are recorded in a thread, a thousand at a time, some 10 µs each: for these "
    "10 ms the event loop has the interpreter only in turn."
)
