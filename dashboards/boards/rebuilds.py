"""Panels of what is built, built again, and what requests pay for that."""

from __future__ import annotations

from autogen_vitals import semconv
from autogen_vitals.vocabulary import StartType
from boards import queries as q
from boards.board import RULE_PAGE
from boards.panels import (
    Column,
    Panel,
    Query,
    Text,
    legend,
    median_and_p95,
    show_lines,
    show_stack,
    show_table,
    value,
    with_override,
)
from boards.remedies import REBUILD_REMEDIES

TYPE, KIND = q.label(semconv.COMPONENT_TYPE), q.label(semconv.COMPONENT_KIND)
START = q.label(semconv.START_TYPE)

REQUESTS = q.select(semconv.REQUEST_DURATION, "count")
REQUEST_SECONDS = q.select(semconv.REQUEST_DURATION, "sum")
INIT_SECONDS = q.select(semconv.REQUEST_INIT_DURATION_METRIC, "sum")
REINITS = q.select(semconv.REINITS)
NO_REQUESTS = "No request used AutoGen in this range"

START_COLORS: dict[StartType, str] = {"cold": "blue", "rebuild": "red", "reconnect": "orange", "warm": "green"}
"""The same everywhere: what is to be less, and what is to be more."""


# --- what is built ------------------------------------------------------------------------------------------------


def init_duration() -> Panel:
    text = Text(
        "Init duration by component",
        "Median and p95 of inits, by class. That of a model client is 40 to 70 ms of TLS context, on the event loop.",
        "what takes more than 50 ms belongs into the start-up. Click a diamond for the span, which has file and line.",
        "Nothing was built around here",
    )
    return show_lines(
        text,
        *median_and_p95(semconv.INIT_DURATION, semconv.COMPONENT_TYPE),
        unit="s",
        many=True,
    )


def init_share_over_time() -> Panel:
    text = Text(
        "Init share of request time over time",
        "Of the seconds that requests took, the part spent in inits, by start type. A cold request may build.",
        "of rebuild it is what you can save: build the client once for each process.",
        NO_REQUESTS,
    )
    share = q.ratio(q.total(INIT_SECONDS, START, window=q.SMOOTH), q.total(REQUEST_SECONDS, START, window=q.SMOOTH))
    named = Query(share, legend(semconv.START_TYPE))
    return colored(show_lines(text, named, unit="percentunit", calcs=("mean", "max"), many=True))


def reinits_by_component() -> Panel:
    text = Text(
        "Re-inits per request by component",
        "How often each class is built again, for each request.",
        "1 of a model client is one in each request: share it. 1 of an agent is one agent for each request, as it "
        "should be.",
        "Nothing was built again",
    )
    share = q.each_ratio(q.total(REINITS, TYPE, window=q.SMOOTH), q.total(REQUESTS, window=q.SMOOTH))
    named = Query(share, legend(semconv.COMPONENT_TYPE))
    return show_lines(text, named, unit="short", calcs=("mean", "max"))


def built_again() -> Panel:
    text = Text(
        "Built again",
        "Re-inits in this range, and the time spent in them, without that of others inside: the column adds up.",
        "begin with the most time. The rule's page has the code for it.",
        "Nothing was built again",
    )
    rebuilt = [
        q.copied(f"{q.total(selected, KIND, TYPE)} > 0", KIND, "rule", "remedy")
        for selected in (REINITS, q.select(semconv.REINIT_TIME))
    ]
    columns = (
        Column(KIND, "Component", width=140),
        Column(TYPE, "Class", width=260),
        Column(value("A"), "Re-inits", decimals=0, width=100),
        Column(value("B"), "Time", unit="s", decimals=1, width=100),
        Column(
            "rule",
            "Rule",
            words={kind: remedy.rule for kind, remedy in REBUILD_REMEDIES.items()},
            link=("What it means, and what to do", RULE_PAGE),
            width=80,
        ),
        Column("remedy", "What to do", words={kind: remedy.line for kind, remedy in REBUILD_REMEDIES.items()}),
    )
    return show_table(text, rebuilt, columns, sort="Time")


# --- what requests pay --------------------------------------------------------------------------------------------


def start_types() -> Panel:
    text = Text(
        "Start types",
        "What requests paid: cold (the first of its process), rebuild (a client was built again), reconnect (a new "
        "connection), warm (nothing).",
        "most should be warm. rebuild: share the client; reconnect: a longer keep-alive; cold: fewer, longer-lived "
        "processes, or warm_up at start-up.",
        NO_REQUESTS,
    )
    counted = Query(q.total(REQUESTS, START, window=q.STEP), legend(semconv.START_TYPE))
    return colored(show_stack(text, counted, unit="short", in_percent=True, many=True))


def latency() -> Panel:
    text = Text(
        "Latency by start type",
        "Median and p95 of requests, by what they paid. The distance to warm is what starting costs a user.",
        "cold far above warm: warm_up at start-up, a minimum of replicas. No distance: it is the model, see below.",
        NO_REQUESTS,
    )
    panel = show_lines(text, *median_and_p95(semconv.REQUEST_DURATION, semconv.START_TYPE), unit="s", many=True)
    return colored(colored(panel, " p50", "light-"), " p95")


def colored(panel: Panel, after: str = "", before: str = "") -> Panel:
    """Each start type in its colour: series are named by it, with something after it, colours with something before."""
    for start_type, color in START_COLORS.items():
        panel = with_override(panel, f"{start_type}{after}", color={"mode": "fixed", "fixedColor": f"{before}{color}"})
    return panel
