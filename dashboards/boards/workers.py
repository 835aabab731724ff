"""AutoGen / Workers: who is alive, for how long, who does the work, and what is to be changed."""

from __future__ import annotations

from grafana_foundation_sdk.models.dashboard import DataTransformerConfig

from autogen_vitals import semconv
from autogen_vitals.vocabulary import StartupStage
from boards import findings, queries as q
from boards.board import RULE_PAGES, Board
from boards.panels import (
    GOOD,
    NEUTRAL,
    NONE_IS_GOOD,
    Column,
    Panel,
    Query,
    Text,
    legend,
    show_bars,
    show_points,
    show_stat,
    show_table,
    show_timeline,
    value,
    with_override,
)

PID, SERVER = q.label(semconv.PROCESS_PID), q.label(semconv.WORKER_SERVER)
PARENT, CREATED = q.label(semconv.PROCESS_PARENT_PID), q.label(semconv.PROCESS_CREATION_TIME)

WORKERS = q.select(semconv.WORKER_INFO)
COLD_SECONDS = q.select(semconv.COLD_START_DURATION, "sum")
NO_WORKERS = "No process that uses AutoGen has exported anything"

BOOT_STAGES: tuple[StartupStage, ...] = ("spawn", "instrumentation", "imports", "init", "ready", "gc")
"""What a process goes through until it is ready. (Of imports and garbage collections some may be later.)"""


def build() -> Board:
    board = Board(
        "autogen-workers",
        "AutoGen / Workers",
        "The processes that use AutoGen: who is alive, for how long, who does the work, and what is to be changed.",
    )
    board.row(
        "Is it broken now?", (alive(), 6, 4), (restarts(), 6, 4), (duplicates(), 6, 4), (findings.breaking(), 6, 4)
    )
    board.row(
        "Findings",
        (findings.what_to_change(), 24, 10),
        (findings.by_worker(), 14, 9),
        (findings.over_time(), 10, 9),
        (findings.traces(), 24, 9),
    )
    board.row("Each worker", (lifetimes(), 20, 9), (youngest(), 4, 9), (each_worker(), 24, 11))
    board.row("All of them together", (boot_contention(), 12, 9), (runs(), 12, 9))
    return board


def alive() -> Panel:
    text = Text(
        "Alive",
        f"Processes that have used AutoGen and exported metrics within {q.ALIVE}.",
        "fewer than you run: the others have not served AutoGen yet, or do not export. None at all: look at the "
        "exporter's endpoint.",
        NO_WORKERS,
    )
    return show_stat(text, Query(f"count({q.alive(WORKERS)})", "alive"), unit="short", thresholds=GOOD, decimals=0)


def restarts() -> Panel:
    text = Text(
        "Restarts",
        "Processes that began to use AutoGen in this range, and those that are gone since. As many gone as came: they "
        "were replaced.",
        "outside a deployment, see the Crashes board for those that died; else it is recycling (--max-requests) or an "
        "autoscaler: each of them costs a cold start.",
        NO_WORKERS,
    )
    return show_stat(
        text,
        Query(q.or_zero(f"count{q.born(WORKERS)}"), "came"),
        Query(q.or_zero(f"count(last_over_time({WORKERS}[{q.RANGE}]) unless {q.alive(WORKERS)})"), "gone"),
        unit="short",
        thresholds=NEUTRAL,
        decimals=0,
    )


def youngest() -> Panel:
    text = Text(
        "Youngest worker",
        "How long ago the youngest live worker first exported; as long as the range, if all are older.",
        "if it stays young, workers do not live long enough to be warm: see Restarts.",
        NO_WORKERS,
    )
    seen = f"time() - max({q.first_seen(WORKERS)} and {q.alive(WORKERS)})"
    return show_stat(text, Query(seen, "age"), unit="s", thresholds=((None, "orange"), (300, "green")), decimals=0)


def duplicates() -> Panel:
    text = Text(
        "Duplicate identities",
        "Instances that two live processes share. What they count overwrites each other, and every number on these "
        f"boards is wrong. A process that was just replaced under the same identity shows for {q.ALIVE}.",
        "do not set service.instance.id for all workers alike, and use an SDK from 1.43 on "
        f"([rule AG801]({RULE_PAGES}/AG801.md)).",
        NO_WORKERS,
    )
    shared = f"sum(count by ({q.JOB}, {q.INSTANCE}) ({q.alive(WORKERS)}) > bool 1)"
    return show_stat(text, Query(shared, "shared"), unit="short", thresholds=NONE_IS_GOOD, decimals=0)


def lifetimes() -> Panel:
    text = Text(
        "Lifetimes",
        "A row for each process, from its first to its last export.",
        "short rows one after the other are a crash loop or recycling; rows that end together are a deployment or a "
        "node.",
        NO_WORKERS,
    )
    lives = f"max by ({q.JOB}, {PID}, {SERVER}, {q.INSTANCE}, {CREATED}) ({q.alive(WORKERS)})"
    # Prometheus orders series by their labels in alphabetical order, and Grafana leaves them so: by the server, and now
    # by age; without this by the instance, which says nothing.
    lives = f'label_replace({lives}, "created", "$1", "{CREATED}", "(.*)")'
    return show_timeline(text, Query(lives, legend(semconv.PROCESS_PID, semconv.WORKER_SERVER)), words={"1": "alive"})


def each_worker() -> Panel:
    text = Text(
        "Workers",
        "Every process of this range: when it was created, how long it took to its first answer, what it built, "
        "did and broke.",
        "look for the one that differs. Re-inits: see Cold starts. Crashes in one of many: see By worker, on Crashes.",
        NO_WORKERS,
    )
    asked = (
        q.one_for_each_instance(WORKERS),
        f"max by ({q.INSTANCE}) (max_over_time({COLD_SECONDS}[{q.RANGE}]))",
        q.total(q.select(semconv.INIT_DURATION, "count"), q.INSTANCE),
        q.total(q.select(semconv.REINITS), q.INSTANCE),
        q.total(q.select(semconv.REQUEST_DURATION, "count"), q.INSTANCE),
        q.aggregated("sum", run_counts(), q.INSTANCE),
        q.total(q.select(semconv.CRASHES), q.INSTANCE),
        f"time() - max by ({q.INSTANCE}) ({q.first_seen(WORKERS)})",
        f"max by ({q.INSTANCE}) ({q.alive(WORKERS)})",
    )
    columns = (
        Column(PID, "Pid", width=80),
        Column(PARENT, "Parent", width=80),
        Column(SERVER, "Server", width=110),
        Column(value("I"), "Alive", words={"1": "yes"}, empty="no", width=70),
        Column(CREATED, "Created", unit="dateTimeFromNow", width=130),
        Column(value("H"), "Age", unit="s", decimals=0, width=90),
        Column(value("B"), "Cold start", unit="s", decimals=2, width=100),
        Column(value("C"), "Inits", decimals=0, width=80),
        Column(value("D"), "Re-inits", decimals=0, width=90),
        Column(value("E"), "Requests", decimals=0, width=100),
        Column(value("F"), "Runs", decimals=0, width=80),
        Column(value("G"), "Crashes", decimals=0, width=90, thresholds=NONE_IS_GOOD),
        Column(q.INSTANCE, "Instance"),
    )
    transformations = (
        DataTransformerConfig("joinByField", options={"byField": q.INSTANCE, "mode": "outer"}),
        DataTransformerConfig(
            "convertFieldType",
            options={"conversions": [{"targetField": CREATED, "destinationType": "time"}], "fields": {}},
        ),
    )
    return show_table(text, asked, columns, transformations=transformations, sort="Created")


def run_counts() -> str:
    """Runs of agents and of teams: two metrics, whose series differ in the operation."""
    agents, teams = (
        q.counted(q.select(metric, "count"))
        for metric in (semconv.INVOKE_AGENT_DURATION, semconv.INVOKE_WORKFLOW_DURATION)
    )
    return f"({agents} or {teams})"


def boot_contention() -> Panel:
    text = Text(
        "Boot time and booting workers",
        "Points: mean seconds until a worker was ready. Bars: how many finished their cold start in the same interval.",
        "if points rise with bars, workers that start together fight for CPU: start fewer at once, or give them more.",
        "No process finished a cold start in this range",
    )
    booted = q.total(q.select(semconv.COLD_START_DURATION, "count"), window=q.STEP)
    stages = q.select(semconv.STARTUP_DURATION, "sum", STARTUP_STAGE=f'=~"{"|".join(BOOT_STAGES)}"')
    panel = show_points(
        text,
        Query(q.ratio(q.total(stages, window=q.STEP), booted), "until ready"),
        Query(f"{booted} > 0", "workers"),
        unit="s",
        calcs=("mean", "max"),
    )
    return with_override(
        panel,
        "workers",
        unit="short",
        decimals=0,
        custom__drawStyle="bars",
        custom__fillOpacity=40,
        custom__showPoints="never",
        custom__axisPlacement="right",
    )


def runs() -> Panel:
    text = Text(
        "Runs by worker",
        "Agent and team runs of each process in this range.",
        "they should be alike. One that does all of it, and others that are cold: the load balancer keeps connections, "
        "or there are more workers than work.",
        "No run in this range",
    )
    counted = q.aggregated("sum", run_counts(), q.JOB, q.INSTANCE)
    named = q.joined(counted, WORKERS, (PID, SERVER), q.select(semconv.INVOKE_AGENT_DURATION, "count"))
    return show_bars(
        text, Query(f"sort_desc({named})", legend(semconv.PROCESS_PID, semconv.WORKER_SERVER)), unit="short", decimals=0
    )
