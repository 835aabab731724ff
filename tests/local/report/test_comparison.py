"""Two runs compared: what is gone, new or still there, what has become faster, and what is only chance."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autogen_vitals.local.otlp import ReceivedLog
from autogen_vitals.local.report import Report, compare, show_comparison

from .builders import (
    cannot_start,
    crash,
    finding,
    init,
    line,
    reported,
    request,
    startup,
)


def requests(ms: float, inits: float = 0.0, number: int = 4) -> list[ReceivedLog]:
    return [request(1000 * index, ms, "rebuild" if inits else "warm", inits=inits) for index in range(number)]


BEFORE = reported(
    startup(7, spawn=100, imports=1300, init=120),
    startup(8, spawn=100, imports=1300, init=120),
    *requests(200, 50),
    init(0, 50),
    init(1010, 50, again=True),
    finding("AG101", number=51),
    finding("AG205", "error", number=67),
    crash("ValueError", rule="AG205", number=67),
)
AFTER = reported(
    startup(9, spawn=100, imports=750, init=60),
    *requests(150),
    finding("AG205", "error", number=69),
    finding("AG604", number=80),
)


def sentences(a: Report, b: Report) -> str:
    return " ".join(compare(a, b).sentences)


def test_what_has_changed_is_said_in_sentences() -> None:
    """The verdict first, then the start, what is to be fixed, what failed, and requests."""
    assert compare(BEFORE, AFTER).sentences == (
        "2 things are to be fixed, 1 of them new; 1 is gone.",
        "B is faster to start by 0.61 s (1.52 s, now 0.91 s).",
        "AG101 at app.py:51 is gone.",
        "AG604 at app.py:80 is new.",
        "AG205 at app.py:69 is still there.",
        "1 exception got out in A, 0 in B.",
        "GET /ask is faster by 50 ms (200 ms, now 150 ms; medians without cold ones).",
        "A request spent 50.0 ms in inits in A, 0.0 ms in B (means, without cold ones).",
    )


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        (BEFORE, reported(startup(9)), "Nothing is left to fix: 2 findings are gone."),
        (AFTER, AFTER, "2 things are to be fixed, as before."),
        (reported(startup(7)), AFTER, "2 things are to be fixed, 2 of them new; none are gone."),
    ],
    ids=["fixed", "the same", "broken"],
)
def test_the_verdict_on_a_change_is_what_is_left(a: Report, b: Report, says: str) -> None:
    """Before how much faster it is: a run on a busy machine is slower, and right all the same."""
    assert compare(a, b).sentences[0] == says


def test_a_line_that_has_moved_is_the_same() -> None:
    """By its function; another function's is another one."""
    moved, elsewhere = reported(finding("AG101", number=60)), finding("AG101")
    elsewhere = replace(elsewhere, attributes={**elsewhere.attributes, **line(51, function="app.other")})
    other = reported(elsewhere)
    before = reported(finding("AG101", number=51))
    assert [change.state for change in compare(before, moved).findings] == ["still"]
    assert [change.state for change in compare(before, other).findings] == ["new", "gone"]


def test_of_two_in_a_function_the_one_that_stayed_is_still_there() -> None:
    """And the other one is gone."""
    both = reported(finding("AG101", number=51), finding("AG101", number=55))
    changes = compare(both, reported(finding("AG101", number=55))).findings
    assert [(change.state, str(change.a and change.a.site)) for change in changes] == [
        ("still", "app.py:55"),
        ("gone", "app.py:51"),
    ]


def test_what_is_only_chance_is_not_told() -> None:
    """A few milliseconds, or too few requests."""
    a = reported(startup(7, spawn=1000), *requests(200))
    b = reported(startup(7, spawn=1030), *requests(195))
    assert sentences(a, b) == "B is as fast to start as A (1.00 s, now 1.03 s). Neither has anything to fix."
    assert "GET /ask" not in sentences(reported(*requests(200, number=2)), reported(*requests(90, number=2)))


def test_a_run_of_which_nothing_is_known_is_no_better_one() -> None:
    """That everything is gone from it says nothing, and that is said first."""
    assert compare(BEFORE, reported()).sentences[0] == "Of B nothing is known: no process told anything."


def test_processes_that_could_not_start_are_counted() -> None:
    """In both."""
    loop = reported(*(log for number, pid in enumerate((11, 12, 13), 1) for log in cannot_start(pid, number)))
    assert "3 processes could not start in A, 0 in B." in compare(loop, AFTER).sentences


def test_numbers_are_there_for_both() -> None:
    """Stages too; what a process has not told of took it no time."""
    comparison = compare(BEFORE, AFTER)
    imports = comparison.stages_ms["imports"]
    assert (round(imports.a or 0), round(imports.b or 0), round(imports.by or 0)) == (1300, 750, -550)
    (ask,) = comparison.requests
    assert (ask.later_ms.a, ask.later_ms.b, ask.inits.a, ask.inits.b) == (200, 150, 1.0, 0.0)
    assert (comparison.reinits.a, comparison.reinits.b) == (1, 0)


def test_it_fits_80_columns() -> None:
    """The sentences first."""
    output = io.StringIO()
    show_comparison(compare(BEFORE, AFTER), Console(file=output, width=80))
    lines = output.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[3] == "2 things are to be fixed, 1 of them new; 1 is gone."
    assert any(line.split()[:4] == ["cold", "start,", "ms", "1,520"] for line in lines)
