"""AutoGen / Crashes: what fails or dies, when in its life, in which worker, and what to do."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from autogen_vitals import semconv
from boards import queries as q
from boards.board import CRASHES_PAGE, RULE_PAGE, Board
from boards.findings import RULE, RULE_COLUMN
from boards.panels import (
    NONE_IS_GOOD,
    Column,
    Panel,
    Query,
    Text,
    legend,
    show_bars,
    show_stack,
    show_stat,
    show_table,
    value,
)
from boards.remedies import CATEGORY_REMEDIES, EXIT_REMEDIES
from boards.traces import DURATION, TRACE_NAME, show_traces

CATEGORY, PHASE, ERROR = q.label(semconv.CRASH_CATEGORY), q.label(semconv.PHASE), q.label(semconv.ERROR_TYPE)
REASON, OBSERVER = q.label(semconv.EXIT_REASON), q.label(semconv.EXIT_OBSERVED_BY)
PID, SERVER = q.label(semconv.PROCESS_PID), q.label(semconv.WORKER_SERVER)

CRASHES = q.select(semconv.CRASHES)
EXITS = q.select(semconv.PROCESS_EXITS)
BOOT_FAILURES = q.select(semconv.PROCESS_EXITS, EXIT_REASON='="boot_failure"')
EARLY_EXITS = q.select(semconv.PROCESS_EXITS, PHASE='=~"import|startup"')
REQUESTS = q.select(semconv.REQUEST_DURATION, "count")
WORKERS = q.select(semconv.WORKER_INFO)
NO_CRASHES = "No crash in this range"
NO_EXITS = "No process ended that should not have"
NO_TELEMETRY = "No AutoGen process has exported anything in this range"
MATRIX_CORNER = f"{CATEGORY}\\{PHASE}"
"""What Grafana calls the first column of a matrix."""


def build() -> Board:
    board = Board(
        "autogen-crashes",
        "AutoGen / Crashes",
        "Exceptions that got out and processes that died: what, when in their life, where, and what to do.",
    )
    board.row(
        "Is it broken now?",
        (crashes(), 6, 4),
        (crashing_workers(), 6, 4),
        (died_before_serving(), 6, 4),
        (crash_free(), 6, 4),
    )
    board.row(
        "What fails",
        (what_to_do(), 24, 9),
        (by_category(), 14, 9),
        (category_and_phase(), 10, 9),
    )
    board.row("Where", (by_worker(), 16, 9), (one_or_many(), 8, 9))
    board.row(
        "Processes that died",
        (exits(), 24, 7),
        (exits_over_time(), 18, 8),
        (without_record(), 6, 8),
    )
    board.row("Traces", (crash_traces(), 24, 9))
    return board


# --- is it broken now ---------------------------------------------------------------------------------------------


def crashes() -> Panel:
    text = Text(
        "Crashes",
        "Exceptions that ended an init, a run, a request, an import, a thread or a process; and processes that ended "
        "and should not have. A process that an exception ended is in both.",
        "What to do below has a line for each kind.",
        NO_TELEMETRY,
    )
    return show_stat(
        text,
        Query(q.or_zero(q.total(CRASHES)), "exceptions"),
        Query(q.or_zero(q.total(EXITS)), "processes that died"),
        unit="short",
        thresholds=NONE_IS_GOOD,
        decimals=0,
    )


def crashing_workers() -> Panel:
    text = Text(
        "Crashing workers",
        "Processes in which at least one exception got out. All of them: code or configuration. One of many: what it "
        "shares, or its machine.",
        "By worker below says which.",
        NO_TELEMETRY,
    )
    crashed = f"count({q.total(CRASHES, q.JOB, q.INSTANCE)} > 0)"
    return show_stat(text, Query(q.or_zero(crashed), "workers"), unit="short", thresholds=NONE_IS_GOOD, decimals=0)


def died_before_serving() -> Panel:
    text = Text(
        "Died before serving",
        "Processes that ended while they imported the app or started up. Several in a row are a crash loop.",
        "it is mostly a key, a module or a configuration: What to do says which. Counted by whoever saw it, so choose "
        "all instances.",
        NO_TELEMETRY,
    )
    died = q.aggregated("sum", f"({q.counted(BOOT_FAILURES)} or {q.counted(EARLY_EXITS)})")
    return show_stat(text, Query(q.or_zero(died), "died"), unit="short", thresholds=NONE_IS_GOOD, decimals=0)


def crash_free() -> Panel:
    text = Text(
        "Crash-free requests",
        "Requests that used AutoGen and did not end with an exception. Those that died with their process never ended, "
        "and are not in it.",
        "below 99 %, see What to do: shared teams and agents, and upstream limits, are the usual reasons.",
        "No request used AutoGen in this range",
    )
    failed = q.total(q.select(semconv.REQUEST_DURATION, "count", ERROR_TYPE='!=""'))
    share = f"1 - {q.ratio(q.or_zero(failed), q.total(REQUESTS))}"
    thresholds = ((None, "red"), (0.95, "orange"), (0.99, "green"))
    return show_stat(text, Query(share, "crash-free"), unit="percentunit", thresholds=thresholds, decimals=2)


# --- what fails ---------------------------------------------------------------------------------------------------


def what_to_do() -> Panel:
    text = Text(
        "What to do",
        "Exceptions in this range by what they mean and their class, the most frequent first.",
        "the rule's page explains it, with the code that mends it; the category leads to how to read a crash.",
        NO_CRASHES,
    )
    columns = (
        Column(CATEGORY, "Category", link=("How to read a crash", f"{CRASHES_PAGE}#what-it-means"), width=190),
        Column(ERROR, "Exception", width=220),
        Column(value(), "Crashes", decimals=0, width=90),
        RULE_COLUMN,
        Column("remedy", "What to do", words={key: remedy.line for key, remedy in CATEGORY_REMEDIES.items()}),
    )
    counted = f"{q.total(CRASHES, CATEGORY, ERROR, RULE)} > 0"
    return show_table(text, (q.copied(counted, CATEGORY, "remedy"),), columns, sort="Crashes")


def by_category() -> Panel:
    text = Text(
        "Crashes by category",
        "Exceptions in each interval, by what they mean.",
        "what began with a deployment (blue line) came with it; what comes in bursts is upstream, or load.",
        NO_CRASHES,
    )
    counted = Query(f"{q.total(CRASHES, CATEGORY, window=q.STEP)} > 0", legend(semconv.CRASH_CATEGORY))
    return show_stack(text, counted, unit="short")


def category_and_phase() -> Panel:
    text = Text(
        "Category and phase",
        "When in the life of a process it fails: import and startup keep it from serving, request fails users, "
        "draining is the end of its life.",
        "import: configuration and image. request: shared state and upstream. draining: close clients in the lifespan.",
        NO_CRASHES,
    )
    matrix = DataTransformerConfig(
        "groupingToMatrix", options={"columnField": PHASE, "rowField": CATEGORY, "valueField": "Value"}
    )
    phases = ("import", "startup", "request", "background", "draining")
    columns = (
        Column(MATRIX_CORNER, "Category", width=190),
        *(Column(phase, phase, decimals=0) for phase in phases),
    )
    return show_table(text, (f"{q.total(CRASHES, CATEGORY, PHASE)} > 0",), columns, transformations=(matrix,))


# --- where --------------------------------------------------------------------------------------------------------


def by_worker() -> Panel:
    text = Text(
        "By worker",
        "Exceptions by the process they happened in. The pid of a process that died is on the event "
        "autogen.process.exit: who counts that is not the dead one.",
        "look for the pid in the logs, or for the instance in Tempo. One host of many: that machine; one version: "
        "roll it back.",
        NO_CRASHES,
    )
    crashed = f"({q.total(CRASHES, q.JOB, q.INSTANCE)} > 0)"
    named = q.joined(crashed, WORKERS, (PID, SERVER), CRASHES)
    placed = q.joined(named, q.info(), (q.HOST_NAME, q.SERVICE_VERSION), CRASHES)
    columns = (
        Column(value(), "Crashes", decimals=0, width=90),
        Column(PID, "Pid", width=90),
        Column(SERVER, "Server", width=110),
        Column(q.HOST_NAME, "Host"),
        Column(q.SERVICE_VERSION, "Version", width=110),
        Column(q.JOB, "Job", width=160),
        Column(q.INSTANCE, "Instance"),
    )
    return show_table(text, (placed,), columns, sort="Crashes")


def one_or_many() -> Panel:
    text = Text(
        "One worker or several",
        "Crashes in requests for each request, while one worker of the job was alive and while there were several.",
        "if only several fail, they share what they must not: a connection from before the fork, a folder, a port, a "
        "file. If both do, it is not the scaling.",
        "No request used AutoGen in this range",
    )
    return show_bars(
        text,
        *(Query(crashes_with(condition), name) for condition, name in (("== 1", "one"), ("> 1", "several"))),
        unit="percentunit",
        thresholds=((None, "green"), (0.001, "orange"), (0.05, "red")),
        decimals=2,
    )


def crashes_with(workers: str) -> str:
    """Crashes in requests for each request, minute by minute, in the minutes in which so many workers were alive."""
    alive = f"(count by ({q.JOB}) ({q.alive(WORKERS)}) {workers})"
    crashed = q.total(q.select(semconv.CRASHES, PHASE='="request"'), q.JOB, window="1m")
    requests = q.total(REQUESTS, q.JOB, window="1m")
    failed, served = (
        f"sum(sum_over_time(({each} and on ({q.JOB}) {alive})[{q.RANGE}:1m]))" for each in (crashed, requests)
    )
    return q.ratio(f"({failed} or 0 * {served})", served)


# --- processes ----------------------------------------------------------------------------------------------------


def exits() -> Panel:
    text = Text(
        "How processes died",
        "Processes that ended and should not have, by how, in which phase, and who saw it: their supervisor, another "
        "process of the service, the next start, or themselves.",
        "the rule's page explains it. What the dead one was doing, and its pid, is on the event autogen.process.exit, "
        "which is in the trace that it interrupted.",
        NO_EXITS,
    )
    columns = (
        Column(REASON, "Reason", link=("How to read a crash", f"{CRASHES_PAGE}#what-it-means"), width=130),
        Column(PHASE, "Phase", width=110),
        Column(OBSERVER, "Seen by", link=("Who sees it", f"{CRASHES_PAGE}#who-sees-it"), width=110),
        Column(value(), "Processes", decimals=0, width=125),
        Column(
            "rule",
            "Rule",
            words={reason: remedy.rule for reason, remedy in EXIT_REMEDIES.items()},
            link=("What it means, and what to do", RULE_PAGE),
            width=80,
        ),
        Column("remedy", "What to do", words={reason: remedy.line for reason, remedy in EXIT_REMEDIES.items()}),
    )
    counted = f"{q.total(EXITS, REASON, PHASE, OBSERVER)} > 0"
    return show_table(text, (q.copied(counted, REASON, "rule", "remedy"),), columns, sort="Processes")


def exits_over_time() -> Panel:
    text = Text(
        "Deaths over time",
        "Processes that ended and should not have, in each interval, by how.",
        "a regular beat is a limit that is reached again and again: memory, a timeout. A burst is a deployment or a "
        "node.",
        NO_EXITS,
    )
    counted = Query(f"{q.total(EXITS, REASON, window=q.STEP)} > 0", legend(semconv.EXIT_REASON))
    return show_stack(text, counted, unit="short")


def without_record() -> Panel:
    text = Text(
        "Without an exit record",
        "Live processes that keep no exit record: if they are killed, nobody can tell what they were doing.",
        "their log has one warning that says why: a read-only or full disk, no Linux, or EXIT_RECORD=false.",
        NO_TELEMETRY,
    )
    off = f"sum({q.alive(q.select(semconv.EXIT_RECORD_ENABLED))} == bool 0)"
    return show_stat(text, Query(off, "processes"), unit="short", thresholds=NONE_IS_GOOD, decimals=0)


def crash_traces() -> Panel:
    text = Text(
        "Crash traces",
        "Spans that ended with an exception, with what it means and the process it happened in.",
        "open one by its span's id: the innermost span with an exception has its stack.",
        "No crash in Tempo",
    )
    return show_traces(
        text,
        f"span.{semconv.CRASH_CATEGORY} != nil",
        Column(TRACE_NAME, "Trace"),
        Column(semconv.CRASH_CATEGORY, "Category", width=190),
        Column(semconv.ERROR_TYPE, "Exception", width=220),
        Column(semconv.PHASE, "Phase", width=100),
        Column(semconv.PROCESS_PID, "Pid", width=80),
        Column(DURATION, "Duration", width=110),
        limit=50,
    )
