"""Making a forked child forget what its parent recorded.

The SDK's synchronous instruments go on in a child with the parent's values and start times, so that every worker would
report the parent's inits as its own. (https://github.com/open-telemetry/opentelemetry-python/issues/4390; still so in
1.45.) Queueing instead of recording keeps most processes clean; this is for a parent that had been collected before
it forked, say a script that uses AutoGen and then multiprocessing.

There is no public way. The names below have been the SDK's since 1.12; where one is missing, the child keeps what the
SDK gave it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.metrics import Histogram


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
