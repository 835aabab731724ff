"""AutoGen / Cold starts: is it slow now, where does it go, what is built again, and is it not the model?"""

from __future__ import annotations

from autogen_vitals import semconv
from autogen_vitals.semconv.spans import STARTUP_SPAN
from autogen_vitals.vocabulary import StartupStage
from boards import first_use, queries as q, rebuilds
from boards.board import COLD_START_PAGE, Board
from boards.panels import (
    Column,
    Panel,
    Query,
    Text,
    legend,
    median_and_p95,
    show_bars,
    show_lines,
    show_stack,
    show_stat,
    show_table,
    value,
)
from boards.rebuilds import INIT_SECONDS, NO_REQUESTS, REINITS, REQUEST_SECONDS, REQUESTS
from boards.traces import show_traces

STAGE, VERSION = q.label(semconv.STARTUP_STAGE), q.SERVICE_VERSION

COLD_STARTS = q.select(semconv.COLD_START_DURATION, "count")
COLD_SECONDS = q.select(semconv.COLD_START_DURATION, "sum")
NO_COLD_STARTS = "No process finished a cold start in this range"


def of_each_process() -> str:
    """Seconds of each cold start: a process has one, so that what its histogram has summed is its duration."""
    return f"{q.total(COLD_SECONDS, q.JOB, q.INSTANCE)} > 0"


def by_version(operator: str, vector: str, selected: str) -> str:
    """What each instance has, of ``selected``, put together by version."""
    return q.aggregated(operator, q.joined(vector, q.info(), (VERSION,), selected), VERSION)


def build() -> Board:
    board = Board(
        "autogen-cold-starts",
        "AutoGen / Cold starts",
        "Where the first seconds of each AutoGen process go, and what is built again for each request.",
    )
    board.row("Is it slow now?", (cold_starts(), 6, 4), (slowest(), 6, 4), (init_share(), 6, 4), (reinits(), 6, 4))
    board.row(
        "Where a cold start goes",
        (stages(), 8, 10),
        (stages_over_time(), 16, 10),
        (duration(), 8, 9),
        (slow_traces(), 16, 9),
        (versions(), 24, 6),
    )
    board.row(
        "What is built, and built again",
        (rebuilds.built_again(), 24, 8),
        (rebuilds.init_duration(), 24, 9),
        (rebuilds.reinits_by_component(), 12, 9),
        (rebuilds.init_share_over_time(), 12, 9),
    )
    board.row("What requests pay", (rebuilds.start_types(), 12, 9), (rebuilds.latency(), 12, 9))
    board.row(
        "What is done once, and what stands still",
        (first_use.imports(), 8, 10),
        (first_use.warm_up(), 8, 10),
        (first_use.first_tool_use(), 8, 10),
        (first_use.connect_duration(), 8, 9),
        (first_use.connects(), 8, 9),
        (first_use.loop_blocked(), 8, 9),
    )
    board.row(
        "Or is it the model?",
        (first_use.model_calls(), 8, 9),
        (first_use.first_chunk(), 8, 9),
        (first_use.tokens(), 8, 9),
        (first_use.runs(), 24, 9),
    )
    return board


# --- is it slow now -----------------------------------------------------------------------------------------------


def cold_starts() -> Panel:
    text = Text(
        "Cold starts",
        "Processes that finished their first AutoGen request in this range. Each paid for its start alone.",
        "many of them without a deployment mean that processes do not live long: see the Workers board. Keep a minimum "
        "of replicas, and recycle workers less often.",
        NO_COLD_STARTS,
    )
    return show_stat(text, Query(q.or_zero(q.total(COLD_STARTS)), "cold starts"), unit="short", decimals=0)


def slowest() -> Panel:
    text = Text(
        "Cold start p95",
        "From the creation of a process to the end of its first request, without the time it waited for that: 19 of 20 "
        "are faster.",
        "the panels below say which stage it is. Orange from 5 s on, red from 15 s on.",
        NO_COLD_STARTS,
    )
    thresholds = ((None, "green"), (5, "orange"), (15, "red"))
    return show_stat(
        text, Query(q.aggregated("quantile 0.95", of_each_process()), "p95"), unit="s", thresholds=thresholds
    )


def init_share() -> Panel:
    text = Text(
        "Init share of request time",
        "Of the time that requests took, the part that went into building clients, agents and tools.",
        "above a tenth, look at Built again below: a model client is built once a process, not once a request.",
        NO_REQUESTS,
    )
    share = q.ratio(q.total(INIT_SECONDS), q.total(REQUEST_SECONDS))
    thresholds = ((None, "green"), (0.1, "orange"), (0.3, "red"))
    return show_stat(text, Query(share, "init share"), unit="percentunit", thresholds=thresholds, decimals=1)


def reinits() -> Panel:
    text = Text(
        "Re-inits per request",
        "How often a request built again what the same line had built before in that process.",
        "agents and teams may be built again, they are cheap and have state; model clients and tools should not. See "
        "Built again below.",
        NO_REQUESTS,
    )
    share = q.ratio(q.or_zero(q.total(REINITS)), q.total(REQUESTS))
    thresholds = ((None, "green"), (0.5, "orange"), (2, "red"))
    return show_stat(text, Query(share, "re-inits per request"), unit="short", thresholds=thresholds, decimals=2)


# --- where it goes ------------------------------------------------------------------------------------------------


def stages() -> Panel:
    text = Text(
        "Stages of a cold start",
        "Mean seconds of each stage. They do not overlap: together they are the cold start. spawn to ready come before "
        "the first request.",
        f"begin with the longest; [what each stage is, and what helps]({COLD_START_PAGE}).",
        NO_COLD_STARTS,
    )
    seconds = q.total(q.select(semconv.STARTUP_DURATION, "sum"), STAGE)
    share = f"sort_desc({q.each_ratio(seconds, q.total(COLD_STARTS))})"
    return show_bars(text, Query(share, legend(semconv.STARTUP_STAGE)), unit="s")


def stages_over_time() -> Panel:
    text = Text(
        "Stages of cold starts over time",
        "Mean seconds of the cold starts that ended in each interval, by stage, one on top of the other.",
        "a stage that grew with a deployment (blue line) is what that deployment brought; one that grows when many "
        "processes start at once is short of CPU.",
        NO_COLD_STARTS,
    )
    seconds = q.total(q.select(semconv.STARTUP_DURATION, "sum"), STAGE, window=q.STEP)
    share = q.each_ratio(seconds, q.total(COLD_STARTS, window=q.STEP))
    named = Query(share, legend(semconv.STARTUP_STAGE))
    return show_stack(text, named, unit="s", calcs=("max", "lastNotNull"), many=True)


def duration() -> Panel:
    text = Text(
        "Cold start duration",
        "Median and p95 of the cold starts that ended around each point, by server. The diamonds are single ones.",
        "click a diamond to open the request that ended that start, and follow its link to the trace of the start.",
        NO_COLD_STARTS,
    )
    return show_lines(
        text,
        *median_and_p95(semconv.COLD_START_DURATION, semconv.WORKER_SERVER),
        unit="s",
    )


def slow_traces() -> Panel:
    text = Text(
        "Slow cold starts",
        "Starts of more than 5 s: each is a trace of its own, with its imports and inits as spans.",
        "open one by its span's id. The longest span in it is what to mend.",
        "No cold start of more than 5 s in Tempo",
    )
    condition = f'name = "{STARTUP_SPAN.name}" && span.{semconv.STARTUP_TOTAL} > 5'
    stages: tuple[tuple[StartupStage, str], ...] = (
        ("imports", "Imports"),
        ("init", "Init"),
        ("warm_up", "Warm-up"),
    )
    return show_traces(
        text,
        condition,
        Column(semconv.STARTUP_TOTAL, "Total", unit="s", decimals=2, width=80),
        *(Column(semconv.startup_attribute(stage), title, unit="s", decimals=1, width=95) for stage, title in stages),
        Column(semconv.PROCESS_PID, "Pid", width=80),
    )


def versions() -> Panel:
    text = Text(
        "Before and after: by version",
        "The same figures for each service.version in this range: what a deployment changed.",
        "set service.version (OTEL_RESOURCE_ATTRIBUTES) if there is only one row without a name; choose a range with "
        "the deployment in it.",
        NO_COLD_STARTS,
    )
    seconds = f"({of_each_process()})"
    in_inits, in_requests = (
        by_version("sum", q.total(selected, q.JOB, q.INSTANCE), selected)
        for selected in (INIT_SECONDS, REQUEST_SECONDS)
    )
    each = (
        by_version("count", seconds, COLD_SECONDS),
        by_version("avg", seconds, COLD_SECONDS),
        by_version("quantile 0.95", seconds, COLD_SECONDS),
        q.ratio(in_inits, in_requests),
    )
    columns = (
        Column(VERSION, "Version"),
        Column(value("A"), "Cold starts", decimals=0),
        Column(value("B"), "Mean", unit="s", decimals=2),
        Column(value("C"), "p95", unit="s", decimals=2),
        Column(value("D"), "Init share of requests", unit="percentunit", decimals=1),
    )
    return show_table(text, each, columns, sort="Version")
