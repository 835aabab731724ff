"""The verdict: what is to be fixed, in which order, and when that there is nothing cannot be said."""

from __future__ import annotations

import pytest

from autogen_vitals.local.report.model import Finding, Report

from .builders import (
    CLIENT,
    cannot_start,
    crash,
    finding,
    found,
    gone,
    init,
    init_durations,
    reported,
    request,
    startup,
)


def to_fix(report: Report) -> list[tuple[str, str]]:
    return [(one.rule, str(one.site or "")) for one in report.verdict.to_fix]


def only(report: Report) -> Finding:
    (one,) = report.verdict.to_fix
    return one


# --- whether there is something to fix ----------------------------------------------------------------------------


def test_who_told_nothing_is_not_called_healthy() -> None:
    """Why that may be is said, and that what is not known is not judged."""
    verdict = reported().verdict
    assert verdict.state == "silent"
    assert "nothing to fix" not in verdict.sentence.lower()
    assert "another environment's Python" in verdict.remarks[0]
    assert "python -I or -E" in verdict.remarks[0]
    assert "uses AutoGen" in verdict.remarks[0]


def test_a_healthy_run_has_nothing_to_fix() -> None:
    """It has told of requests, and nothing was wrong."""
    verdict = reported(startup(spawn=80), request(100, 90)).verdict
    assert (verdict.state, verdict.sentence, verdict.remarks) == ("nothing_to_fix", "Nothing to fix.", ())


def test_what_is_info_is_worth_knowing() -> None:
    """It is not to be fixed, and not kept quiet."""
    verdict = reported(request(100, 90), finding("AG102", "info")).verdict
    assert (verdict.state, verdict.sentence) == ("nothing_to_fix", "Nothing to fix; 1 worth knowing.")
    assert [one.rule for one in verdict.worth_knowing] == ["AG102"]


def test_a_start_alone_says_little() -> None:
    """No request was seen: that is remarked on."""
    verdict = reported(startup(spawn=80)).verdict
    assert verdict.state == "nothing_to_fix"
    assert "only the start was seen" in verdict.remarks[0]


@pytest.mark.parametrize(
    ("end", "remark"),
    [
        ({"exit_code": 3}, "The command ended with exit code 3."),
        ({"exit_code": None, "signal": "SIGSEGV"}, "The command was ended by SIGSEGV."),
        ({"exit_code": None, "signal": "SIGTERM"}, ""),
        ({"exit_code": 0}, ""),
    ],
)
def test_a_command_that_failed_is_remarked_on(end: dict[str, object], remark: str) -> None:
    """Unless somebody has stopped it."""
    assert "".join(reported(request(100, 90), **end).verdict.remarks) == remark


def test_what_was_lost_is_said() -> None:
    """A sentence each, in the words of the recording."""
    losses = ("12 spans were not kept: the disk is full.",)
    assert reported(request(100, 90), losses=losses).verdict.remarks == losses


# --- which are one ------------------------------------------------------------------------------------------------


def test_what_several_workers_found_at_a_line_is_one() -> None:
    """The workers are counted; the one that saw most gives the evidence."""
    one = only(reported(finding("AG205", pid=7, count=3), finding("AG205", pid=8, count=9), finding("AG205", pid=7)))
    assert (one.pids, one.times, one.evidence) == ((7, 8), 3, "what process 8 saw")


def test_the_worst_severity_speaks() -> None:
    """Info of the same line does not count as often found."""
    one = only(reported(finding("AG202", "info", pid=7), finding("AG202", "error", pid=8)))
    assert (one.severity, one.pids, one.times) == ("error", (8,), 1)


def test_how_often_is_the_metrics_word() -> None:
    """Of the event there is one for each process and line."""
    one = only(
        reported(
            finding("AG205"),
            found(7, "AG205", 11),
            found(8, "AG205", 4),
            found(7, "AG205", 90, severity="info"),
            found(7, "AG205", 80, place="shop/other.py:51"),
        )
    )
    assert (one.times, one.saves) == (15, "found 15 times")


def test_lines_and_rules_are_apart() -> None:
    """As are, without a line, operations."""
    report = reported(finding("AG101", number=51), finding("AG101", number=52), finding("AG205", number=51))
    assert sorted(to_fix(report)) == [("AG101", "app.py:51"), ("AG101", "app.py:52"), ("AG205", "app.py:51")]


# --- in which order -----------------------------------------------------------------------------------------------


def test_the_order_is_crashes_then_failed_requests_then_time() -> None:
    """Deaths, failed requests, errors that nothing has failed of, and what costs time last, most of it first."""
    report = reported(
        finding("AG604", number=10, duration=0.3),
        finding("AG601", number=20, duration=1.2),
        finding("AG205", "error", number=30),
        finding("AG206", "error", number=40),
        *(crash("ValueError", rule="AG206", number=40, when=when) for when in (100, 200, 300)),
        finding("AG503", "error", number=None),
        gone(8, "signal", signal="SIGKILL", rule="AG503"),
    )
    assert [rule for rule, _ in to_fix(report)] == ["AG503", "AG206", "AG205", "AG601", "AG604"]
    assert [one.saves for one in report.verdict.to_fix] == [
        "1 process died",
        "3 requests failed",
        "",
        "1,200 ms of a first request",
        "300 ms of a blocked loop, 1 time",
    ]


def test_a_warning_that_requests_failed_of_comes_before_an_error_that_none_did() -> None:
    """What breaks is decided by what was broken."""
    report = reported(
        finding("AG205", "error", number=30),
        finding("AG605", number=40),
        crash("AttributeError", "request", rule="AG605", number=40),
    )
    assert [rule for rule, _ in to_fix(report)] == ["AG605", "AG205"]


def test_the_worse_of_two_that_broke_as_much_comes_first() -> None:
    """Then what was found most often; then rule and line: the order does not depend on that of arrival."""
    logs = [
        finding("AG401", "error", number=30),
        finding("AG206", "error", number=40),
        finding("AG206", "error", number=41),
        finding("AG501", "critical", number=None),
    ]
    points = [found(7, "AG206", 5, severity="error", place="shop/app.py:41")]
    expected = [("AG501", ""), ("AG206", "app.py:41"), ("AG206", "app.py:40"), ("AG401", "app.py:30")]
    assert to_fix(reported(*logs, *points)) == expected
    assert to_fix(reported(*reversed(logs), *points)) == expected


# --- crashes ------------------------------------------------------------------------------------------------------


def test_a_crash_loop_is_told_once_with_its_cause() -> None:
    """What to fix is the missing key; that nothing came up is what it has cost."""
    told = [log for number, pid in enumerate((11, 12, 13), 1) for log in cannot_start(pid, number)]
    one = only(reported(*told))
    assert (one.rule, one.severity, one.also) == ("AG301", "critical", ("AG501", "AG502"))
    assert one.saves == "3 processes could not start"


def test_what_failed_to_start_and_was_then_stopped_has_failed_to_start() -> None:
    """gunicorn's master ends the other workers when one cannot boot: why those could not is known all the same."""
    second = gone(12, "boot_failure", signal="SIGTERM", boot_failures=2, rule="AG502", phase="startup")
    report = reported(*cannot_start(11, 1), *cannot_start(12, 2)[:2], second)
    assert (only(report).rule, only(report).also) == ("AG301", ("AG502",))
    assert report.crashes.stillborn == ()


def test_a_crash_loop_that_nobody_explains_stands_for_itself() -> None:
    """With every process that could not start."""
    told = [gone(pid, "boot_failure", boot_failures=number, rule="AG502") for number, pid in ((1, 11), (2, 12))]
    one = only(reported(*told, finding("AG502", "error", pid=50, number=None)))
    assert (one.rule, one.also, one.saves) == ("AG502", (), "2 processes could not start")


def test_a_crash_that_no_rule_explains_is_to_be_fixed() -> None:
    """What is alike is one."""
    report = reported(
        request(90, 20),
        crash("ZeroDivisionError", "request", when=100),
        crash("ZeroDivisionError", "request", when=200, pid=8),
        crash("KeyError", "run", when=300, number=60),
    )
    assert [(one.rule, str(one.site), one.saves) for one in report.verdict.to_fix] == [
        ("", "app.py:51", "2 requests failed"),
        ("", "app.py:60", "1 request failed"),
    ]
    assert "ZeroDivisionError ended request" in report.verdict.to_fix[0].evidence


def test_a_process_that_somebody_killed_is_no_healthy_one() -> None:
    """Even where no rule is about it."""
    one = only(reported(request(90, 20), gone(8, "signal", signal="SIGKILL")))
    assert (one.rule, one.saves) == ("", "1 process died")
    assert "SIGKILL" in one.evidence


def test_what_died_before_the_run_is_no_concern_of_it() -> None:
    """One of its processes has found a record of it, and told."""
    report = reported(
        request(90, 20),
        gone(3, "signal", signal="SIGKILL", rule="AG503", when=-5000),
        finding("AG503", "error", number=None),
    )
    assert report.verdict.state == "nothing_to_fix"
    assert [death.pid for death in report.crashes.earlier] == [3]
    assert [worker.pid for worker in report.workers] == [7]


# --- what a fix saves ---------------------------------------------------------------------------------------------


def test_a_rebuilt_client_costs_milliseconds_of_each_request() -> None:
    """Of the requests in which it was built again; their name and the share of their time are told."""
    report = reported(
        *(request(start, 200, "rebuild", name="GET /prices", inits=50) for start in (0, 1000, 2000)),
        request(3000, 900, name="GET /ask"),
        init(10, 60),
        init(1010, 50, again=True),
        init(2010, 48, again=True),
        finding("AG101", count=3, duration=0.15, share=0.9),
    )
    one = only(report)
    assert one.saves == "49 ms per request of GET /prices, 24%"
    assert (one.cost.ms, one.cost.requests) == (pytest.approx(98), 2)


def test_what_is_built_by_several_requests_is_no_single_one_s() -> None:
    """Then none is named."""
    report = reported(
        request(0, 200, name="GET /a"),
        request(1000, 200, name="GET /b"),
        init(10, 50, again=True),
        init(1010, 50, again=True),
        finding("AG101", count=3, duration=0.15),
    )
    assert only(report).saves == "50 ms per request, 25%"


def test_requests_at_the_same_time_are_told_apart_by_their_trace() -> None:
    """And where they cannot be, none is named."""
    both = [request(0, 500, name="GET /a", trace="a"), request(0, 500, name="GET /b", trace="b")]
    told = [finding("AG101", count=3, duration=0.15), finding("AG101")]
    in_trace = [init(ms, 50, again=True, trace_id="b") for ms in (10, 70)]
    assert "GET /b" in only(reported(*both, *in_trace, *told)).saves
    assert "GET" not in only(reported(*both, *(init(ms, 50, again=True) for ms in (10, 70)), *told)).saves


def test_requests_at_the_same_time_have_each_paid_their_own() -> None:
    """Four at once on one loop, which build one after the other: none has paid for all four."""
    told = [request(start, 400, "rebuild", trace=str(start)) for start in (0, 1, 2, 3)]
    built = [init(start, 50, again=True) for start in (5, 55, 105, 155)]
    one = only(reported(*told, *built, finding("AG101", count=3, duration=0.15)))
    assert (one.cost.requests, one.saves) == (4, "50 ms per request of GET /ask, 12%")


def test_what_is_built_inside_is_not_what_the_rule_is_about() -> None:
    """An agent at the same line, with a client in it: each has its own cost."""
    told = [request(0, 500), request(1000, 500)]
    built = [
        init(start, ms, again=True, component=name) for start in (10, 1010) for name, ms in ((CLIENT, 50), ("X", 80))
    ]
    findings = [finding("AG101", count=2, duration=0.1), finding("AG102", component="X", count=2, duration=0.1)]
    costs = {one.rule: one.cost.per_request_ms for one in reported(*told, *built, *findings).findings}
    assert costs == {"AG101": pytest.approx(50), "AG102": pytest.approx(80)}


def test_inits_too_cheap_for_a_span_cost_what_the_rule_has_added_up() -> None:
    """As much each, as often as it was found."""
    one = only(reported(finding("AG103", count=4, duration=0.002), found(7, "AG103", 100), init_durations(7, 104, 50)))
    assert (one.cost.ms, one.saves) == (pytest.approx(50), "0.5 ms per request")


def test_a_page_s_code_comes_with_the_finding() -> None:
    """What is wrong, and what is right; the marks of the tests are not the reader's."""
    fix = only(reported(finding("AG101"))).fix
    assert fix is not None
    assert "OpenAIChatCompletionClient(" in fix.before
    assert "warm_up" in fix.after
    assert "AG101" not in fix.before
    assert "```" not in fix.before + fix.after
    assert only(reported(finding("AG999"))).fix is None
