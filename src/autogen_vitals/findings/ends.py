"""Which rule the end of a process falls under, and how its evidence begins: six rules share the ends, one each."""

from __future__ import annotations

import os
import signal as signals
from typing import Any

from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.crashes.reports import Flight, ProcessExit
from autogen_vitals.crashes.verdict import signal_name
from autogen_vitals.findings.finding import Finding
from autogen_vitals.findings.rule import Rule
from autogen_vitals.lifecycle.sites import Site, is_user_file

CRASH_LOOP = 3
"""So many ends before serving, of one supervisor's processes within 5 minutes, are no accident."""

# SIGABRT is what native code ends itself with; where a supervisor has sent it, the reason is another one.
_NATIVE = frozenset(
    int(getattr(signals, name))
    for name in ("SIGSEGV", "SIGBUS", "SIGILL", "SIGFPE", "SIGABRT", "SIGSYS")
    if hasattr(signals, name)
)
_OWN_FOLDER = os.path.dirname(os.path.dirname(__file__)) + os.sep
_FRAME = r'File "([^"\n]+)", line (\d+) in ([^\n]+)'


def falls_under(exit: ProcessExit) -> str:
    """The id of the one rule that it falls under; empty for none: an exception's end is its category's, and what was
    killed while it did nothing has lost nothing."""
    if exit.boot_failures >= CRASH_LOOP:
        return "AG501"
    if exit.reason == "oom":
        return "AG505"
    if exit.reason == "timeout":
        return "AG504"
    if exit.reason == "signal" and (exit.signal in _NATIVE or (exit.signal is None and exit.stack)):
        return "AG506"
    if exit.reason == "boot_failure" or exit.boot_failures:
        return "AG502"
    return "AG503" if exit.reason in ("signal", "unknown") and exit.flights else ""


class EndRule(Rule):
    """A rule about ends of processes; ``falls_under`` says which of them are its own."""

    severity = "error"

    @classmethod
    def concerns_exit(cls, exit: ProcessExit) -> bool:
        """Each end falls under one rule at most."""
        return falls_under(exit) == cls.id

    def about_exit(self, exit: ProcessExit, evidence: str, **more: Any) -> Finding:
        """A finding about an end: in the trace that it cut off, at the line where native code failed, if that is
        known."""
        flight = most_telling(exit)
        about: dict[str, Any] = {
            "site": line_of(exit.stack),
            "operation": "" if flight is None else flight.operation,
            "phase": exit.phase,
            "interrupted": flight,
        }
        return self.finding(f"{whose(exit)} {evidence}", **{**about, **more})


def most_telling(exit: ProcessExit) -> Flight | None:
    """What the end came out of, else what it met first."""
    flights = sorted(exit.flights, key=lambda flight: not flight.interrupted)
    return flights[0] if flights else None


def whose(exit: ProcessExit) -> str:
    """Who it was."""
    server = exit.victim.server
    return f"process {exit.victim.pid}{'' if server == 'plain' else f', of {server},'}"


def how(exit: ProcessExit) -> str:
    """By what it ended, as far as that was seen."""
    if exit.signal is not None:
        return f"by {signal_name(exit.signal)}"
    return "by nobody knows what" if exit.code is None else f"with exit code {exit.code}"


def doing(exit: ProcessExit) -> str:
    """What was going on, for how long, and in which trace; how much else with it."""
    flight = most_telling(exit)
    if flight is None:
        return f"in the phase {exit.phase}"
    seconds = (exit.ended_ns - flight.began_ns) / 1e9
    since = f", which had begun {seconds:.1f} s before" if seconds >= 0 else ""
    trace = f", trace {flight.trace_id:032x}" if flight.trace_id else ""
    others = len(exit.flights) - 1
    more = f", and {others} more like it" if others else ""
    return f"in {flight.operation or 'a request'} (phase {exit.phase}{since}{trace}){more}"


def last_error(exit: ProcessExit) -> str:
    """Its last exception; empty if none is known of."""
    if not exit.error_type:
        return ""
    return f"; its last exception was {exit.error_type}" + (f", {exit.category}" if exit.category else "")


def line_of(stack: str) -> Site | None:
    """The user's innermost line in the stack of a native crash, which has its innermost frame first."""
    for file, line, function in compiled(_FRAME).findall(stack):
        if is_user_file(file) and not file.startswith(_OWN_FOLDER):
            return Site(file, int(line), function)
    return None


def innermost(stack: str) -> str:
    """Where Python was when native code failed: file, line and function; empty if nobody kept it."""
    frame = compiled(_FRAME).search(stack)
    return "" if frame is None else f"{frame[1]}:{frame[2]} in {frame[3]}"
