"""What a process says about itself in each answer; independent of any instrumentation of AutoGen."""

from __future__ import annotations

import os
import signal
from typing import Any

from opentelemetry import trace


def worker_facts() -> dict[str, Any]:
    """The process, its parent, who handles its signals, and the trace the caller is in."""
    return {
        "pid": os.getpid(),
        "parent_pid": os.getppid(),
        "handlers": {name: _handler(getattr(signal, name)) for name in ("SIGTERM", "SIGINT", "SIGQUIT", "SIGABRT")},
        "trace_id": format(trace.get_current_span().get_span_context().trace_id, "032x"),
    }


def _handler(number: int) -> str:
    handler = signal.getsignal(number)
    # Two processes agree on a function's name, not on its address.
    name = getattr(handler, "__qualname__", None)
    return str(handler) if name is None else f"{handler.__module__}.{name}"
