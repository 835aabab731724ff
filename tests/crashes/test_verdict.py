"""How a process is said to have ended."""

from __future__ import annotations

import itertools
import signal
from typing import Any, get_args

import pytest

from autogen_vitals.crashes.reports import Flight, Identity, LastWords
from autogen_vitals.crashes.verdict import BootFailures, judge, signal_name
from autogen_vitals.vocabulary import NOT_CRASHES, ExitReason, LifeState, Phase, ServerKind

ABRT, KILL, TERM, SEGV = signal.SIGABRT, signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV
ASKED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def words(server: ServerKind, state: LifeState, **more: Any) -> LastWords:
    """What a process left behind; one that is ready has served."""
    identity = Identity(uid="0" * 32, pid=7, parent_pid=1, start_ticks=1, parent_start_ticks=1, pid_namespace="",
                        created_ns=1, server=server)  # fmt: skip
    return LastWords(identity, state, 2, **{"served": state in ("ready", "draining"), **more})


def flight(phase: Phase, began_ns: int = 1, *, interrupted: bool = False) -> Flight:
    """Something that was going on."""
    return Flight("x", phase, 0, 0, began_ns, interrupted)


def ended(server: ServerKind, **more: Any) -> LastWords:
    """It came to its end after it had served."""
    return words(server, "ended", **{"served": True, **more})


def seen(reason: ExitReason, last: LastWords | None, **how: Any) -> tuple[ExitReason, LastWords | None, dict[str, Any]]:
    """A row: its supervisor saw it exit."""
    return reason, last, {"seen": True, **how}


def found(
    reason: ExitReason, last: LastWords | None, **how: Any
) -> tuple[ExitReason, LastWords | None, dict[str, Any]]:
    """A row: its record was found."""
    return reason, last, {"seen": False, **how}


ENDS: dict[str, tuple[ExitReason, LastWords | None, dict[str, Any]]] = {
    # --- its supervisor ended it
    "a rolling deploy": seen("drained", words("gunicorn", "draining"), code=0, sent=TERM),
    "a worker that a deploy stops while it answers": seen(
        "drained", words("gunicorn", "ready"), signal=TERM, sent=TERM
    ),
    "a worker killed when its graceful timeout was over": seen(
        "drained", words("uvicorn", "ready"), signal=KILL, sent=TERM
    ),
    "a worker asked to stop while it booted": seen("drained", words("gunicorn", "starting"), code=1, sent=TERM),
    "a worker that crashes after it was asked to stop": seen(
        "drained", words("celery", "ready"), signal=SEGV, sent=TERM
    ),
    "gunicorn reloads": seen("drained", words("gunicorn", "ready"), code=0, sent=signal.SIGHUP),
    "gunicorn stops quickly": seen("drained", words("gunicorn", "ready"), code=0, sent=signal.SIGQUIT),
    "gunicorn hands over to a new binary": seen("drained", words("gunicorn", "ready"), code=0, sent=signal.SIGUSR2),
    "a worker of which there is no record is asked to stop": seen("drained", None, signal=TERM, sent=TERM),
    "gunicorn murders a worker that hangs": seen("timeout", words("gunicorn", "ready"), signal=ABRT, sent=ABRT),
    "gunicorn murders a worker that ends itself then": seen("timeout", words("gunicorn", "ready"), code=1, sent=ABRT),
    "gunicorn murders a worker that hangs in its boot": seen(
        "timeout", words("gunicorn", "starting"), code=1, sent=ABRT
    ),
    "uvicorn kills a worker that does not answer its ping": seen(
        "timeout", words("uvicorn", "ready"), signal=KILL, sent=KILL
    ),
    "uvicorn kills a worker that has ended by itself": seen(
        "boot_failure", words("uvicorn", "starting"), code=1, sent=KILL
    ),
    "gunicorn stops a worker that has failed like the one before": seen(
        "boot_failure", words("gunicorn", "starting", fatal=True), signal=TERM, sent=TERM
    ),
    "gunicorn stops a worker that has failed, and that exits": seen(
        "boot_failure", words("gunicorn", "ended", fatal=True), code=3, sent=TERM
    ),
    "gunicorn stops a worker while it boots": seen("drained", words("gunicorn", "starting"), signal=TERM, sent=TERM),
    "uvicorn kills a worker that has crashed": seen(
        "signal", words("uvicorn", "ready"), signal=signal.SIGSEGV, sent=KILL
    ),
    "celery ends a task that takes too long": seen("timeout", words("celery", "ready"), signal=TERM, sent=ABRT),
    "a hanging worker's group is also short of memory": seen(
        "timeout", words("uvicorn", "ready"), signal=KILL, sent=KILL, oom=True
    ),
    "the main process of celery kills a child": seen("timeout", words("celery", "ready"), signal=KILL, sent=KILL),
    "a worker that drains is killed": seen("drained", words("gunicorn", "draining"), signal=KILL, sent=KILL),
    "the app kills its own child": seen("drained", words("multiprocessing", "ready"), signal=KILL, sent=KILL),
    "a script is killed by its own parent": seen("drained", words("plain", "ready"), signal=KILL, sent=KILL),
    "a parent kills a child of which there is no record": seen("drained", None, signal=KILL, sent=KILL),
    "a supervisor that asked to stop and did not see the end": found("drained", words("gunicorn", "ready"), sent=TERM),
    # --- a signal ended it
    **{
        f"somebody sends {asked.name}": seen("drained", words("uvicorn", "ready"), signal=int(asked)) for asked in ASKED
    },
    "somebody sends SIGTERM while it boots": seen("drained", words("gunicorn", "starting"), signal=TERM),
    "somebody sends SIGTERM, no record": seen("drained", None, signal=TERM),
    "the orchestrator loses patience with one that drains": seen("drained", words("uvicorn", "draining"), signal=KILL),
    "the kernel kills it for memory": seen("oom", words("gunicorn", "ready"), signal=KILL, oom=True),
    "the kernel kills it for memory, no record": seen("oom", None, signal=KILL, oom=True),
    "somebody kills it": seen("signal", words("gunicorn", "ready"), signal=KILL),
    "somebody kills it while it boots": seen("signal", words("gunicorn", "starting"), signal=KILL),
    "a library crashes": seen("signal", words("celery", "ready"), signal=SEGV),
    "a library crashes and memory is short too": seen("signal", words("celery", "ready"), signal=SEGV, oom=True),
    "a library crashes while it drains": seen("signal", words("celery", "draining"), signal=SEGV),
    "it aborts": seen("signal", words("plain", "starting"), signal=ABRT),
    "a bus error, no record": seen("signal", None, signal=int(signal.SIGBUS)),
    # --- it exited
    "celery recycles a child": seen("recycled", words("celery", "ready"), code=155),
    "celery recycles a child, no record": seen("recycled", None, code=155),
    "it comes to its end": seen("clean", ended("gunicorn"), code=0),
    "os._exit(0)": seen("clean", words("multiprocessing", "ready"), code=0),
    "os._exit(0) before it served": seen("clean", words("multiprocessing", "starting"), code=0),
    "it exits with 0, no record": seen("clean", None, code=0),
    "a lifespan fails and the server is content": seen("boot_failure", words("uvicorn", "ended", fatal=True), code=0),
    "a script fails and is content": seen("clean", words("plain", "ended", fatal=True), code=0),
    "an error that was fatal to something else, then 0": seen("clean", ended("uvicorn", fatal=True), code=0),
    "it exits with 1, no record": seen("unknown", None, code=1),
    "the app cannot be imported": seen("boot_failure", words("gunicorn", "ended", fatal=True), code=3),
    "the app leaves while it is imported": seen("boot_failure", words("gunicorn", "ended"), code=4),
    "os._exit(3) while it boots": seen("boot_failure", words("uvicorn", "starting"), code=3),
    "celery's child fails before it works": seen("boot_failure", words("celery", "starting"), code=1),
    "os._exit(3) in a child that boots nothing": seen("unknown", words("multiprocessing", "starting"), code=3),
    "os._exit(3) in a script": seen("unknown", words("plain", "starting"), code=3),
    "os._exit(3) in a run": seen("unknown", words("plain", "ready", flights=(flight("request"),)), code=3),
    "os._exit(3) in a request": seen("unknown", words("gunicorn", "ready"), code=3),
    "os._exit(3) while it drains": seen("drained", words("gunicorn", "draining"), code=3),
    "a shutdown that fails": seen("drained", words("uvicorn", "draining", fatal=True), code=3),
    "asked to stop by its handler before it served": seen(
        "drained", words("gunicorn", "draining", served=False), code=1
    ),
    "an exception ends a worker": seen("exception", ended("uvicorn", fatal=True), code=1),
    "an exception ends a script": seen("exception", ended("plain", fatal=True), code=1),
    "an exception ends a script before it runs an agent": seen(
        "exception", words("plain", "ended", fatal=True), code=1
    ),
    "an exception ends a child that leaves by os._exit": seen(
        "exception", words("multiprocessing", "ready", fatal=True), code=1
    ),
    "a script exits with 2 of its own": seen("clean", ended("plain"), code=2),
    "a script exits with 2 before it runs an agent": seen("clean", words("plain", "ended"), code=2),
    "a worker exits with 2": seen("exception", ended("gunicorn"), code=2),
    "a child of multiprocessing exits with 1": seen("exception", ended("multiprocessing"), code=1),
    "a child of multiprocessing exits with 1 before it served": seen(
        "exception", words("multiprocessing", "ended"), code=1
    ),
    # --- nobody saw it
    "gone without a record": found("unknown", None),
    "gone while it served": found("unknown", words("plain", "ready")),
    "gone while it booted": found("unknown", words("gunicorn", "starting", flights=(flight("import"),))),
    "left behind by a daemon, before it had begun anything": found("clean", words("gunicorn", "starting")),
    "a supervisor is gone": found("unknown", words("uvicorn", "starting", supervises=True)),
    "gone, and the memory is short": found("unknown", words("gunicorn", "ready"), oom=True),
    "an exit status that was not seen does not count": found("unknown", words("plain", "ready"), signal=SEGV),
    "seen to be gone, and not how": seen("unknown", words("plain", "ready")),
    "gone after a signal to stop": found("drained", words("plain", "ready", stop_seen=True)),
    "gone after a signal to stop and a crash": found("drained", words("plain", "ready", stop_seen=True, stack="x")),
    "gone with a stack": found("signal", words("plain", "ready", stack="Fatal Python error: Segmentation fault")),
    "gone while it drained": found("drained", words("plain", "draining")),
    "gone at its end": found("clean", ended("plain")),
    "gone at its end, though it never served": found("clean", words("gunicorn", "ended")),
    "gone with an exception": found("exception", ended("plain", fatal=True)),
    "gone with an exception, not yet at its end": found("exception", words("uvicorn", "ready", fatal=True)),
    "gone with an exception in its boot": found("boot_failure", words("uvicorn", "ended", fatal=True)),
    "gone with an exception in its boot, not yet at its end": found(
        "boot_failure", words("uvicorn", "starting", fatal=True)
    ),
    "gone with an exception, a script": found("exception", words("plain", "ended", fatal=True)),
}


@pytest.mark.parametrize(("reason", "last", "how"), ENDS.values(), ids=ENDS)
def test_an_end_has_its_reason(reason: ExitReason, last: LastWords | None, how: dict[str, Any]) -> None:
    """The first rule that holds."""
    assert judge(last, **{"signal": None, "code": None, "sent": None, "oom": False, **how}).reason == reason


SERVED = [
    ("without a record nothing is said", None, "background", False),
    ("it boots", words("gunicorn", "starting"), "startup", True),
    ("it ended and never served", words("gunicorn", "ended"), "startup", True),
    ("it serves", words("gunicorn", "ready"), "background", False),
    ("it is ready, and that it served was not written", words("plain", "ready", served=False), "background", False),
    ("it ended and had served", ended("plain"), "background", False),
    ("it drains", words("uvicorn", "draining"), "draining", False),
    ("it imports", words("gunicorn", "starting", flights=(flight("import"),)), "import", True),
    ("a request and an older task", words("plain", "ready", flights=(flight("background"), flight("request", 2))),
     "request", False),
    ("a request while it drains", words("uvicorn", "draining", flights=(flight("request"),)), "request", False),
    ("the end interrupted the import",
     words("plain", "ended", flights=(flight("request"), flight("import", 2, interrupted=True))), "import", True),
    ("no request", words("plain", "ready", flights=(flight("startup"), flight("background", 2))), "startup", False),
]  # fmt: skip


@pytest.mark.parametrize(("last", "phase", "before"), [row[1:] for row in SERVED], ids=[row[0] for row in SERVED])
def test_an_end_has_its_phase(last: LastWords | None, phase: Phase, before: bool) -> None:
    """That of what was going on, or that of the process."""
    verdict = judge(last, signal=KILL, code=None, sent=None, oom=False, seen=True)
    assert (verdict.phase, verdict.before_serving) == (phase, before)


def every_record() -> list[LastWords | None]:
    """All that a process can leave behind."""
    flags = itertools.product((False, True), repeat=4)
    return [None] + [
        words(server, state, served=served, fatal=fatal, stack="x" if crashed else "", stop_seen=stopped)
        for (served, fatal, crashed, stopped), server, state in itertools.product(
            flags, get_args(ServerKind), get_args(LifeState)
        )
    ]


STATUSES: list[tuple[int | None, int | None]] = [
    (None, None),
    (9, 1),
    *((number, None) for number in range(1, 65)),
    *((None, code) for code in (0, 1, 2, 3, 4, 70, 137, 143, 155, 255, 3221225477)),
]


def test_every_end_has_a_reason_and_a_request_to_stop_is_no_crash() -> None:
    """Whatever is put together."""
    for last, (ended_by, code), sent, oom, seen_it in itertools.product(
        every_record(), STATUSES, (None, ABRT, KILL, TERM, 12), (False, True), (False, True)
    ):
        verdict = judge(last, signal=ended_by, code=code, sent=sent, oom=oom, seen=seen_it)
        assert verdict.reason in get_args(ExitReason)
        assert verdict.phase in get_args(Phase)
        asked = sent in ASKED or (seen_it and ended_by in ASKED and sent is None)
        drains = last is not None and last.state == "draining"
        # What a server's worker had failed of before it was asked to stop is no less true for that.
        failed = (
            last is not None
            and last.fatal
            and last.identity.server in ("gunicorn", "uvicorn", "celery")
            and not last.served
        )
        if failed and not drains and verdict.reason == "boot_failure":
            continue
        if (
            asked
            or (drains and sent is not None and seen_it and ended_by in (None, sent))
            or (drains and seen_it and ended_by == KILL)
        ):
            assert verdict.reason in NOT_CRASHES
        if verdict.reason == "oom":
            assert oom


@pytest.mark.parametrize("sent", range(1, 65))
def test_no_signal_sent_by_its_own_parent_makes_a_crash_of_a_child(sent: int) -> None:
    """Of the app's own."""
    last = words("multiprocessing", "ready")
    assert judge(last, signal=sent, code=None, sent=sent, oom=True, seen=True).reason == "drained"


def test_boot_failures_are_counted_over_five_minutes() -> None:
    """Later ones leave the earlier behind."""
    failures, second = BootFailures(), 1_000_000_000
    assert [failures.note(at * second) for at in (0, 100, 200, 299)] == [1, 2, 3, 4]
    assert failures.note(300 * second) == 4
    assert failures.note(10_000 * second) == 1


def test_boot_failures_are_bounded() -> None:
    """A supervisor that spawns without a pause."""
    failures = BootFailures()
    assert max(failures.note(1) for _ in range(5000)) == 1024


def test_a_clock_that_is_set_back_does_no_harm() -> None:
    """The window is one of differences."""
    failures = BootFailures()
    failures.note(10**18)
    assert failures.note(5) == 2


def test_signals_have_names() -> None:
    """As the manual has them."""
    assert signal_name(9) == "SIGKILL"
    assert signal_name(11) == "SIGSEGV"
    assert signal_name(999) == "signal 999"
