"""Panels of what a process does once, of what stands still meanwhile, and of the model, which may be all there is."""

from __future__ import annotations

from autogen_vitals import semconv
from boards import queries as q
from boards.panels import Column, Panel, Query, Text, legend, median_and_p95, show_lines, show_stack, show_table, value

TYPE, KIND = q.label(semconv.COMPONENT_TYPE), q.label(semconv.COMPONENT_KIND)
START = q.label(semconv.START_TYPE)


# --- once ---------------------------------------------------------------------------------------------------------


def imports() -> Panel:
    text = Text(
        "Slowest imports",
        "The longest that any process took for it in this range, with what it imports in turn.",
        "import it where it is needed, or leave it out. A slow one that is fast on your machine is a slow disk.",
        "No import took 20 ms",
    )
    name = q.label(semconv.IMPORT_NAME)
    slowest = f"max by ({name}) (max_over_time({q.select(semconv.IMPORT_DURATION)}[{q.RANGE}]))"
    columns = (Column(name, "Import"), Column(value(), "Time", unit="s", decimals=1, width=110))
    return show_table(text, (f"topk(15, {slowest})",), columns, sort="Time")


def warm_up() -> Panel:
    text = Text(
        "First-use warm-up",
        "What a first model call does once: lazy imports and the building of models, on the event loop.",
        "await autogen_vitals.warm_up(client) at start-up: it takes as long, and nobody waits.",
        "No first model call around here",
    )
    return show_lines(
        text,
        *median_and_p95(semconv.STARTUP_DURATION, STARTUP_STAGE='="warm_up"'),
        unit="s",
    )


def first_tool_use() -> Panel:
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


def connect_duration() -> Panel:
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


def connects() -> Panel:
    text = Text(
        "Connections",
        "Connections opened: on first use and later ones, and those that failed.",
        "later ones in great number mean that each call connects: share one client, and give it a keep-alive that "
        "outlives the pauses between requests.",
        "No connection was opened",
    )
    metric = semconv.CONNECT_DURATION_METRIC
    opened = q.select(metric, "count", CONNECT_STAGE='="dns_tcp"', ERROR_TYPE='=""')
    failed = q.select(metric, "count", ERROR_TYPE='!=""')
    first_use, error = q.label(semconv.FIRST_USE), q.label(semconv.ERROR_TYPE)
    return show_stack(
        text,
        Query(q.total(opened, first_use, window=q.STEP), f"opened, first use: {legend(semconv.FIRST_USE)}"),
        Query(q.total(failed, error, window=q.STEP), f"failed: {legend(semconv.ERROR_TYPE)}"),
        unit="short",
    )


def loop_blocked() -> Panel:
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
        calcs=("max",),
    )


# --- the model ----------------------------------------------------------------------------------------------------


def model_calls() -> Panel:
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


def first_chunk() -> Panel:
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


def tokens() -> Panel:
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


def runs() -> Panel:
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
        many=True,
    )
