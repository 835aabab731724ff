"""The demo's crashes: what is computed from the events, and how it reads in a terminal."""

from __future__ import annotations

import io
from itertools import count
from typing import Any

from rich.console import Console

from autogen_vitals.local.demo_crashes import compute_crashes
from autogen_vitals.local.receiver import ReceivedLog, ReceivedSpan
from autogen_vitals.local.report.crashes_view import explanations, show_crashes
from autogen_vitals.local.report.model import Crashes

TRACE = "5774e5a69814ebf723f09bc06c97e94c"
_times = count(1)


def event(name: str, attributes: dict[str, Any], *, severity: str = "ERROR", trace: str = "") -> ReceivedLog:
    return ReceivedLog(
        event_name=name,
        severity=severity,
        body=None,
        attributes=attributes,
        resource={},
        scope="autogen_vitals",
        trace_id=trace,
        span_id="",
        time_ns=next(_times),
        observed_ns=0,
    )


def crash(pid: int, error_type: str, category: str, escaped: str, operation: str = "", **more: Any) -> ReceivedLog:
    attributes: dict[str, Any] = {
        "process.pid": pid,
        "error.type": error_type,
        "autogen.crash.category": category,
        "autogen.crash.escaped": escaped,
        "autogen.phase": "request" if escaped == "run" else "import",
    }
    if operation:
        attributes["autogen.operation"] = operation
    if "says" in more:
        attributes["exception.message"] = more["says"]
    return event("autogen.crash", attributes, trace=more.get("trace", ""))


def missing_key(pid: int) -> ReceivedLog:
    return crash(pid, "KeyError", "missing_credentials", "import", "import app", says="'OPENAI_API_KEY'")


def gone(pid: int, reason: str, **more: Any) -> ReceivedLog:
    attributes: dict[str, Any] = {
        "log.record.uid": more.get("uid", f"of {pid}"),
        "process.pid": pid,
        "process.parent_pid": 50,
        "autogen.exit.reason": reason,
        "autogen.exit.observed_by": "supervisor",
        "autogen.exit.observer.pid": 50,
        "autogen.phase": more.get("phase", "request"),
    }
    for name in ("signal", "code", "boot_failures"):
        if name in more:
            attributes[f"autogen.exit.{name}"] = more[name]
    for name, attribute in (("operation", "autogen.operation"), ("category", "autogen.crash.category")):
        if name in more:
            attributes[attribute] = more[name]
    return event(
        "autogen.process.exit", attributes, severity=more.get("severity", "ERROR"), trace=more.get("trace", "")
    )


def unborn(pid: int, number: int) -> list[ReceivedLog]:
    severity = "FATAL" if number >= 3 else "ERROR"
    exited = gone(pid, "boot_failure", phase="startup", code=1, boot_failures=number, severity=severity)
    return [missing_key(pid), exited]


def killed(pid: int, **more: Any) -> ReceivedLog:
    return gone(pid, "signal", signal="SIGKILL", operation="chat gpt-4o-mini", trace=TRACE, **more)


def request(trace: str, route: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=f"GET {route}",
        kind="SERVER",
        trace_id=trace,
        span_id="s",
        parent_span_id="",
        start_ns=0,
        end_ns=1,
        attributes={"http.route": route},
        resource={},
        scope="",
        status="ERROR",
        status_message="",
        events=(),
        links=(),
    )


def computed(*logs: ReceivedLog, spans: tuple[ReceivedSpan, ...] = ()) -> Crashes:
    return compute_crashes(logs, spans)


def shown(crashes: Crashes, width: int = 80) -> str:
    output = io.StringIO()
    show_crashes(crashes, Console(file=output, width=width))
    return output.getvalue()


def test_the_exception_that_ended_a_process_is_part_of_its_end() -> None:
    """One row: who, in which phase of the failure, doing what, and why; it is not told again by itself."""
    crashes = computed(*unborn(7, 1))
    (death,) = crashes.start_failures[0].deaths
    assert (death.pid, death.phase, death.operation, death.code) == (7, "import", "import app", 1)
    assert death.failure is not None
    assert (death.failure.category, death.failure.says) == ("missing_credentials", "'OPENAI_API_KEY'")
    assert (crashes.dead, crashes.failures) == ((), ())


def test_an_exception_whose_process_goes_on_stands_by_itself() -> None:
    """With the route of its request, which is that of the SERVER span in its trace."""
    failed = crash(7, "ValueError", "team_already_running", "run", "invoke_workflow Team", trace=TRACE)
    (failure,) = computed(failed, spans=(request(TRACE, "/team"),)).failures
    assert (failure.pid, failure.request, failure.phase) == (7, "/team", "request")


def test_what_a_killed_process_had_survived_is_not_why_it_died() -> None:
    """The signal is; the exception stays a crash of its own."""
    failed = crash(7, "ValueError", "team_already_running", "run", "invoke_workflow Team")
    crashes = computed(failed, killed(7, category="team_already_running"))
    (death,) = crashes.dead
    assert (death.signal, death.operation, death.failure) == ("SIGKILL", "chat gpt-4o-mini", None)
    assert [failure.category for failure in crashes.failures] == ["team_already_running"]


def test_an_end_that_is_told_twice_is_one() -> None:
    """By the id of its record."""
    assert len(computed(killed(7, uid="a"), killed(7, uid="a")).dead) == 1
    assert len(computed(killed(7, uid="a"), killed(7, uid="b")).dead) == 2


def test_a_process_that_failed_to_start_is_one_even_if_nobody_saw_its_end() -> None:
    """It is in the same table; what it says of itself is told only where no end was."""
    alone = computed(missing_key(7))
    assert [failure.pid for failure in alone.stillborn] == [7]
    assert explanations(alone)[0].startswith("Process 7 failed in import app with KeyError ('OPENAI_API_KEY')")
    with_others = computed(*unborn(8, 1), missing_key(7))
    assert len(explanations(with_others)) == 1
    assert shown(with_others).count("import app ") == 2 + 1


def test_a_loop_is_one_that_the_events_call_fatal() -> None:
    """Not two failures; how many there were is their own word."""
    few = explanations(computed(*unborn(7, 1), *unborn(8, 2)))
    many = explanations(computed(*unborn(7, 1), *unborn(8, 2), *unborn(9, 3)))
    assert few[0].startswith("2 children of process 50 died before serving. 8 failed in import app with KeyError")
    assert many[0].startswith("3 children of process 50 died before serving within 5 minutes: a crash loop. 9 failed")


def test_an_end_without_signal_or_exception_says_what_its_reason_means() -> None:
    """And what is not known is not told."""
    (told,) = explanations(computed(gone(7, "unknown", code=7)))
    assert (
        told
        == "Process 7 ended, phase request, unknown: it is gone, and how is not known; told by process 50 (supervisor)."
    )


def test_nothing_crashed() -> None:
    """Said in so many words."""
    assert "Nothing crashed." in shown(computed())


def test_the_crashes_fit_80_columns() -> None:
    """Where there is no terminal nothing is cut off; each crash is there with its pid, phase, cause and witness."""
    logs = [log for number, pid in enumerate(range(4123401, 4123407), 1) for log in unborn(pid, number)]
    failed = crash(
        4123410, "ValueError", "team_already_running", "run", "invoke_workflow RoundRobinGroupChat", trace="c9e0ab90ff"
    )
    text = shown(computed(*logs, failed, killed(4123410)))
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "\x1b" not in text
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "4123401 import import app missing_credentials supervisor -" in rows
    assert "KeyError, exit 1 50" in rows
    assert "and 2 more" in rows
    assert "4123410 request invoke_workflow team_already_running self c9e0ab" in rows
    assert "4123410 request chat gpt-4o-mini SIGKILL supervisor 5774e5" in rows
