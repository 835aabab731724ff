"""AG501 to AG506: what the end of a process is taken for, and what is said of it. Real ends are in tests/e2e."""

from __future__ import annotations

import signal
from typing import Any

import pytest
from observed import Vitals, an_exit, assert_events_in_the_catalogue, event_name
from opentelemetry.trace import format_trace_id

from autogen_vitals import semconv
from autogen_vitals.crashes.reports import Flight, ProcessExit
from autogen_vitals.findings.catalogue import catalogue, rule_of_exit
from autogen_vitals.findings.ends import falls_under, line_of
from autogen_vitals.vocabulary import EXIT_REASONS, NOT_CRASHES

FLIGHT = Flight("chat gpt-4o", "request", 0xABC, 0xD, 1_700_000_055_000_000_000)
STACK = f"""Fatal Python error: Segmentation fault
File "/usr/lib/python3.11/site-packages/tokeniser/core.py", line 12 in encode
File "{__file__}", line 77 in answer
File "/app/main.py", line 5 in <module>"""


def at_boot(**changes: Any) -> ProcessExit:
    """A worker that could not import its app."""
    importing = Flight("import app", "import", 0, 0, 1_700_000_059_500_000_000, interrupted=True)
    boot = {
        "reason": "boot_failure",
        "phase": "import",
        "signal": None,
        "code": 3,
        "flights": (importing,),
        "error_type": "KeyError",
        "category": "missing_credentials",
        "boot_failures": 1,
    }
    return an_exit(**{**boot, **changes})


@pytest.mark.parametrize(
    ("exit", "rule"),
    [
        (at_boot(), "AG502"),
        (at_boot(boot_failures=2), "AG502"),
        (at_boot(boot_failures=3), "AG501"),
        (at_boot(reason="signal", signal=9, code=None), "AG502"),
        (at_boot(reason="unknown", code=7), "AG502"),
        # Of a Celery worker that has served nothing yet.
        (at_boot(reason="exception", code=1), "AG502"),
        # What says more about how it ended goes before when; a loop goes before all.
        (at_boot(reason="signal", signal=11, code=None), "AG506"),
        (at_boot(reason="timeout", signal=9, code=None), "AG504"),
        (at_boot(reason="oom", signal=9, code=None), "AG505"),
        (at_boot(reason="oom", signal=9, code=None, boot_failures=4), "AG501"),
        (an_exit(), "AG503"),
        (an_exit(reason="unknown", signal=None, code=7), "AG503"),
        (an_exit(reason="unknown", signal=None), "AG503"),
        (an_exit(flights=()), ""),
        (an_exit(reason="unknown", signal=None, flights=()), ""),
        (an_exit(reason="timeout", signal=6), "AG504"),
        (an_exit(reason="timeout", flights=()), "AG504"),
        (an_exit(reason="oom"), "AG505"),
        *((an_exit(signal=int(number)), "AG506") for number in (signal.SIGSEGV, signal.SIGILL, signal.SIGFPE)),
        (an_exit(signal=int(signal.SIGBUS)), "AG506"),
        (an_exit(signal=int(signal.SIGABRT)), "AG506"),
        (an_exit(signal=int(signal.SIGSEGV), flights=()), "AG506"),
        # Nobody saw by what; it left its stack.
        (an_exit(signal=None, stack=STACK), "AG506"),
        # That is its category's.
        (an_exit(reason="exception", signal=None, code=1, error_type="KeyError", category="other"), ""),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.reason}-{value.signal}-{value.boot_failures}",
)
def test_an_end_falls_under_one_rule(exit: ProcessExit, rule: str, vitals: Vitals) -> None:
    """That one fires, no other does, and it is what the event of the end says."""
    assert falls_under(exit) == rule
    concerned = [name for name, one in catalogue().items() if one.concerns_exit(exit)]
    assert concerned == ([rule] if rule else [])
    vitals.installed._findings.exited(exit)
    assert [told[semconv.FINDING_RULE] for told in vitals.findings()] == concerned
    (event,) = vitals.events("autogen.process.exit")
    assert event.attributes.get(semconv.FINDING_RULE, "") == rule
    assert_events_in_the_catalogue(vitals.events())


def test_who_was_asked_to_end_is_no_finding(vitals: Vitals) -> None:
    """Whatever it was at."""
    for reason in NOT_CRASHES:
        vitals.installed._findings.exited(an_exit(reason=reason))
    assert vitals.findings() == []


def test_what_is_told_again_is_not_found_again(vitals: Vitals) -> None:
    """Its event was not delivered the first time; it was one end."""
    vitals.installed._findings.exited(an_exit(), repeated=True)
    assert vitals.findings() == []
    assert vitals.points(semconv.FINDINGS.name) == []


def test_every_crash_of_a_process_that_was_at_something_has_a_rule() -> None:
    """But for exceptions, which have one by their category."""
    ruled = {reason for reason in EXIT_REASONS.keys() - NOT_CRASHES if rule_of_exit(an_exit(reason=reason))}
    assert ruled == EXIT_REASONS.keys() - NOT_CRASHES - {"exception"}


# --- what is said -------------------------------------------------------------------------------------------------


def found(vitals: Vitals, exit: ProcessExit, rule: str) -> dict[str, Any]:
    vitals.installed._findings.exited(exit)
    return vitals.finding(rule)


def test_a_crash_loop(vitals: Vitals) -> None:
    """Is critical; it says how often, in what, and leads to the rule of what they failed with."""
    told = found(vitals, at_boot(boot_failures=3), "AG501")
    assert told[semconv.FINDING_SEVERITY] == "critical"
    assert told[semconv.FINDING_EVIDENCE] == (
        "process 4711, of gunicorn, ended with exit code 3 in import app (phase import, which had begun 0.5 s before), "
        "number 3 of its supervisor's that ended before they could serve, within 5 minutes; its last exception was "
        "KeyError, missing_credentials"
    )
    assert told[semconv.FINDING_REMEDY] == f"roll back; then AG301: {catalogue()['AG301'].remedy}"
    assert told[semconv.FINDING_COUNT] == 3
    assert told[semconv.OPERATION] == "import app"


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({}, f"AG301: {catalogue()['AG301'].remedy}"),
        ({"error_type": "RuntimeError", "category": "other"}, catalogue()["AG502"].remedy),
        ({"error_type": "SystemExit", "category": "other"}, "sys.exit()"),
        ({"error_type": "", "category": None}, "sys.exit()"),
        ({"error_type": "", "category": None, "reason": "signal", "signal": 9, "code": None}, "somebody killed it"),
    ],
)
def test_a_death_before_serving(vitals: Vitals, changes: dict[str, Any], remedy: str) -> None:
    """Leads to the rule of its exception; where there was none, to what ends a process without one."""
    told = found(vitals, at_boot(**changes), "AG502")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert remedy in told[semconv.FINDING_REMEDY]
    assert "in import app" in told[semconv.FINDING_EVIDENCE]


def test_boots_that_fail_for_several_reasons_are_each_told(vitals: Vitals) -> None:
    """Of two that failed alike the first; from the third on it is a loop, which is told once more for each reason."""
    for number, category in enumerate(("missing_module", "invalid_config", "invalid_config", "missing_module"), 1):
        vitals.installed._findings.exited(at_boot(category=category, boot_failures=number))
    vitals.installed._findings.exited(at_boot(category="missing_module", boot_failures=5))
    told = [(said[semconv.FINDING_RULE], said[semconv.FINDING_REMEDY].split(":")[0]) for said in vitals.findings()]
    assert told == [
        ("AG502", "AG406"),
        ("AG502", "AG306"),
        ("AG501", "roll back; then AG306"),
        ("AG501", "roll back; then AG406"),
    ]
    counted = {point.attributes[semconv.FINDING_RULE]: point.value for point in vitals.points(semconv.FINDINGS.name)}
    assert counted == {"AG502": 2, "AG501": 3}


def test_a_death_in_operation(vitals: Vitals) -> None:
    """Says in what, since when, in which trace, and is told in that one."""
    others = (Flight("", "request", 0xE, 0xF, 1_700_000_050_000_000_000),) * 2
    told = found(vitals, an_exit(flights=(FLIGHT, *others)), "AG503")
    assert told[semconv.FINDING_EVIDENCE] == (
        "process 4711, of gunicorn, ended by SIGKILL in chat gpt-4o (phase request, which had begun 5.0 s before, "
        f"trace {format_trace_id(0xABC)}), and 2 more like it"
    )
    assert told[semconv.FINDING_CONFIDENCE] == "observed"
    assert told[semconv.FINDING_COUNT] == 3
    (record,) = vitals.events("autogen.finding")
    assert (record.trace_id, record.span_id) == (0xABC, 0xD)


def test_a_death_that_nobody_saw(vitals: Vitals) -> None:
    """Is inferred from what it left; what was interrupted first goes before what began before it."""
    first = Flight("invoke_agent writer", "request", 0, 0, 1_700_000_050_000_000_000)
    last = Flight("execute_tool exit", "request", 0, 0, 1_700_000_058_000_000_000, interrupted=True)
    told = found(vitals, an_exit(reason="unknown", signal=None, flights=(first, last)), "AG503")
    assert told[semconv.FINDING_CONFIDENCE] == "inferred"
    assert told[semconv.OPERATION] == "execute_tool exit"
    assert "ended by nobody knows what in execute_tool exit" in told[semconv.FINDING_EVIDENCE]
    assert "trace" not in told[semconv.FINDING_EVIDENCE]
    (record,) = vitals.events("autogen.finding")
    assert event_name(record) == "autogen.finding"
    assert record.trace_id == 0


def test_different_operations_are_told_apart(vitals: Vitals) -> None:
    """An end has no line: the operation is its place."""
    for operation in ("chat gpt-4o", "chat gpt-4o", "execute_tool die"):
        vitals.installed._findings.exited(an_exit(flights=(Flight(operation, "request", 0, 0, 1),)))
    assert [told[semconv.OPERATION] for told in vitals.findings("AG503")] == ["chat gpt-4o", "execute_tool die"]


@pytest.mark.parametrize(("failures", "remedy"), [(0, "timeouts: model < request"), (1, "start faster")])
def test_a_worker_that_does_not_answer(vitals: Vitals, failures: int, remedy: str) -> None:
    """While it serves something keeps it; at its start it is the start."""
    told = found(vitals, an_exit(reason="timeout", signal=6, boot_failures=failures), "AG504")
    assert "did not answer in invoke_agent writer" in told[semconv.FINDING_EVIDENCE]
    assert "by SIGABRT" in told[semconv.FINDING_EVIDENCE]
    assert remedy in told[semconv.FINDING_REMEDY]


def test_a_process_without_memory(vitals: Vitals) -> None:
    """Only where the control group has counted it; a mere SIGKILL is somebody's."""
    told = found(vitals, an_exit(reason="oom"), "AG505")
    assert "its control group was out of memory" in told[semconv.FINDING_EVIDENCE]
    vitals.log_exporter.clear()
    vitals.installed._findings.exited(an_exit(reason="signal", signal=9))
    assert [told[semconv.FINDING_RULE] for told in vitals.findings()] == ["AG503"]


def test_a_native_crash(vitals: Vitals) -> None:
    """Says where Python was, and is at the user's line that called that."""
    told = found(vitals, an_exit(signal=int(signal.SIGSEGV), stack=STACK), "AG506")
    assert "ended by SIGSEGV in invoke_agent writer" in told[semconv.FINDING_EVIDENCE]
    assert told[semconv.FINDING_EVIDENCE].endswith("tokeniser/core.py:12 in encode")
    assert (told[semconv.CODE_FILE_PATH], told[semconv.CODE_LINE_NUMBER]) == (__file__, 77)
    assert told[semconv.CODE_FUNCTION_NAME] == "answer"


def test_a_native_crash_of_which_nobody_has_a_stack(vitals: Vitals) -> None:
    """Has no line; nor has one in libraries only."""
    told = found(vitals, an_exit(signal=int(signal.SIGSEGV)), "AG506")
    assert semconv.CODE_FILE_PATH not in told
    assert "Python was" not in told[semconv.FINDING_EVIDENCE]
    assert line_of('File "/usr/lib/python3/dist-packages/a.py", line 1 in f\nFile "<string>", line 2 in g') is None
