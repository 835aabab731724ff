"""What the three boards have in common: variables, links, and how their rows are laid out."""

from __future__ import annotations

import json
from typing import Any

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableHide,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from autogen_vitals import semconv
from boards.panels import PROMETHEUS
from boards.queries import INSTANCE, JOB, SERVICE_VERSION, TARGET_INFO, series

TAGS = ("autogen", "opentelemetry")

DOCS = "/public/autogen-vitals/docs"
"""Where the pages are that panels link to, unless the variable ``docs`` of a board says otherwise. A path is one of
Grafana's own server, which has them where they are mounted into its folder ``public``."""
RULE_PAGES = "${docs}/rules"
RULE_PAGE = f"{RULE_PAGES}/${{__value.text}}.md"
"""Of the rule whose id the cell shows."""
CRASHES_PAGE = "${docs}/crashes.md"
COLD_START_PAGE = "${docs}/cold-start.md"

PRESENCE = series(semconv.EXIT_RECORD_ENABLED)
"""Every process that has anything to say has this, one that dies while it imports its app too."""


class Board:
    """A dashboard in the making."""

    def __init__(self, uid: str, title: str, description: str) -> None:
        self.uid = uid
        self._panels = 0
        self._builder = (
            dashboard.Dashboard(title)
            .uid(uid)
            .description(description)
            .tags(list(TAGS))
            .tooltip(DashboardCursorSync.CROSSHAIR)
            .time("now-3h", "now")
            .timezone("browser")
            .refresh("1m")
            .readonly()
            .link(_links())
            .annotation(_new_version())
        )
        for variable in _variables():
            self._builder.with_variable(variable)

    def row(self, title: str, *panels: tuple[Any, int, int]) -> Board:
        """Add a row of panels, each with its width (of 24) and its height."""
        self._panels += 1
        self._builder.with_row(dashboard.Row(title).id(self._panels))
        for panel, width, height in panels:
            self._panels += 1
            self._builder.with_panel(panel.id(self._panels).span(width).height(height))
        return self

    def as_json(self) -> str:
        """Classic JSON, as it is committed."""
        board = json.loads(json.dumps(self._builder.build(), cls=JSONEncoder))
        # Grafana's own, on import; and where links have always been, not in a menu.
        board["id"] = None
        for item in (*board["links"], *board["annotations"]["list"]):
            item.pop("placement", None)
        return json.dumps(board, indent=2, ensure_ascii=False) + "\n"


def _variables() -> list[Any]:
    return [
        dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"),
        dashboard.DatasourceVariable("tempo").label("Traces").type("tempo"),
        _query_variable(JOB, f"label_values({PRESENCE}, {JOB})").label("Job"),
        _query_variable(INSTANCE, f'label_values({PRESENCE}{{{JOB}=~"$job"}}, {INSTANCE})').label("Instance"),
        dashboard.TextBoxVariable("docs")
        .label("Docs")
        .description("Where the pages of autogen-vitals are that rule ids link to; without a slash at the end")
        .hide(VariableHide.HIDE_VARIABLE)
        .default_value(DOCS)
        .current(VariableOption(selected=True, text=DOCS, value=DOCS)),
    ]


def _query_variable(name: str, query: str) -> dashboard.QueryVariable:
    return (
        dashboard.QueryVariable(name)
        .query(query)
        .datasource(PROMETHEUS)
        .multi(True)
        .include_all(True)
        .all_value(".+")
        .current(VariableOption(selected=True, text=["All"], value=["$__all"]))
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
    )


def _links() -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("AutoGen")
        .type(DashboardLinkType.DASHBOARDS)
        .icon("external link")
        .tags(list(TAGS))
        .as_dropdown(True)
        .keep_time(True)
        .include_vars(True)
    )


def _new_version() -> dashboard.AnnotationQuery:
    versions = f'count by ({JOB}, {SERVICE_VERSION}) ({TARGET_INFO}{{{JOB}=~"$job", {SERVICE_VERSION}!=""}}'
    return (
        dashboard.AnnotationQuery()
        .name("New version")
        .datasource(DataSourceRef("prometheus", "${datasource}"))
        .enable(True)
        .icon_color("blue")
        .expr(f"{versions}) unless {versions} offset 1m)")
        .step("60s")
        .title_format("New version")
        .text_format(f"{{{{{JOB}}}}} {{{{{SERVICE_VERSION}}}}}")
    )
