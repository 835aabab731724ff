"""Writes what Grafana would have got for each panel of each board: the answers of a real Prometheus about the scenario
that the tests hold the boards against, and of the searches for traces, in the frames of Grafana's data sources."""

from __future__ import annotations

import argparse
import json
import logging
import math
import re
import shutil
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import board_json
import history
import prometheus
import pytest
import scenario
import traceql
from board_json import ALL
from e2e.crashing import Once
from prometheus import Labels, Prometheus

from autogen_vitals import semconv
from autogen_vitals.local.receiver import ReceivedSpan

KEPT = Path(__file__).resolve().parents[2] / ".cache" / "pictures"
MINUTE = 60.0
WINDOWS = {"__interval": f"{MINUTE:.0f}s", "__rate_interval": f"{4 * MINUTE:.0f}s"}
"""What Grafana makes of a range of hours where processes export every minute."""

Frame = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(prog="make pictures", description=__doc__)
    parser.add_argument("--same", action="store_true", help="take the scenario that was played last")
    if not parser.parse_args().same:
        shutil.rmtree(KEPT, ignore_errors=True)
    # The stub model tells of each caller that is killed.
    logging.disable(logging.ERROR)
    KEPT.mkdir(parents=True, exist_ok=True)
    once = Once(KEPT)
    try:
        for name in ("prometheus", "promtool"):
            prometheus.tool(name)
        say("playing the scenario: real services that start, rebuild, fail and are killed (about a minute)")
        played = once.of("scenario", scenario.play)
        say("making the history of a Prometheus of it")
        written = once.of("history", lambda folder: write_history(played, folder))
        shutil.rmtree(KEPT / "served", ignore_errors=True)
        with history.serve(written, KEPT / "served") as server:
            source = Source(server, played)
            for board in board_json.boards():
                (KEPT / f"{board['uid']}.json").write_text(json.dumps(source.board(board)), encoding="utf-8")
                say(f"asked what {board['title']} asks")
    except pytest.skip.Exception as missing:
        sys.stderr.write(f"pictures: {missing}\n")
        return 1
    return 0


def say(text: str) -> None:
    sys.stdout.write(f"pictures: {text}\n")
    sys.stdout.flush()


def write_history(played: scenario.Played, folder: Path) -> Path:
    history.write(played, folder)
    return folder


class Source:
    """Grafana's data sources Prometheus and Tempo."""

    def __init__(self, server: Prometheus, played: scenario.Played) -> None:
        self._server = server
        self._clock = history.Clock(played)
        self._spans = played.arrived.spans
        begin = math.floor(self._clock.begin(played) / MINUTE) * MINUTE
        self._seconds = history.END - begin

    def board(self, board: dict[str, Any]) -> dict[str, Any]:
        """A board, the time that is looked at, and by panel's id its frames."""
        return {
            "board": board,
            "from": (history.END - self._seconds) * 1000,
            "to": history.END * 1000,
            "frames": {panel["id"]: self._frames(panel) for panel in board["panels"] if panel["type"] != "row"},
            "annotations": [
                {"time": moment * 1000, "color": annotation["iconColor"]}
                for annotation in board["annotations"]["list"]
                for line in self._draw(annotation["expr"])
                for moment, _ in line.points
            ],
        }

    def _frames(self, panel: dict[str, Any]) -> list[Frame]:
        targets = panel["targets"]
        if panel["datasource"]["type"] == "tempo":
            return [self._spans_table(target["query"], target["limit"]) for target in targets]
        return [frame for target in targets for frame in self._answer(target, alone=len(targets) == 1)]

    def _answer(self, target: dict[str, Any], *, alone: bool) -> list[Frame]:
        ref_id, legend = target["refId"], target.get("legendFormat", "")
        if not target["instant"]:
            return [series(ref_id, legend, line.labels, line.points) for line in self._draw(target["expr"])]
        samples = self._server.instant(self._filled_in(target["expr"]), history.END)
        if target.get("format") != "table":
            return [series(ref_id, legend, sample.labels, ((history.END, sample.value),)) for sample in samples]
        names = sorted({name for sample in samples for name in sample.labels})
        value = "Value" if alone else f"Value #{ref_id}"
        columns = [
            column("Time", "time", [history.END * 1000] * len(samples)),
            *(column(name, "string", [self._told(name, sample.labels) for sample in samples]) for name in names),
            column(value, "number", [number(sample.value) for sample in samples]),
        ]
        return [{"refId": ref_id, "fields": columns if samples else []}]

    def _draw(self, query: str) -> list[Any]:
        start = history.END - self._seconds
        return self._server.range(self._filled_in(query), start, history.END, MINUTE)

    def _filled_in(self, query: str) -> str:
        return board_json.filled_in(query, job=ALL, instance=ALL, __range=f"{self._seconds:.0f}s", **WINDOWS)

    def _told(self, name: str, labels: Labels) -> str | None:
        """A label; when a process was created, by the clock of the history."""
        value = labels.get(name)
        if value and name == semconv.PROCESS_CREATION_TIME.replace(".", "_"):
            created = datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
            return datetime.fromtimestamp(self._clock.at(int(created * 1e9))).astimezone().isoformat()
        return value

    def _spans_table(self, query: str, limit: int) -> Frame:
        """The columns of a search for spans, as Grafana's data source for Tempo makes them."""
        asked = traceql.parsed(board_json.filled_in(query, instance=ALL))
        found = sorted(asked.matching(self._spans), key=lambda span: -span.start_ns)[:limit]
        roots = {span.trace_id: span for span in self._spans if not span.parent_span_id}

        def of_root(read: Callable[[ReceivedSpan], str]) -> list[str]:
            return [read(roots[span.trace_id]) if span.trace_id in roots else "" for span in found]

        # Also what the search has as a condition.
        attributes = {field.partition(".")[2]: field for field in asked.fields if field != "name"}
        names = [span.name if "name" in asked.fields else "" for span in found]
        wide, hidden, link = {"width": 200}, {"hidden": True}, [{"title": "Span: ${__value.raw}", "url": "/explore"}]
        columns = [
            column("traceIdHidden", "string", [span.trace_id for span in found], custom=hidden),
            column("traceService", "string", of_root(_service), "Trace Service", custom=wide),
            column("traceName", "string", of_root(lambda span: span.name), "Trace Name", custom=wide),
            column("spanID", "string", [span.span_id for span in found], "Span ID", custom=wide, links=link),
            column("time", "time", [self._clock.at(span.start_ns) * 1000 for span in found], "Start time"),
            column("name", "string", names, "Name", custom={"hidden": not any(names)}),
            *(
                column(name, "string", [traceql.field_of(span, attributes[name]) for span in found], name)
                for name in sorted(attributes)
            ),
            column(
                "duration",
                "number",
                [span.end_ns - span.start_ns for span in found],
                "Duration",
                unit="ns",
                custom={"width": 120},
            ),
        ]
        return {"refId": "traces", "fields": columns if found else []}


def series(ref_id: str, legend: str, labels: Labels, points: Any) -> Frame:
    """A frame of one series, called what its legend makes of its labels."""
    name = re.sub(r"\{\{\s*(.+?)\s*\}\}", lambda found: labels.get(found[1], ""), legend)
    values = column("Value", "number", [number(value) for _, value in points], name)
    return {
        "refId": ref_id,
        "name": name,
        "fields": [column("Time", "time", [moment * 1000 for moment, _ in points]), {**values, "labels": labels}],
    }


def column(name: str, kind: str, values: list[Any], title: str = "", **config: Any) -> Frame:
    shown = {"displayNameFromDS": title} if title else {}
    return {"name": name, "type": kind, "values": values, "config": {**shown, **config}}


def number(value: float) -> float | str:
    """JSON has no word for these; Grafana's frames do."""
    return value if math.isfinite(value) else str(value)


def _service(span: ReceivedSpan) -> str:
    return str(span.resource.get("service.name", ""))


if __name__ == "__main__":
    sys.exit(main())
