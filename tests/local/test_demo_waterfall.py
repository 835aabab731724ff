"""The demo's cold starts, as they read in a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from autogen_vitals.local.demo_startup import ColdStarts
from autogen_vitals.local.demo_waterfall import comparison, show_cold_starts
from autogen_vitals.local.report.model import ColdStart, Import
from autogen_vitals.vocabulary import StartupStage


def cold_start(
    pid: int,
    until_ready: dict[StartupStage, float],
    in_request: dict[StartupStage, float],
    imports: dict[str, float],
    **more: Any,
) -> ColdStart:
    ready_ms = sum(until_ready.values())
    values: dict[str, Any] = {"idle_ms": 0.0, "first_request_ms": None, "warm_up_ms": None, **more}
    return ColdStart(
        pid=pid,
        parent_pid=1,
        server="uvicorn",
        reason="process_start",
        started_ns=0,
        until_ready=until_ready,
        in_request=in_request,
        total_ms=ready_ms + sum(in_request.values()),
        ready_ms=ready_ms,
        first_token_ms=None,
        served=True,
        exact=True,
        imports=tuple(Import(name, ms + 1, ms) for name, ms in imports.items()),
        **values,
    )


FIRST = cold_start(
    71,
    {"spawn": 400.0, "imports": 1000.0, "init": 60.0, "ready": 0.3},
    {"connect_dns_tcp": 9.7, "warm_up": 40.0, "model_wait": 90.0},
    {"openai": 700.0, "a_package_with_a_long_name": 250.0, "app": 20.0},
    idle_ms=130.0,
    first_request_ms=143.0,
)
SECOND = cold_start(
    12072,
    {"spawn": 800.0, "imports": 1200.0, "warm_up": 100.0},
    {"model_wait": 100.0},
    {"openai": 1100.0},
    first_request_ms=104.0,
    warm_up_ms=103.0,
)
WATERFALL = """\
Cold start without warm_up
                  worker 71              ms    %  worker 12072           ms    %
until ready
 spawn            ███▎                  400  25%  ██████▌               800  36%
 imports             ████████▏        1,000  62%         █████████▉   1,200  55%
 init                        ▌           60   4%
 warm_up                                                          ▉     100   5%
 ready                        ▏          <1   0%
first request
 connect_dns_tcp              ▏          10   1%
 warm_up                      ▍          40   2%
 model_wait                   ▊          90   6%                   ▉    100   5%
total                                 1,600                           2,200
idle (left out)                         130                               0
slowest imports   openai                700       openai              1,100
                  a_package_with_a..    250
                  app                    20
"""


def shown(as_it_is: ColdStarts, warmed_up: ColdStarts, *, width: int = 80, encoding: str = "utf-8") -> str:
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding, newline="\n")
    show_cold_starts(as_it_is, warmed_up, Console(file=output, width=width))
    output.seek(0)
    return output.read()


def starts(*workers: ColdStart) -> ColdStarts:
    return ColdStarts(workers, (110.0, 100.0, 300.0))


def test_a_waterfall_fits_80_columns() -> None:
    """Side by side, on one scale, each bar where the one above it ends; no colours where there is no terminal."""
    text = shown(starts(FIRST, SECOND), starts())
    assert WATERFALL in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_narrow_terminal_has_the_workers_beneath_each_other() -> None:
    """Nothing is cut off or folded; each worker has its own stages only."""
    lines = shown(starts(FIRST, SECOND), starts(), width=44).splitlines()
    first = lines.index("                  worker 71          ms    %")
    second = lines.index("                  worker 12072       ms    %")
    assert " init                      ▍         60   4%" in lines[first:second]
    assert not any(line.startswith(" init") for line in lines[second:])
    assert " warm_up                       ▋    100   5%" in lines[second:]


def test_bars_are_plain_where_blocks_cannot_be_written() -> None:
    """An output that knows ASCII only gets numbers and bars all the same."""
    lines = shown(starts(FIRST), starts(SECOND), encoding="ascii").splitlines()
    assert " spawn            #######                                     400  25%" in lines
    assert " imports                 ##################                 1,000  62%" in lines


def test_the_comparison_is_said_in_numbers() -> None:
    """First requests without and with it, warm ones, what all of them contain, and what it costs instead."""
    assert comparison(starts(FIRST, FIRST), starts(SECOND)) == (
        "The first request of a worker took 143 and 143 ms without warm_up, 104 ms with it; a warm request takes "
        "110 ms (median of 6). The wait for the model is in all of them. warm_up itself took 103 ms, before the worker "
        "was ready."
    )


@pytest.mark.parametrize("missing", ["both", "without", "with"])
def test_what_is_not_known_is_not_told(missing: str) -> None:
    """Where a run has told of no cold start there is nothing to compare, and nothing fails."""
    nothing = ColdStarts((), ())
    text = shown(
        nothing if missing in ("both", "without") else starts(FIRST),
        nothing if missing in ("both", "with") else starts(SECOND),
    )
    assert "The first request" not in text
    assert ("Cold start without" in text, "Cold start with warm_up" in text) == {
        "both": (False, False),
        "without": (False, True),
        "with": (True, False),
    }[missing]
