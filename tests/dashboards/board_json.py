"""The boards as Grafana reads them: panels, what they ask for, and what becomes of variables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "dashboards" / "grafana"
ALL = ".+"


@dataclass(frozen=True)
class Target:
    """One query of one panel.

    Attributes:
        source: ``prometheus`` or ``tempo``.
        instant: asks for one moment, and not for the whole range.
        adds_up: of each interval of the range; the panel says what they are together.
    """

    board: str
    panel: str
    ref_id: str
    source: str
    query: str
    instant: bool
    adds_up: bool

    @property
    def key(self) -> tuple[str, str, str]:
        return self.board, self.panel, self.ref_id

    def __str__(self) -> str:
        return f"{self.board} · {self.panel} · {self.ref_id}"


@cache
def boards() -> tuple[dict[str, Any], ...]:
    """The JSON of every board that is committed."""
    return tuple(json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json")))


def targets() -> list[Target]:
    """Every query of every panel of every board."""
    return [target for board in boards() for panel in _panels(board) for target in _targets(board, panel)]


def variables() -> list[tuple[str, str, str]]:
    """Board, name and query of every variable that asks the data source."""
    return [
        (board["uid"], variable["name"], _query_of(variable))
        for board in boards()
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    ]


def annotations() -> list[tuple[str, str, str]]:
    """Board, name and query of every annotation that asks the data source."""
    return [
        (board["uid"], annotation["name"], annotation["expr"])
        for board in boards()
        for annotation in board.get("annotations", {}).get("list", [])
        if annotation.get("expr")
    ]


def filled_in(query: str, **values: str) -> str:
    """The query with every ``$name`` and ``${name}`` replaced.

    Raises:
        KeyError: it has one that nobody gave a value.
    """
    return re.sub(
        r"\$(?:\{([a-zA-Z_]\w*)(?::\w+)?\}|([a-zA-Z_]\w*))", lambda found: values[found[1] or found[2]], query
    )


def _panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for panel in board["panels"]:
        yield from panel.get("panels", []) if panel["type"] == "row" else [panel]


def _targets(board: dict[str, Any], panel: dict[str, Any]) -> Iterator[Target]:
    for target in panel.get("targets", []):
        source = (target.get("datasource") or panel["datasource"])["type"]
        query = target["expr"] if source == "prometheus" else target["query"]
        sums = "sum" in panel["options"].get("legend", {}).get("calcs", []) and "$__interval" in query
        yield Target(board["uid"], panel["title"], target["refId"], source, query, bool(target.get("instant")), sums)


def _query_of(variable: dict[str, Any]) -> str:
    query = variable["query"]
    return query if isinstance(query, str) else query["query"]
