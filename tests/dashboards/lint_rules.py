"""Rules for dashboards: those of Grafana's dashboard-linter, by its names. Each is a function from a board to faults.

The linter itself is a Go program. Its rules are at https://github.com/grafana/dashboard-linter/tree/main/docs/rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql
import yaml

Json = dict[str, Any]

EXCLUSIONS = Path(__file__).parents[2] / "dashboards" / ".lint"

WINDOWS = {"$__rate_interval": "181s", "$__interval": "17s", "$__range": "3607s"}
"""What a window is taken for while a query is parsed: each another, so that they can be told apart."""

UNITS = {"none", "short", "percentunit", "s", "dateTimeFromNow"}
"""Of the ids that Grafana has, those that we use."""

DRAWN = {"stat", "gauge", "bargauge", "table", "timeseries", "state-timeline"}


class Fault(NamedTuple):
    """What is wrong, and where: in a panel, unless it is the board."""

    panel: str
    message: str


Rule = Callable[[Json], Iterator[Fault]]
RULES: dict[str, Rule] = {}


def rule(function: Rule) -> Rule:
    """Make it one of the rules, by its name in the linter's spelling."""
    RULES[function.__name__.replace("_", "-") + "-rule"] = function
    return function


def excluded(name: str, board: Json, fault: Fault) -> bool:
    """Whether the file ``.lint`` says that this is to be so."""
    exclusion = yaml.safe_load(EXCLUSIONS.read_text(encoding="utf-8"))["exclusions"].get(name)
    if exclusion is None:
        return False
    where = {"dashboard": board["title"], "panel": fault.panel}
    return not exclusion.get("entries") or where in exclusion["entries"]


# --- parts of a board ---------------------------------------------------------------------------------------------


def panels(board: Json) -> list[Json]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def variables(board: Json, kind: str) -> dict[str, Json]:
    return {variable["name"]: variable for variable in board["templating"]["list"] if variable["type"] == kind}


def source(panel: Json, target: Json) -> str:
    return (target.get("datasource") or panel["datasource"])["type"]


def queries(board: Json) -> Iterator[tuple[Json, Json, str]]:
    """Panel, target and PromQL, with windows and variables filled in, of everything that Prometheus is asked."""
    for panel in panels(board):
        for target in panel.get("targets", []):
            if source(panel, target) == "prometheus":
                yield panel, target, filled_in(target["expr"])


def filled_in(expression: str) -> str:
    for name, window in WINDOWS.items():
        expression = expression.replace(name, window)
    return expression


def nodes(expression: str) -> Iterator[tuple[Any, list[Any]]]:
    """Each node of a query, with those that it is inside of. None of what does not parse, which is another rule's."""
    try:
        root = promql.parse(expression)
    except ValueError:
        return
    pending: list[tuple[Any, list[Any]]] = [(root, [])]
    while pending:
        node, outside = pending.pop()
        yield node, outside
        inner = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector", "param")]
        inner += getattr(node, "args", [])
        pending += [(child, [*outside, node]) for child in inner if child is not None]


def selectors(expression: str) -> Iterator[tuple[Any, list[Any]]]:
    return ((node, outside) for node, outside in nodes(expression) if isinstance(node, promql.VectorSelector))


# --- the linter's -------------------------------------------------------------------------------------------------


@rule
def template_datasource(board: Json) -> Iterator[Fault]:
    """There is one variable for a data source, datasource, with its label."""
    found = {name: variable.get("label") for name, variable in variables(board, "datasource").items()}
    if found != {"datasource": "Data source"}:
        yield Fault("", f"data source variables are {found}, should be datasource, labelled Data source")


def _template(board: Json, name: str) -> Iterator[Fault]:
    variable = variables(board, "query").get(name)
    if variable is None:
        yield Fault("", f"there is no variable {name}")
        return
    wanted = {"label": name.capitalize(), "multi": True, "includeAll": True, "allValue": ".+"}
    for key, value in wanted.items():
        if variable.get(key) != value:
            yield Fault("", f"variable {name} has {key} {variable.get(key)!r}, should be {value!r}")
    if variable["datasource"]["uid"] != "${datasource}":
        yield Fault("", f"variable {name} does not use the variable datasource")


@rule
def template_job(board: Json) -> Iterator[Fault]:
    """There is a variable job, for any number of them."""
    yield from _template(board, "job")


@rule
def template_instance(board: Json) -> Iterator[Fault]:
    """There is a variable instance, for any number of them."""
    yield from _template(board, "instance")


@rule
def template_label_promql(board: Json) -> Iterator[Fault]:
    """What variables ask for can be parsed."""
    for name, variable in variables(board, "query").items():
        found = re.fullmatch(r"label_values\((.+), *\w+\)", variable["query"])
        if found is None or not list(nodes(found[1])):
            yield Fault("", f"variable {name} asks for {variable['query']!r}")


@rule
def template_on_time_change_reload(board: Json) -> Iterator[Fault]:
    """Variables are asked for again when the time range changes."""
    for name, variable in variables(board, "query").items():
        if variable.get("refresh") != 2:
            yield Fault("", f"variable {name} has refresh {variable.get('refresh')}, should be 2")


@rule
def panel_datasource(board: Json) -> Iterator[Fault]:
    """Panels and targets use the variables for data sources."""
    allowed = {f"${{{name}}}" for name in variables(board, "datasource")}
    for panel in panels(board):
        for used in (panel, *panel.get("targets", [])):
            if (used.get("datasource") or {}).get("uid") not in allowed:
                yield Fault(panel["title"], f"uses the data source {used.get('datasource')}")


@rule
def panel_title_description(board: Json) -> Iterator[Fault]:
    """Panels have a title and a description."""
    for panel in panels(board):
        if not panel.get("title") or not panel.get("description"):
            yield Fault(panel.get("title", ""), f"panel {panel.get('id')} has no title or no description")


@rule
def panel_units(board: Json) -> Iterator[Fault]:
    """Panels have a unit, of the whole or of some field, that Grafana knows."""
    for panel in panels(board):
        units = {
            item["value"]
            for override in panel["fieldConfig"]["overrides"]
            for item in override["properties"]
            if item["id"] == "unit"
        } | {panel["fieldConfig"]["defaults"].get("unit")} - {None}
        if panel["type"] in DRAWN and (not units or units - UNITS):
            yield Fault(panel["title"], f"has the units {units}")


@rule
def panel_no_targets(board: Json) -> Iterator[Fault]:
    """Panels ask for something."""
    for panel in panels(board):
        if panel["type"] in DRAWN and not panel.get("targets"):
            yield Fault(panel["title"], "asks for nothing")


@rule
def target_promql(board: Json) -> Iterator[Fault]:
    """Queries can be parsed."""
    for panel, target, expression in queries(board):
        try:
            promql.parse(expression)
        except ValueError as error:
            yield Fault(panel["title"], f"{target['refId']}: {error}")


@rule
def target_rate_interval(board: Json) -> Iterator[Fault]:
    """rate() and irate() are of $__rate_interval."""
    for panel, target, expression in queries(board):
        for node, outside in nodes(expression):
            if not isinstance(node, promql.MatrixSelector) or not isinstance(outside[-1], promql.Call):
                continue
            if outside[-1].func.name in {"rate", "irate"} and node.range.total_seconds() != 181:
                yield Fault(panel["title"], f"{target['refId']}: {outside[-1].func.name} of {node.range}")


def _matched(board: Json, label: str) -> Iterator[Fault]:
    for panel, target, expression in queries(board):
        for selector, _ in selectors(expression):
            matchers = {(found.name, str(found.op), found.value) for found in selector.matchers.matchers}
            if (label, str(promql.MatchOp.Re), f"${label}") not in matchers:
                yield Fault(panel["title"], f'{target["refId"]}: {selector} has no {label}=~"${label}"')


@rule
def target_job(board: Json) -> Iterator[Fault]:
    """Everything is selected by job."""
    yield from _matched(board, "job")


@rule
def target_instance(board: Json) -> Iterator[Fault]:
    """Everything is selected by instance."""
    yield from _matched(board, "instance")


@rule
def target_counter_agg(board: Json) -> Iterator[Fault]:
    """Counters are inside rate(), irate() or increase()."""
    for panel, target, expression in queries(board):
        for selector, outside in selectors(expression):
            call = outside[-2] if len(outside) > 1 else None
            counted = isinstance(call, promql.Call) and call.func.name in {"rate", "irate", "increase"}
            if selector.name.endswith("_total") and not counted:
                yield Fault(panel["title"], f"{target['refId']}: {selector}")


@rule
def target_logql(board: Json) -> Iterator[Fault]:
    """LogQL can be parsed: there is none, for nothing here could."""
    for panel in panels(board):
        for target in panel.get("targets", []):
            if source(panel, target) == "loki":
                yield Fault(panel["title"], f"{target['refId']}: LogQL, which nothing here can parse")


@rule
def target_logql_auto(board: Json) -> Iterator[Fault]:
    """LogQL has windows of $__auto."""
    for panel in panels(board):
        for target in panel.get("targets", []):
            windows = re.findall(r"\[(?!\$__auto\])[^\]]*\]", target.get("expr", ""))
            if source(panel, target) == "loki" and windows:
                yield Fault(panel["title"], f"{target['refId']}: {windows}")


@rule
def uneditable_dashboard(board: Json) -> Iterator[Fault]:
    """Boards are not edited in place: what is provisioned would be lost."""
    if board.get("editable") is not False:
        yield Fault("", "can be edited in place")
