"""What the SDK leaves undone in a forked child: it goes on with its parent's points, locks and connections.

The SDK's synchronous instruments go on in a child with the parent's values and start times, so that every worker would
report the parent's inits as its own. (https://github.com/open-telemetry/opentelemetry-python/issues/4390; still so in
1.45.) Queueing instead of recording keeps most processes clean; this is for a parent that had been collected before
it forked, say a script that uses AutoGen and then multiprocessing.

There is no public way. The names below have been the SDK's since 1.12; where one is missing, the child keeps what the
SDK gave it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import Histogram

from autogen_vitals.telemetry.reaching import reachable

_of_parents: list[object] = []
"""What forefathers had opened, a few objects a generation; never touched."""


def open_own_connections(*providers: object) -> None:
    """Give every OTLP/HTTP exporter behind these providers connections of its own. For a freshly forked child only.

    A connection that the parent had opened is shared after the fork: requests of two processes mix in it, and what
    they export is lost, or sent twice. (https://github.com/open-telemetry/opentelemetry-python/issues/4994.) The gRPC
    exporter sees to it itself.
    """
    urllib3 = sys.modules.get("urllib3")
    if urllib3 is None:
        return
    for manager in reachable(providers, urllib3.PoolManager):
        # Neither clear() nor garbage: both take a lock, which a thread of the parent's may have held.
        _of_parents.append(manager.pools)
        manager.pools = urllib3.PoolManager().pools


def forget_points(histograms: Iterable[Histogram]) -> None:
    """Drop the points of these histograms from every reader. To be called in a freshly forked child only."""
    for histogram in histograms:
        instrument: Any = getattr(histogram, "_real_instrument", None) or histogram
        consumer = getattr(instrument, "_measurement_consumer", None)
        storages: dict[Any, Any] = getattr(consumer, "_reader_storages", {})
        for reader, storage in storages.items():
            storage._instrument_view_instrument_matches.pop(instrument, None)
            _free(storage, "_lock", threading.RLock)
            _free(reader, "_export_lock", threading.Lock)
        if consumer is not None:
            _free(consumer, "_lock", threading.Lock)


def _free(owner: Any, name: str, lock: Callable[[], Any]) -> None:
    # A reader's thread of the parent's may have held it at the fork, and that thread does not exist here: the child
    # would wait for it at its own exit. It was our measurements that the reader collected and exported.
    if hasattr(owner, name):
        setattr(owner, name, lock())
