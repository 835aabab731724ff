"""How a component is used: by which process, on which event loop, for which request; and what of that is wrong.

Four failures raise nothing where they begin: a connection that two processes share since a fork, a client whose event
loop is another one now, two requests in one agent's conversation, one after the other or at once. They show in what has
become of the object since it was used before, and that is all that is kept of it.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from autogen_vitals.records import Record

if TYPE_CHECKING:
    from autogen_vitals.lifecycle.requests import Request


class Misuse(Record, frozen=True):
    """What is wrong with a run, as it begins.

    Attributes:
        forked: it is the first in this process of an object that was built in another one.
        used_before_fork: that one had used it.
        other_loop: it is on another event loop than the one before.
        loop_closed: that one is closed, or gone.
        was_connected: connections were opened there.
        overlaps: another request is still being served by the same object.
        follows: another request was served by it before, and nothing has made it forget.
    """

    forked: bool = False
    used_before_fork: bool = False
    other_loop: bool = False
    loop_closed: bool = False
    was_connected: bool = False
    overlaps: bool = False
    follows: bool = False


class Use(Record, eq=False):
    """What has been done with one object so far. Written by whoever runs it; in a forked child it is what the parent
    had done, until the child uses it.

    Attributes:
        pid: the process that used it last; 0: nobody has.
        loop: weak, the event loop that it ran on last; ``None`` for none.
        running: runs that have begun there and not ended.
        request: the number of the request that it ran for last, if that was served; 0 for none, or if it has forgotten.
        running_for: the number of the request that a run in progress began for.
        is_connected: it has opened connections on that loop.
        runs: how many have begun in that process.
        started_for: the number of the request in which it was started, or 0: what that takes, the first run may pay.
    """

    pid: int = 0
    loop: weakref.ref[Any] | None = None
    running: int = 0
    request: int = 0
    running_for: int = 0
    is_connected: bool = False
    runs: int = 0
    started_for: int = 0

    def begins(self, pid: int, loop: Any, request: Request | None, birth_pid: int | None) -> Misuse | None:
        """A run begins, in this process, on this loop if on any, for this request."""
        number = 0 if request is None else request.number
        is_served = request is not None and request.is_served
        if self.pid != pid:
            forked = birth_pid not in (None, pid) or self.pid != 0
            misuse = Misuse(forked=True, used_before_fork=self.pid != 0) if forked else None
            self.pid, self.running, self.request, self.is_connected, self.loop = pid, 0, 0, False, None
            self.runs = 0
        else:
            misuse = self._compared(loop, number, is_served)
        if loop is not None and (self.loop is None or self.loop() is not loop):
            self.loop, self.is_connected = weakref.ref(loop), False
        self.running += 1
        self.runs += 1
        self.running_for = number
        if is_served:
            self.request = number
        return misuse

    def _compared(self, loop: Any, number: int, is_served: bool) -> Misuse | None:
        overlaps = self.running > 0 and self.running_for != number
        follows = is_served and self.request not in (0, number)
        before = None if self.loop is None else self.loop()
        other_loop = loop is not None and self.loop is not None and before is not loop
        if not (overlaps or follows or other_loop):
            return None
        return Misuse(
            other_loop=other_loop,
            loop_closed=other_loop and (before is None or before.is_closed()),
            was_connected=self.is_connected,
            overlaps=overlaps,
            follows=follows,
        )

    def ends(self) -> None:
        """A run is over."""
        if self.running > 0:
            self.running -= 1

    def forgets(self) -> None:
        """It has been reset, or given another conversation: who is next follows nobody."""
        self.request = 0
