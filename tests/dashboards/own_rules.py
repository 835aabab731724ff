"""Rules for dashboards that Grafana's linter does not have. They are added to those of ``lint_rules``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser as promql
from catalogue import emitted, unknown
from lint_rules import Fault, Json, filled_in, nodes, panels, queries, rule, selectors, variables

from autogen_vitals import semconv
from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.semconv.spans import SPANS
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, NOT_CRASHES

UIDS = {"autogen-cold-starts", "autogen-crashes", "autogen-workers"}
TARGET_INFO = {"target_info": {"job", "instance", "service_version", "host_name"}}
"""What is not ours: the resource's attributes that the boards use."""
COPIES = {"rule", "remedy", "name", "rank"}
"""Labels that a query makes itself."""
ATTRIBUTES = {attribute.name for attribute in semconv.ATTRIBUTES}
FOLDER = Path(__file__).parents[2] / "docs"
LINK = re.compile(r"\$\{docs\}/[^)\s\"]*")
PAGES = re.compile(r"\$\{docs\}/(rules/(AG\d{3}|\$\{__value\.text\})\.md|(crashes|cold-start)\.md(#[a-z-]+)?)")
RULE_LABEL = "autogen_finding_rule"
RULE_ID = re.compile(r"AG\d{3}")


@rule
def identity(board: Json) -> Iterator[Fault]:
    """A board has its own fixed uid, no id, and what all three have in common."""
    wanted = {"id": None, "tags": ["autogen", "opentelemetry"], "graphTooltip": 1}
    for key, value in wanted.items():
        if board.get(key, "none") != value:
            yield Fault("", f"{key} is {board.get(key, 'none')!r}, should be {value!r}")
    if board["uid"] not in UIDS:
        yield Fault("", f"uid {board['uid']} is not one of {sorted(UIDS)}")
    if {"datasource", "tempo"} != variables(board, "datasource").keys() or "docs" not in variables(board, "textbox"):
        yield Fault("", "the variables datasource, tempo and docs are not all there")


@rule
def links(board: Json) -> Iterator[Fault]:
    """A board links the others by tag, and takes range and variables along."""
    wanted = {"type": "dashboards", "tags": ["autogen", "opentelemetry"], "keepTime": True, "includeVars": True}
    if not any(all(link.get(key) == value for key, value in wanted.items()) for link in board["links"]):
        yield Fault("", f"no link by tag that keeps range and variables: {board['links']}")


@rule
def four_stats(board: Json) -> Iterator[Fault]:
    """The first row is at most four stats, and nothing but stats."""
    first = []
    for panel in board["panels"][1:]:
        if panel["type"] == "row":
            break
        first.append(panel["type"])
    if board["panels"][0]["type"] != "row" or not first or set(first) != {"stat"} or len(first) > 4:
        yield Fault("", f"begins with {first}")


@rule
def unique_panel(board: Json) -> Iterator[Fault]:
    """Titles and ids are there once."""
    for key in ("title", "id"):
        found = [panel.get(key) for panel in board["panels"]]
        for value in {value for value in found if found.count(value) > 1 or value is None}:
            yield Fault("", f"{key} {value!r} is not there once")


@rule
def grid(board: Json) -> Iterator[Fault]:
    """Panels are inside the grid, and not on top of each other."""
    taken: dict[tuple[int, int], str] = {}
    for panel in board["panels"]:
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24 or min(at["w"], at["h"]) < 1:
            yield Fault(panel["title"], f"is at {at}")
        cells = [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]
        others = {taken[cell] for cell in cells if cell in taken}
        if others:
            yield Fault(panel["title"], f"is on top of {sorted(others)}")
        taken.update(dict.fromkeys(cells, panel["title"]))


@rule
def what_to_do(board: Json) -> Iterator[Fault]:
    """A description says what it means, and ends with what to do."""
    for panel in panels(board):
        means, _, todo = panel["description"].partition("\n\n**What to do:** ")
        if len(means) < 30 or len(todo) < 20 or not todo.endswith("."):
            yield Fault(panel["title"], f"description: {panel['description']!r}")


@rule
def no_value(board: Json) -> Iterator[Fault]:
    """A panel without data says what that means."""
    for panel in panels(board):
        if len(panel["fieldConfig"]["defaults"].get("noValue", "")) < 8:
            yield Fault(panel["title"], "says nothing when there is no data")


@rule
def legend(board: Json) -> Iterator[Fault]:
    """Series have names, made of labels that they have; a panel's columns are labels or values."""
    for panel in panels(board):
        for target in panel["targets"]:
            named = target.get("legendFormat", "")
            if "expr" in target and target.get("format") != "table":
                strange = set(re.findall(r"{{(\w+)}}", named)) - _labels(filled_in(target["expr"]))
                if not named or strange:
                    yield Fault(panel["title"], f"{target['refId']}: {named!r} with {strange or 'nothing'}")


@rule
def column(board: Json) -> Iterator[Fault]:
    """A table's columns are labels that its queries have, or their values."""
    for panel in panels(board):
        asked = [target for target in panel["targets"] if "expr" in target]
        if panel["type"] != "table" or not asked:
            continue
        refs = {f"Value #{target['refId']}" for target in asked} if len(asked) > 1 else {"Value"}
        known = refs.union(*(_labels(filled_in(target["expr"])) for target in asked))
        transformations = {each["id"]: each["options"] for each in panel["transformations"]}
        shown = set(transformations["filterFieldsByName"]["include"]["names"])
        if matrix := transformations.get("groupingToMatrix"):
            known = {f"{matrix['rowField']}\\{matrix['columnField']}", *_PHASES}
            shown |= {
                name
                for name in (matrix["rowField"], matrix["columnField"])
                if name not in _labels(filled_in(asked[0]["expr"]))
            }
        if shown - known or not (refs & shown or matrix):
            yield Fault(panel["title"], f"columns {sorted(shown - known)} of nothing")


@rule
def table_unit(board: Json) -> Iterator[Fault]:
    """Units of tables are the columns': one of the whole would make hours of a pid."""
    for panel in panels(board):
        if panel["type"] == "table" and "unit" in panel["fieldConfig"]["defaults"]:
            yield Fault(panel["title"], "has a unit for all columns")


@rule
def known_name(board: Json) -> Iterator[Fault]:
    """Every series and label that is asked for is one that the package emits."""
    series = {**emitted(), **TARGET_INFO}
    asked = [(panel["title"], f"{target['refId']}: ", expression) for panel, target, expression in queries(board)]
    for variable in variables(board, "query").values():
        selected, _, name = variable["query"].removeprefix("label_values(").removesuffix(")").rpartition(", ")
        asked.append(("", f"variable {variable['name']}: ", f"count by ({name}) ({selected})"))
    for annotation in board["annotations"]["list"]:
        asked.append(("", f"annotation {annotation['name']}: ", annotation["expr"]))
    for title, where, expression in asked:
        yield from (Fault(title, where + fault) for fault in unknown(expression, series))


@rule
def traceql(board: Json) -> Iterator[Fault]:
    """Spans and attributes that Tempo is asked for are ours, in the chosen instances."""
    spans = {span.name for span in SPANS}
    for panel in panels(board):
        for target in panel["targets"]:
            query = target.get("query")
            if query is None:
                continue
            strange = set(re.findall(r"span\.([\w.]+)", query)) - ATTRIBUTES
            strange |= set(re.findall(r'name = "([^"]+)"', query)) - spans
            if strange or 'resource.service.instance.id =~ "$instance"' not in query:
                yield Fault(panel["title"], f"{query} with {strange or 'every instance'}")


@rule
def counted(board: Json) -> Iterator[Fault]:
    """Counters and histograms are counted by the formula of ``boards.queries.counted``: ``increase()`` and ``rate()``
    make nothing of what is counted once in the life of a process. A gauge is none of them."""
    gauges = {name for name in emitted() if not name.endswith(("_total", "_bucket", "_count", "_sum"))}
    for panel, target, expression in queries(board):
        for selector, outside in selectors(expression):
            if selector.name in gauges | TARGET_INFO.keys() or any(_is_formula(node) for node in outside):
                continue
            if not _is_level(outside):
                yield Fault(panel["title"], f"{target['refId']}: {selector} is not counted by the formula")


@rule
def joined(board: Json) -> Iterator[Fault]:
    """Labels are joined from one series for each instance, ``topk by (job, instance) (1, …)``: two processes that share
    an identity must not fail the query."""
    for panel, target, expression in queries(board):
        for node, _ in nodes(expression):
            if not isinstance(node, promql.BinaryExpr) or not (node.modifier and node.modifier.group_labels):
                continue
            for selector, outside in selectors(node.rhs.prettify()):
                if selector.name.endswith("_info") and not any(_is_one_each(each) for each in outside):
                    yield Fault(panel["title"], f"{target['refId']}: {selector} is joined as it is")


@rule
def exemplar(board: Json) -> Iterator[Fault]:
    """Quantiles over time have exemplars, the median beside an upper one excepted."""
    for panel in panels(board):
        if panel["type"] != "timeseries":
            continue
        upper = [target for target in panel["targets"] if "histogram_quantile(0.95" in target.get("expr", "")]
        if not all(target.get("exemplar") for target in upper):
            yield Fault(panel["title"], "has a p95 without exemplars")


@rule
def page(board: Json) -> Iterator[Fault]:
    """What is linked is a rule's page, or one of the two that explain, and is there; every category, reason and rule
    has its words."""
    for panel in panels(board):
        urls = LINK.findall(panel["description"])
        for column, properties in overrides(panel).items():
            mapped = {key: each["text"] for key, each in _mapped(properties).items()}
            for link in properties.get("links", []):
                urls.append(link["url"])
                ids = mapped.values() if mapped or _field(panel, column) != RULE_LABEL else catalogue()
                if "__value.text" in link["url"] and not (ids and all(_is_rule(word) for word in ids if word)):
                    yield Fault(panel["title"], f"links the rules of {mapped}")
            for words in (CATEGORIES.keys(), EXIT_REASONS.keys() - NOT_CRASHES, catalogue().keys()):
                # timeout is both a category and a reason.
                if len(mapped.keys() & words) > 1 and words - mapped.keys():
                    yield Fault(panel["title"], f"says nothing of {sorted(words - mapped.keys())}")
        yield from (Fault(panel["title"], f"links {url}") for url in urls if not _is_page(url))


_PHASES = {"import", "startup", "request", "background", "draining"}


def _is_rule(word: str) -> bool:
    return RULE_ID.fullmatch(word) is not None and (FOLDER / "rules" / f"{word}.md").exists()


def _is_page(url: str) -> bool:
    """Of the form that it is to have; a file, and a heading in it, unless the cell says which."""
    if PAGES.fullmatch(url) is None:
        return False
    name, _, anchor = url.removeprefix("${docs}/").partition("#")
    if "${" in name:
        return True
    page = FOLDER / name
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8")) if page.exists() else []
    return bool(headings) and (not anchor or anchor in {heading.lower().replace(" ", "-") for heading in headings})


def _labels(expression: str) -> set[str]:
    series = {**emitted(), **TARGET_INFO}
    return COPIES.union(*(series.get(selector.name, ()) for selector, _ in selectors(expression)))


def overrides(panel: Json) -> dict[str, Json]:
    return {
        override["matcher"]["options"]: {each["id"]: each["value"] for each in override["properties"]}
        for override in panel["fieldConfig"]["overrides"]
    }


def _field(panel: Json, column: str) -> str:
    """What a column of a table was before it was given its name."""
    named = {each["id"]: each["options"] for each in panel.get("transformations", [])}.get("organize", {})
    return next((field for field, name in named.get("renameByName", {}).items() if name == column), "")


def _mapped(properties: Json) -> Json:
    return {key: each for mapping in properties.get("mappings", []) for key, each in mapping["options"].items()}


def _is_formula(node: Any) -> bool:
    """Whether it is what ``counted`` makes of one selector and one window, which the text below spells out."""
    if not isinstance(node, promql.BinaryExpr):
        return False
    found = re.match(r"increase\((?P<series>.+?)\[(?P<window>\w+)\]\)", str(node))
    if found is None:
        return False
    series, window = found["series"], found["window"]
    formula = promql.parse(
        f"increase({series}[{window}]) and resets({series}[{window}]) > 0"
        f" or max_over_time({series}[{window}]) - {series} offset {window} >= 0 or max_over_time({series}[{window}])"
    )
    return str(formula) == str(node)


def _is_level(outside: list[Any]) -> bool:
    """A value, and not a count: the sum of a histogram that has one measurement, at its largest; or whose series are
    merely there."""
    return any(isinstance(node, promql.AggregateExpr) and str(node.op) in {"max", "group"} for node in outside) and any(
        isinstance(node, promql.Call) and node.func.name == "max_over_time" for node in outside
    )


def _is_one_each(node: Any) -> bool:
    return (
        isinstance(node, promql.AggregateExpr)
        and str(node.op) == "topk"
        and node.modifier is not None
        and set(node.modifier.labels) == {"job", "instance"}
        and node.param.prettify() == "1"
    )
