"""Panels of findings: which rules have fired, at which line, in which worker, and what is to be changed."""

from __future__ import annotations

from typing import Final

from autogen_vitals import semconv
from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.vocabulary import Severity
from boards import queries as q
from boards.board import RULE_PAGE
from boards.panels import NONE_IS_GOOD, Column, Panel, Query, Text, legend, show_stack, show_stat, show_table, value
from boards.traces import DURATION, SPAN_NAME, TRACE_NAME, show_traces

RULE, SEVERITY = q.label(semconv.FINDING_RULE), q.label(semconv.FINDING_SEVERITY)
SITE = q.label(semconv.FINDING_SITE)
PID, SERVER = q.label(semconv.PROCESS_PID), q.label(semconv.WORKER_SERVER)

FINDINGS = q.select(semconv.FINDINGS)
BREAKING = q.select(semconv.FINDINGS, FINDING_SEVERITY='=~"error|critical"')
WORKERS = q.select(semconv.WORKER_INFO)
NO_FINDINGS = "No rule has fired in this range"

WORST_FIRST: Final[tuple[Severity, ...]] = ("critical", "error", "warning", "info")
RANK, NAME, REMEDY = "rank", "name", "remedy"
"""Labels that the query of a table makes itself."""

RULE_COLUMN = Column(RULE, "Rule", link=("What it means, and what to do", RULE_PAGE), width=80)
NAMES = {rule.id: rule.name for rule in catalogue().values()}
REMEDIES = {rule.id: rule.remedy for rule in catalogue().values()}


def breaking() -> Panel:
    text = Text(
        "Findings that break something",
        "Times that a rule of severity error or critical has fired. Not all of it raises an exception: two users in "
        "one agent's conversation, or two processes on one connection, answer as if nothing were wrong.",
        "What to change below has the rule and the line.",
        "No AutoGen process has exported anything in this range",
    )
    return show_stat(
        text, Query(q.or_zero(q.total(BREAKING)), "findings"), unit="short", thresholds=NONE_IS_GOOD, decimals=0
    )


def what_to_change() -> Panel:
    text = Text(
        "What to change",
        "Rules that have fired in this range, by line of the app, the worst first. critical keeps breaking everything, "
        "error breaks something, warning costs time; info is worth knowing and no more.",
        "begin at the top. The line is the one that is to be changed, the rule's page has the code for it. The "
        "evidence is on the event autogen.finding.",
        NO_FINDINGS,
    )
    fired = f"{q.total(FINDINGS, RULE, SEVERITY, SITE)} > 0"
    columns = (
        Column(RANK, "Severity", words={str(rank): word for rank, word in enumerate(WORST_FIRST)}, width=90),
        RULE_COLUMN,
        Column(NAME, "Name", words=NAMES, width=230),
        Column(SITE, "Line", width=240),
        Column(value(), "Times", decimals=0, width=80),
        Column(REMEDY, "What to do", words=REMEDIES),
    )
    return show_table(
        text, (f"sort_desc({q.copied(ranked(fired), RULE, NAME, REMEDY)})",), columns, sort="Severity", rising=True
    )


def ranked(fired: str) -> str:
    """With a label by which the worst come first: as words, a warning would be last."""
    for rank, severity in enumerate(WORST_FIRST):
        fired = f'label_replace({fired}, "{RANK}", "{rank}", "{SEVERITY}", "{severity}")'
    return fired


def by_worker() -> Panel:
    text = Text(
        "Findings by worker",
        "Rules that have fired, by the process that tells of it: of the end of a process that is another one, and one "
        "that never used AutoGen has no pid here.",
        "in all workers: code or configuration. In one of many: what only that one did, or was asked for.",
        NO_FINDINGS,
    )
    fired = f"({q.total(FINDINGS, q.JOB, q.INSTANCE, RULE)} > 0)"
    named = q.joined(fired, WORKERS, (PID, SERVER), FINDINGS)
    columns = (
        RULE_COLUMN,
        Column(NAME, "Name", words=NAMES, width=230),
        Column(value(), "Times", decimals=0, width=80),
        Column(PID, "Pid", width=80),
        Column(SERVER, "Server", width=100),
        Column(q.JOB, "Job", width=140),
        Column(q.INSTANCE, "Instance"),
    )
    return show_table(text, (q.copied(named, RULE, NAME),), columns, sort="Times")


def over_time() -> Panel:
    text = Text(
        "Findings over time by rule",
        "Times that each rule has fired, in each interval.",
        "what began with a deployment (blue line) came with it. What goes on at a steady rate is in each request.",
        NO_FINDINGS,
    )
    fired = Query(f"{q.total(FINDINGS, RULE, window=q.STEP)} > 0", legend(semconv.FINDING_RULE))
    return show_stack(text, fired, unit="short", many=True)


def traces() -> Panel:
    text = Text(
        "Traces with findings",
        "Spans that a rule has fired about: an init, a run, or the request that it was in.",
        f"open one by its span's id: its attribute {semconv.FINDING_IDS} has the rules, which is a list and so no "
        "column here. For one of them only, put its id into the search in place of AG.*.",
        "No finding in Tempo",
    )
    return show_traces(
        text,
        f'span.{semconv.FINDING_IDS} =~ "AG.*"',
        Column(TRACE_NAME, "Trace"),
        Column(SPAN_NAME, "What", width=260),
        Column(semconv.COMPONENT_TYPE, "Class", width=220),
        Column(semconv.PROCESS_PID, "Pid", width=80),
        Column(DURATION, "Duration", width=110),
        limit=50,
    )
