"""Process facts: who am I, since when, under which server."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timezone
from functools import cached_property

from autogen_vitals.clock import LOADED_NS, wall_ns
from autogen_vitals.crashes.files import start_ticks
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import ServerKind, StartReason

_INITIALIZATION = "AWS_LAMBDA_INITIALIZATION_TYPE"
_INITIALIZATIONS: dict[str, StartReason] = {
    "on-demand": "on_demand",
    "provisioned-concurrency": "provisioned",
    # Started when the version was published, or the instance; restored, or given work, at some later time.
    "snap-start": "provisioned",
    "lambda-managed-instances": "provisioned",
}
"""What AWS documents to be the values of that variable.

No other platform says why it starts an instance. Cloud Run, Knative and Container Apps tell what is started (K_SERVICE,
CONTAINER_APP_NAME, …), Kubernetes not even that: whether there was none before, or not enough, or one has died, they
alone know, and so nothing is said of it here. On Lambda, too, an instance on demand is one more, not the first.
"""


class CreationTime(Record, frozen=True):
    """When the kernel created the process.

    Attributes:
        clock_ns: on the monotonic clock; at most one clock tick (10 ms) too early.
        wall_ns: the same, nanoseconds since the epoch.
        exact: false where the kernel does not tell; then it is when this package was loaded, or when the fork was seen.
    """

    clock_ns: int
    wall_ns: int
    exact: bool

    def isoformat(self) -> str:
        """ISO 8601 in UTC with milliseconds, as ``process.creation.time`` wants it."""
        moment = datetime.fromtimestamp(self.wall_ns / 1e9, tz=timezone.utc)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class ProcessFacts:
    """What is true of this process. Made anew in a forked child, so that nothing here is ever the parent's.

    Args:
        known_ns: since when it is known to exist, on the monotonic clock.
    """

    def __init__(self, known_ns: int) -> None:
        self._known_ns = known_ns
        self.pid = os.getpid()
        self.parent_pid = os.getppid()
        self.is_fork_server = False
        self.forked_as: StartReason | None = None

    @property
    def start_reason(self) -> StartReason:
        """Why it was started."""
        if self.forked_as is not None:
            return self.forked_as
        # A child that Lambda's own process has spawned inherits what that was told.
        initialization = "" if self.server == "multiprocessing" else os.environ.get(_INITIALIZATION, "")
        return _INITIALIZATIONS.get(initialization, "process_start")

    @cached_property
    def creation_time(self) -> CreationTime:
        """When this process was created; for a forked worker, when it was forked."""
        return _creation_time(self._known_ns)

    @property
    def server(self) -> ServerKind:
        """What runs this process, judged by what it has imported and how it was started; not cached: it may come."""
        modules = sys.modules
        multiprocessing_process = modules.get("multiprocessing.process")
        if multiprocessing_process is not None and multiprocessing_process.parent_process() is not None:
            spawned = type(multiprocessing_process.current_process()).__name__ == "SpawnProcess"
            # uvicorn's workers are spawned children that import uvicorn before the app.
            return "uvicorn" if spawned and "uvicorn.server" in modules else "multiprocessing"
        if "gunicorn.arbiter" in modules:
            return "gunicorn"
        if "celery.apps.worker" in modules or "celery.bin.worker" in modules:
            return "celery"
        return "uvicorn" if "uvicorn.server" in modules else "plain"


def _creation_time(loaded_ns: int) -> CreationTime:
    """From /proc and the boot clock, which a step of the wall clock does not move.

    ``/proc/stat``'s btime, which psutil uses, is in whole seconds: off by up to one.
    """
    try:
        ticks = start_ticks(os.getpid())
        age_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
        if ticks == 0 or age_ns < 0:
            raise ValueError(age_ns)
        clock_ns = time.perf_counter_ns() - age_ns
    except (OSError, ValueError, AttributeError):
        return CreationTime(loaded_ns, wall_ns(loaded_ns), exact=False)
    return CreationTime(clock_ns, wall_ns(clock_ns), exact=True)


class _Current:
    """Holds the facts of the process that is running; one attribute read away from any hot path."""

    def __init__(self) -> None:
        self.facts = ProcessFacts(LOADED_NS)
        renew_after_fork(self, _Current._renew)

    def _renew(self) -> None:
        self.facts = ProcessFacts(time.perf_counter_ns())
        self.facts.forked_as = "fork"


current = _Current()
