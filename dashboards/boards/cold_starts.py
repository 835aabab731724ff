"""AutoGen / Cold starts: is it slow now, where does it go, what is built again, and is it not the model?"""

from __future__ import annotations

from autogen_vitals import semconv
from boards import queries as q
from boards.board import COLD_START_PAGE, RULE_PAGE, Board
from boards.panels import (
    Column,
    Query,
    Text,
    legend,
    show_bars,
    show_lines,
    show_stack,
    show_stat,
    show_table,
    value,
)
from boards.remedies import REBUILD_REMEDIES
from boards.traces import show_traces

STAGE, TYPE, KIND = q.label(semconv.STARTUP_STAGE), q.label(semconv.COMPONENT_TYPE), q.label(semconv.COMPONENT_KIND)
START, VERSION = q.label(semconv.START_TYPE), q.SERVICE_VERSION

COLD_STARTS = q.select(semconv.COLD_START_DURATION, "count")
COLD_SECONDS = q.select(semconv.COLD_START_DURATION, "sum")
REQUESTS = q.select(semconv.REQUEST_DURATION, "count")
REQUEST_SECONDS = q.select(semconv.REQUEST_DURATION, "sum")
INIT_SECONDS = q.select(semconv.REQUEST_INIT_DURATION_METRIC, "sum")
REINITS = q.select(semconv.REINITS)
NO_COLD_STARTS = "No process finished a cold start in this range"
NO_REQUESTS = "No request used AutoGen in this range"


def of_each_process() -> str:
    """Seconds of each cold start: a process has one, so that what its histogram has summed is its duration."""
    return f"{q.total(COLD_SECONDS, q.JOB, q.INSTANCE)} > 0"


def by_version(vector: str) -> str:
    return q.joined(vector, q.info(), (VERSION,), COLD_SECONDS)


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
        (duration(), 12, 8),
        (slow_traces(), 12, 8),
        (versions(), 24, 6),
    )
    board.row(
        "What is built, and built again",
        (init_duration(), 12, 9),
        (init_share_over_time(), 12, 9),
        (reinits_by_component(), 12, 9),
        (built_again(), 12, 9),
    )
    board.row("What requests pay", (start_types(), 12, 9), (latency(), 12, 9))
    board.row(
        "What is done once, and what stands still",
        (imports(), 8, 10),
        (warm_up(), 8, 10),
        (first_tool_use(), 8, 10),
        (connect_duration(), 8, 9),
        (connects(), 8, 9),
        (loop_blocked(), 8, 9),
    )
    board.row("Or is it the model?", (model_calls(), 8, 9), (first_chunk(), 8, 9), (tokens(), 8, 9), (runs(), 24, 9))
    return board


# --- is it slow now -----------------------------------------------------------------------------------------------


def cold_starts():
    text = Text(
        "Cold starts",
        "Processes that finished their first AutoGen request in this range. Each paid for its start alone.",
        "many of them without a deployment mean that processes do not live long: see the Workers board. Keep a minimum "
        "of replicas, and recycle workers less often.",
        NO_COLD_STARTS,
    )
    return show_stat(text, Query(q.or_zero(q.total(COLD_STARTS)), "cold starts"), unit="short", decimals=0)


def slowest():
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


def init_share():
    text = Text(
        "Init share of request time",
        "Of the time that requests took, the part that went into building clients, agents and tools.",
        "above a tenth, look at Built again below: a model client is built once a process, not once a request.",
        NO_REQUESTS,
    )
    share = q.ratio(q.total(INIT_SECONDS), q.total(REQUEST_SECONDS))
    thresholds = ((None, "green"), (0.1, "orange"), (0.3, "red"))
    return show_stat(text, Query(share, "init share"), unit="percentunit", thresholds=thresholds, decimals=1)


def reinits():
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


def stages():
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


def stages_over_time():
    text = Text(
        "Stages of cold starts over time",
        "Mean seconds of the cold starts that ended in each interval, by stage, one on top of the other.",
        "a stage that grew with a deployment (blue line) is what that deployment brought; one that grows when many "
        "processes start at once is short of CPU.",
        NO_COLD_STARTS,
    )
    seconds = q.total(q.select(semconv.STARTUP_DURATION, "sum"), STAGE, window=q.STEP)
    share = q.each_ratio(seconds, q.total(COLD_STARTS, window=q.STEP))
    return show_stack(text, Query(share, legend(semconv.STARTUP_STAGE)), unit="s", calcs=("mean", "max"))


def duration():
    text = Text(
        "Cold start duration",
        "Median and p95 of the cold starts that ended around each point, by server. The diamonds are single ones.",
        "click a diamond to open the request that ended that start, and follow its link to the trace of the start.",
        NO_COLD_STARTS,
    )
    server = q.label(semconv.WORKER_SERVER)
    return show_lines(
        text,
        *(
            Query(
                q.quantile(quantile, semconv.COLD_START_DURATION, server),
                f"{legend(semconv.WORKER_SERVER)} {name}",
                exemplars=quantile == 0.95,
            )
            for quantile, name in ((0.5, "p50"), (0.95, "p95"))
        ),
        unit="s",
    )


def slow_traces():
    text = Text(
        "Slow cold starts",
        "Starts of more than 5 s: each is a trace of its own, with its imports and inits as spans.",
        "open one by its trace id. Its longest span is what to mend.",
        "No cold start of more than 5 s in Tempo",
    )
    condition = f'name = "{semconv.STARTUP_SPAN.name}" && span.{semconv.STARTUP_TOTAL} > 5'
    return show_traces(
        text,
        condition,
        semconv.STARTUP_TOTAL,
        *(semconv.startup_attribute(stage) for stage in ("imports", "init", "warm_up", "model_wait")),
        semconv.PROCESS_PID,
        semconv.WORKER_SERVER,
    )


def versions():
    text = Text(
        "Before and after: by version",
        "The same figures for each service.version in this range: what a deployment changed.",
        "set service.version (OTEL_RESOURCE_ATTRIBUTES) if there is only one row without a name; choose a range with "
        "the deployment in it.",
        NO_COLD_STARTS,
    )
    seconds = by_version(f"({of_each_process()})")
    each = (
        q.aggregated("count", seconds, VERSION),
        q.aggregated("avg", seconds, VERSION),
        q.aggregated("quantile 0.95", seconds, VERSION),
        q.aggregated("sum", by_version(q.total(INIT_SECONDS, q.JOB, q.INSTANCE)), VERSION)
        + f"\n/ ({q.aggregated('sum', by_version(q.total(REQUEST_SECONDS, q.JOB, q.INSTANCE)), VERSION)} > 0)",
    )
    columns = (
        Column(VERSION, "Version"),
        Column(value("A"), "Cold starts", decimals=0),
        Column(value("B"), "Mean", unit="s", decimals=2),
        Column(value("C"), "p95", unit="s", decimals=2),
        Column(value("D"), "Init share of requests", unit="percentunit", decimals=1),
    )
    return show_table(text, each, columns, sort="Version")


# --- what is built ------------------------------------------------------------------------------------------------


def init_duration():
    text = Text(
        "Init duration by component",
        "Median and p95 of inits, by class. That of a model client is 40 to 70 ms of TLS context, on the event loop.",
        "what takes more than 50 ms belongs into the start-up. Click a diamond for the span, which has file and line.",
        "Nothing was built around here",
    )
    return show_lines(
        text,
        *(
            Query(
                q.quantile(quantile, semconv.INIT_DURATION, TYPE),
                f"{legend(semconv.COMPONENT_TYPE)} {name}",
                exemplars=quantile == 0.95,
            )
            for quantile, name in ((0.5, "p50"), (0.95, "p95"))
        ),
        unit="s",
    )


def init_share_over_time():
    text = Text(
        "Init share of request time over time",
        "Of the seconds that requests took, the part spent in inits, by start type. A cold request may build.",
        "of rebuild it is what you can save: build the client once for each process.",
        NO_REQUESTS,
    )
    share = q.ratio(q.total(INIT_SECONDS, START, window=q.SMOOTH), q.total(REQUEST_SECONDS, START, window=q.SMOOTH))
    return show_lines(text, Query(share, legend(semconv.START_TYPE)), unit="percentunit", calcs=("mean", "max"))


def reinits_by_component():
    text = Text(
        "Re-inits per request by component",
        "How often each class is built again, for each request.",
        "1 of a model client is one in each request: share it. 1 of an agent is one agent for each request, as it "
        "should be.",
        "Nothing was built again",
    )
    share = q.each_ratio(q.total(REINITS, TYPE, window=q.SMOOTH), q.total(REQUESTS, window=q.SMOOTH))
    return show_lines(text, Query(share, legend(semconv.COMPONENT_TYPE)), unit="short", calcs=("mean", "max"))


def built_again():
    text = Text(
        "Built again",
        "Re-inits in this range, and the seconds spent in them, without those of others inside: the column adds up.",
        "begin with the most seconds. The rule's page has the code for it.",
        "Nothing was built again",
    )
    rebuilt = [
        q.twice(f"{q.total(selected, KIND, TYPE)} > 0", KIND) for selected in (REINITS, q.select(semconv.REINIT_TIME))
    ]
    columns = (
        Column(KIND, "Component", width=120),
        Column(TYPE, "Class"),
        Column(value("A"), "Re-inits", decimals=0, width=90),
        Column(value("B"), "Seconds", unit="s", decimals=3, width=90),
        Column(
            "rule",
            "Rule",
            words={kind: remedy.rule for kind, remedy in REBUILD_REMEDIES.items()},
            link=("What it means, and what to do", RULE_PAGE),
            width=80,
        ),
        Column("remedy", "What to do", words={kind: remedy.line for kind, remedy in REBUILD_REMEDIES.items()}),
    )
    return show_table(text, rebuilt, columns, sort="Seconds")


# --- what requests pay --------------------------------------------------------------------------------------------


def start_types():
    text = Text(
        "Start types",
        "What requests paid: cold (the first of its process), rebuild (a client was built again), reconnect (a new "
        "connection), warm (nothing).",
        "most should be warm. rebuild: share the client; reconnect: a longer keep-alive; cold: fewer, longer-lived "
        "processes, or warm_up at start-up.",
        NO_REQUESTS,
    )
    counted = Query(q.total(REQUESTS, START, window=q.STEP), legend(semconv.START_TYPE))
    return show_stack(text, counted, unit="short", in_percent=True)


def latency():
    text = Text(
        "Latency by start type",
        "Median and p95 of requests, by what they paid. The distance to warm is what starting costs a user.",
        "cold far above warm: warm_up at start-up, a minimum of replicas. No distance: it is the model, see below.",
        NO_REQUESTS,
    )
    return show_lines(
        text,
        *(
            Query(
                q.quantile(quantile, semconv.REQUEST_DURATION, START),
                f"{legend(semconv.START_TYPE)} {name}",
                exemplars=quantile == 0.95,
            )
            for quantile, name in ((0.5, "p50"), (0.95, "p95"))
        ),
        unit="s",
    )


# --- once ---------------------------------------------------------------------------------------------------------


def imports():
    text = Text(
        "Slowest imports",
        "The longest that any process took for it in this range, with what it imports in turn.",
        "import it where it is needed, or leave it out. A slow one that is fast on your machine is a slow disk.",
        "No import took 20 ms",
    )
    name = q.label(semconv.IMPORT_NAME)
    slowest = f"max by ({name}) (max_over_time({q.select(semconv.IMPORT_DURATION)}[{q.RANGE}]))"
    columns = (Column(name, "Import"), Column(value(), "Seconds", unit="s", decimals=3, width=110))
    return show_table(text, (f"topk(15, {slowest})",), columns, sort="Seconds")


def warm_up():
    text = Text(
        "First-use warm-up",
        "What a first model call does once: lazy imports and the building of models, on the event loop.",
        "await autogen_vitals.warm_up(client) at start-up: it takes as long, and nobody waits.",
        "No first model call around here",
    )
    return show_lines(
        text,
        *(
            Query(
                q.quantile(quantile, semconv.STARTUP_DURATION, STARTUP_STAGE='="warm_up"'),
                name,
                exemplars=quantile == 0.95,
            )
            for quantile, name in ((0.5, "p50"), (0.95, "p95"))
        ),
        unit="s",
    )


def first_tool_use():
    text = Text(
        "Tools: first call and later ones",
        "p95 of tool calls, the first of each tool in a process and those after it.",
        "what only the first one pays, a session or a model that is loaded, belongs into the start-up.",
        "No tool was called around here",
    )
    return show_lines(
        text,
        *(
            Query(q.quantile(0.95, semconv.EXECUTE_TOOL_DURATION, FIRST_USE=f'="{first}"'), name, exemplars=True)
            for first, name in (("true", "first call p95"), ("false", "later p95"))
        ),
        unit="s",
    )


def connect_duration():
    text = Text(
        "Connecting",
        "p95 of opening a connection inside a model call, a tool call or an init: name look-up and TCP, and TLS.",
        "long look-ups are DNS, long handshakes are distance or CPU; open the connection at start-up with warm_up.",
        "No connection was opened around here",
    )
    stage = q.label(semconv.CONNECT_STAGE)
    by = (KIND, stage)
    return show_lines(
        text,
        Query(
            q.quantile(0.95, semconv.CONNECT_DURATION_METRIC, *by),
            f"{legend(semconv.COMPONENT_KIND, semconv.CONNECT_STAGE)} p95",
            exemplars=True,
        ),
        unit="s",
    )


def connects():
    text = Text(
        "Connections",
        "Connections opened: on first use and later ones, and those that failed.",
        "later ones in great number mean that each call connects: share one client, and give it a keep-alive that "
        "outlives the pauses between requests.",
        "No connection was opened",
    )
    first = q.label(semconv.FIRST_USE)
    metric = semconv.CONNECT_DURATION_METRIC
    opened = q.select(metric, "count", CONNECT_STAGE='="dns_tcp"', ERROR_TYPE='=""')
    failed = q.select(metric, "count", ERROR_TYPE='!=""')
    return show_stack(
        text,
        Query(q.total(opened, first, window=q.STEP), f"opened, first use {legend(semconv.FIRST_USE)}"),
        Query(q.total(failed, q.label(semconv.ERROR_TYPE), window=q.STEP), f"failed: {legend(semconv.ERROR_TYPE)}"),
        unit="short",
    )


def loop_blocked():
    text = Text(
        "Event loop blocked",
        "Seconds for which event loops stood still, 200 ms or more at a time: every other request waited meanwhile.",
        "click a diamond: the run's span has an event with the line that blocked. Await it, or asyncio.to_thread.",
        "No event loop stood still",
    )
    metric = semconv.LOOP_BLOCKED_DURATION_METRIC
    return show_lines(
        text,
        Query(q.total(q.select(metric, "sum"), window=q.STEP), "in total"),
        Query(q.quantile(0.95, metric), "at a time, p95", exemplars=True),
        unit="s",
        calcs=("sum", "max"),
    )


# --- the model ----------------------------------------------------------------------------------------------------


def model_calls():
    text = Text(
        "Model calls by start type",
        "p95 of model calls, connecting and warm-up included.",
        "if it is as long when warm, it is not the start: a smaller prompt, streaming, another model or provider.",
        "No model call around here",
    )
    by = (START, q.label(semconv.GEN_AI_REQUEST_MODEL))
    return show_lines(
        text,
        Query(
            q.quantile(0.95, semconv.CLIENT_OPERATION_DURATION, *by),
            f"{legend(semconv.GEN_AI_REQUEST_MODEL, semconv.START_TYPE)} p95",
            exemplars=True,
        ),
        unit="s",
    )


def first_chunk():
    text = Text(
        "Time to first chunk",
        "p95 of the wait until a streamed reply begins, by start type.",
        "cold far above warm is warm-up and connecting, which warm_up at start-up takes away; the rest is the model's.",
        "No streamed reply around here",
    )
    return show_lines(
        text,
        Query(
            q.quantile(0.95, semconv.CLIENT_TIME_TO_FIRST_CHUNK, START),
            f"{legend(semconv.START_TYPE)} p95",
            exemplars=True,
        ),
        unit="s",
    )


def tokens():
    text = Text(
        "Tokens per model call",
        "Mean tokens of a call, read and written. Longer prompts and replies take longer, cold or warm.",
        "a prompt that grows with each turn wants a bounded model context.",
        "No model said how many tokens it used",
    )
    by = (q.label(semconv.GEN_AI_REQUEST_MODEL), q.label(semconv.GEN_AI_TOKEN_TYPE))
    return show_lines(
        text,
        Query(
            q.mean(semconv.CLIENT_TOKEN_USAGE, *by),
            legend(semconv.GEN_AI_REQUEST_MODEL, semconv.GEN_AI_TOKEN_TYPE),
        ),
        unit="short",
        calcs=("mean", "max"),
    )


def runs():
    text = Text(
        "Runs by start type",
        "p95 of agent and team runs, by what their request paid.",
        "compare cold and rebuild with warm: the distance is what start-up work inside requests costs.",
        "No run around here",
    )
    return show_lines(
        text,
        *(
            Query(
                q.quantile(0.95, metric, TYPE, START),
                f"{name} {legend(semconv.COMPONENT_TYPE, semconv.START_TYPE)} p95",
                exemplars=True,
            )
            for metric, name in ((semconv.INVOKE_WORKFLOW_DURATION, "team"), (semconv.INVOKE_AGENT_DURATION, "agent"))
        ),
        unit="s",
    )
