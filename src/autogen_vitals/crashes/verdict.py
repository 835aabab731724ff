"""How a process ended, judged by what is known of it: its last words, its exit status, what it was sent."""

from __future__ import annotations

import signal as signals
from collections import deque

from autogen_vitals.crashes.reports import LastWords
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import ExitReason, Phase, ServerKind

# By POSIX they have these numbers everywhere; Windows has not all of the names.
_HUP, _INT, _QUIT, _ABRT, _KILL, _TERM = 1, 2, 3, 6, 9, 15
_REQUESTS_TO_STOP = frozenset((_HUP, _INT, _QUIT, _TERM))

_RECYCLED = 155
"""Exit code of a billiard worker that has done as many tasks as it was to do: its ``EX_RECYCLE``."""

_SERVERS: frozenset[ServerKind] = frozenset({"gunicorn", "uvicorn", "celery"})
"""They boot, and they end a worker that does not answer: what their workers exit with is no word of the app's."""

_WINDOW_NS = 300 * 1_000_000_000
_WINDOW_LIMIT = 1024


class Verdict(Record, frozen=True):
    """What is made of an end.

    Attributes:
        reason: how it ended.
        phase: when in its life; of a process without a record nothing is known, ``background``.
        before_serving: it had never been ready; of a process without a record it is not said.
    """

    reason: ExitReason
    phase: Phase
    before_serving: bool


def judge(
    words: LastWords | None, *, signal: int | None, code: int | None, sent: int | None, oom: bool, seen: bool
) -> Verdict:
    """How it ended, by the first rule that holds: what its supervisor did, how it exited, what it left behind.

    Args:
        words: its exit record; ``None`` for none.
        signal, code: that ended it, or that it ended with.
        sent: the first signal to end it that its own supervisor sent it: gunicorn, uvicorn, celery's main process, or
            the parent that started it by ``multiprocessing``.
        oom: the kernel has killed for want of memory in its control group, and nothing else accounts for that.
        seen: its supervisor saw its exit status; without it ``signal`` and ``code`` do not count.
    """
    if sent is not None and _is_effect(sent, signal, code):
        reason = _ended_by_supervisor(words, sent)
    elif seen and signal is not None:
        reason = _ended_by_signal(words, signal, oom)
    elif seen and code is not None:
        reason = _exited(words, code)
    else:
        reason = _vanished(words)
    return Verdict(reason, _phase(words), words is not None and not _served(words))


# --- the rules ----------------------------------------------------------------------------------------------------


def _is_effect(sent: int, signal: int | None, code: int | None) -> bool:
    """Whether it can have ended so because of what it was sent. Uvicorn kills what does not answer, be it that it has
    ended by itself already, and is not waited for yet."""
    if sent == _KILL:
        return code is None and signal in (None, _KILL)
    if sent == _ABRT:
        # Gunicorn's workers turn it into an exit; celery's are sent two others instead, see Deaths.given_up.
        return signal in (None, _ABRT, _KILL, _TERM)
    return True


def _ended_by_supervisor(words: LastWords | None, sent: int) -> ExitReason:
    if words is not None and words.fatal and _is_booting(words):
        # Several workers fail at once, and a server stops the others when it has heard of the first.
        return "boot_failure"
    # It was asked to, and if it was killed for taking too long over it: it was asked to.
    if sent not in (_ABRT, _KILL) or _is_draining(words):
        return "drained"
    # An app's own code that kills its own child wants that; a server does so when the child does not answer.
    return "timeout" if _is_servers(words) else "drained"


def _ended_by_signal(words: LastWords | None, signal: int, oom: bool) -> ExitReason:
    if signal in _REQUESTS_TO_STOP:
        return "drained"
    if signal == _KILL:
        return "drained" if _is_draining(words) else "oom" if oom else "signal"
    return "signal"


def _exited(words: LastWords | None, code: int) -> ExitReason:
    if code == _RECYCLED:
        return "recycled"
    if code == 0:
        # A server may be content with a lifespan that failed.
        failed = words is not None and words.fatal and _is_booting(words)
        return "boot_failure" if failed else "clean"
    if words is None:
        return "unknown"
    if _is_draining(words):
        return "drained"
    if _is_booting(words):
        return "boot_failure"
    if words.fatal:
        return "exception"
    if words.state != "ended":
        # Left by os._exit: the code is all that there is to say.
        return "unknown"
    # Of a program's own the code is its own word; multiprocessing makes one of what nobody caught.
    return "clean" if words.identity.server == "plain" else "exception"


def _vanished(words: LastWords | None) -> ExitReason:
    if words is None:
        return "unknown"
    if words.stop_seen:
        return "drained"
    if words.stack:
        return "signal"
    if _is_draining(words):
        return "drained"
    if words.fatal:
        return "boot_failure" if _is_booting(words) else "exception"
    # What a daemon leaves behind, by os._exit, has begun nothing yet.
    has_begun = _served(words) or words.state != "starting" or words.flights or words.error_type
    return "clean" if words.state == "ended" or not has_begun else "unknown"


# --- what the record says -----------------------------------------------------------------------------------------


def _is_draining(words: LastWords | None) -> bool:
    return words is not None and words.state == "draining"


def _is_servers(words: LastWords | None) -> bool:
    return words is not None and words.identity.server in _SERVERS


def _is_booting(words: LastWords) -> bool:
    return _is_servers(words) and not _served(words) and words.state != "draining"


def _served(words: LastWords) -> bool:
    # A supervisor serves by its workers.
    return words.served or words.state == "ready" or (words.supervises and not words.fatal)


def _phase(words: LastWords | None) -> Phase:
    if words is None:
        return "background"
    # What its end interrupted says most, then the request that it answered longest.
    flights = sorted(words.flights, key=lambda flight: (not flight.interrupted, flight.phase != "request"))
    if flights:
        return flights[0].phase
    if words.state == "draining":
        return "draining"
    return "background" if _served(words) else "startup"


# --- around it ----------------------------------------------------------------------------------------------------


class BootFailures:
    """Counts the children of this process that ended before they could serve, over 5 minutes. For one thread."""

    def __init__(self) -> None:
        self._ended_ns: deque[int] = deque(maxlen=_WINDOW_LIMIT)

    def note(self, now_ns: int) -> int:
        """One more, at ``now_ns`` nanoseconds; how many there are, this one included."""
        self._ended_ns.append(now_ns)
        while self._ended_ns[0] <= now_ns - _WINDOW_NS:
            self._ended_ns.popleft()
        return len(self._ended_ns)


def signal_name(number: int) -> str:
    """``SIGKILL`` for 9; ``signal 35`` where it has no name."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return f"signal {number}"
