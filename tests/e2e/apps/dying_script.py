"""A script that does one piece of work, in its own span, and dies of it if it is told to; or that does not come to it.

Arguments: the way, and the mark.
"""

import asyncio
import sys

import dying
from opentelemetry import trace

dying.boot()

if __name__ == "__main__":
    with trace.get_tracer("script").start_as_current_span("job"):
        asyncio.run(dying.work(*sys.argv[1:]))
