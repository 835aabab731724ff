"""What an exporter may find at its endpoint."""

from __future__ import annotations

import contextlib
import random
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.sink import Sink, Taking

SLOW_SECONDS, LATE_SECONDS = 5.0, 15.0
"""Within the exporters' timeout of ten seconds, and beyond it."""


class _Counting(Taking):
    taken = 0

    def answer(self) -> None:
        type(self).taken += 1
        # Whoever asked may have gone in the meantime.
        with contextlib.suppress(OSError):
            self.behave()

    def behave(self) -> None:
        super().answer()


class _Slow(_Counting):
    seconds = SLOW_SECONDS

    def behave(self) -> None:
        time.sleep(self.seconds)
        super().behave()


class _Late(_Slow):
    seconds = LATE_SECONDS


class _Garbage(_Counting):
    """Each time another kind of it."""

    def behave(self) -> None:
        kind = _GARBAGE[type(self).taken % len(_GARBAGE)]
        self.wfile.write(kind())
        self.close_connection = True


_random = random.Random(4994)
_GARBAGE: tuple[Callable[[], bytes], ...] = (
    lambda: b"HTTP/1.1 two hundred OK\r\n\r\n",
    lambda: b"HTTP/9.9 999 \xff\xfe\r\nContent-Length: -1\r\n\r\n",
    lambda: _random.randbytes(500),
    lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + _random.randbytes(500),
    lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nless than that",
    lambda: b"",
)


@dataclass(frozen=True)
class State:
    """One of them.

    Attributes:
        title: its row.
        handler: what answers; nobody listens where there is none.
    """

    name: str
    title: str
    handler: type[_Counting] | None

    @contextmanager
    def endpoint(self) -> Iterator[str]:
        """Its URL, while it is as it should be."""
        if self.handler is not None:
            with Sink(self.handler) as sink:
                yield sink.url
            return
        # Bound, so that nobody else gets the port, and not listening: whoever connects is refused.
        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"

    @property
    def taken(self) -> int:
        """How many exports have come, in this process."""
        return 0 if self.handler is None else self.handler.taken


STATES: tuple[State, ...] = (
    State("healthy", "healthy", _Counting),
    State("slow", f"slow: answers after {SLOW_SECONDS:.0f} s", _Slow),
    State("late", f"too slow: after {LATE_SECONDS:.0f} s, beyond the timeout of 10 s", _Late),
    State("refusing", "refusing: nobody listens", None),
    State("garbage", "answers with garbage", _Garbage),
)

BY_NAME = {state.name: state for state in STATES}
