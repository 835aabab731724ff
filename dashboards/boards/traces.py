"""TraceQL: tables of traces. A click on a trace's id opens it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import table, tempo
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.tempo import SearchTableType

from boards.panels import Panel, Text

TEMPO = DataSourceRef("tempo", "${tempo}")
CHOSEN = 'resource.service.instance.id =~ "$instance"'
"""What the variable means for spans: Prometheus's instance is the resource's service.instance.id."""


def show_traces(text: Text, condition: str, *attributes: str, limit: int = 20) -> Panel:
    """Spans of a kind in the chosen instances, with some of their attributes."""
    selected = ", ".join(f"span.{attribute}" for attribute in attributes)
    query = tempo.Dataquery().ref_id("A").query_type("traceql").datasource(TEMPO).limit(limit).spss(3)
    query = query.query(f"{{ {condition} && {CHOSEN} }} | select({selected})").table_type(SearchTableType.SPANS)
    panel = table.Panel().show_header(True).filterable(True).with_target(query)
    return panel.title(text.title).description(text.description).datasource(TEMPO).no_value(text.no_value)
