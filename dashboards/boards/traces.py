"""TraceQL: tables of spans. A click on a span's id opens its trace."""

from __future__ import annotations

import re

from grafana_foundation_sdk.builders import table, tempo
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig
from grafana_foundation_sdk.models.tempo import SearchTableType

from boards.panels import Column, Panel, Text, with_columns

TEMPO = DataSourceRef("tempo", "${tempo}")
INSTANCE = "service.instance.id"
CHOSEN = f'resource.{INSTANCE} =~ "$instance"'
"""What the variable means for spans: Prometheus's instance is the resource's service.instance.id."""

TRACE_NAME, SPAN_NAME, DURATION = "Trace Name", "Name", "Duration"
"""Columns that Grafana adds to the attributes. It names them, and shows all of them unless it is told otherwise."""
ALWAYS = (
    Column("Trace Service", "Service", width=100),
    Column("Span ID", "Span", width=170),
    Column("Start time", "Start", width=185),
)
OTHERS = (TRACE_NAME, SPAN_NAME, DURATION, INSTANCE)


def show_traces(text: Text, condition: str, *columns: Column, limit: int = 20) -> Panel:
    """Spans of a kind in the chosen instances, with some of their attributes, or of the columns that Grafana adds."""
    asked = [f"span.{column.field}" for column in columns if column.field not in OTHERS]
    # Of a span that was not asked for its name there is none.
    selected = ", ".join(["name"] * any(column.field == SPAN_NAME for column in columns) + asked)
    query = tempo.Dataquery().ref_id("A").query_type("traceql").datasource(TEMPO).limit(limit).spss(3)
    query = query.query(f"{{ {condition} && {CHOSEN} }} | select({selected})").table_type(SearchTableType.SPANS)
    shown = (*ALWAYS, *columns)
    fields = [column.field for column in shown]
    # What the search has as a condition is answered too. And of lists Grafana shows nothing: they are no columns.
    others = (*OTHERS, *re.findall(r"span\.([\w.]+)", condition))
    # Not by a list of what stays: a hidden column has what the link of a span needs.
    arranged = DataTransformerConfig(
        "organize",
        options={
            "excludeByName": {name: True for name in others if name not in fields},
            "indexByName": {name: index for index, name in enumerate(fields)},
            "renameByName": {column.field: column.title for column in shown},
        },
    )
    panel = table.Panel().show_header(True).filterable(True).with_target(query).with_transformation(arranged)
    panel = panel.title(text.title).description(text.description).datasource(TEMPO).no_value(text.no_value)
    return with_columns(panel, shown)
