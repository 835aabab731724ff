"""Reports and comparisons as JSON: the same fields each time, and each of them in docs/report.md."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from autogen_vitals.local.report import as_json, compare, comparison_as_json

from .builders import (
    BEGAN_NS,
    CLIENT,
    cannot_start,
    counted,
    crash,
    finding,
    gone,
    init,
    init_durations,
    line,
    reported,
    request,
    span,
    startup,
    worker_info,
)

PAGE = Path(__file__).parents[3] / "docs" / "report.md"
NAMED = {
    "starts",
    "error_types",
    "ends",
    "versions",
    "until_ready",
    "in_request",
    "stages_ms",
}
"""Objects whose fields are no names of ours."""

_SAID = {"autogen.import.name": "openai", "autogen.import.self_duration": 0.7}
_RETRIED = {"autogen.retry.count": 1, "autogen.warm_up.duration": 0.1, "autogen.phase": "request"}
_BLOCKED = (("autogen.loop.blocked", {"autogen.loop.blocked.duration": 0.6, **line(48)}),)
_CONNECTED = {"autogen.component.kind": "tool", "autogen.first_use": True, "autogen.connect.stage": "tls"}
FULL = reported(
    startup(7, trace="a", spawn=80, model_wait=100),
    span("import openai", 0, 800, attributes=_SAID, trace_id="a"),
    span("chat m", 0, 900, attributes=_RETRIED),
    span("execute_tool price", 0, 900, events=_BLOCKED),
    counted("autogen.connect.duration", 7, _CONNECTED, type="histogram", count=1, sum=0.02),
    worker_info(7),
    init(0, 60),
    request(0, 500, "cold"),
    request(1000, 200, error="ValueError"),
    finding("AG101", count=3, duration=0.15, share=0.2),
    finding("AG102", "info", number=75),
    crash("ValueError"),
    crash("KeyError", "lifespan", pid=99),
    *cannot_start(11, 3),
    gone(8, "signal", signal="SIGKILL", rule="AG503"),
    gone(5, "signal", signal="SIGKILL", when=-100),
    gone(7, "drained"),
)


def fields_of(value: Any, name: str, found: dict[str, set[str]]) -> dict[str, set[str]]:
    """By the name of the field that they are in, the names of all objects' fields."""
    if isinstance(value, list):
        for each in value:
            fields_of(each, name, found)
    elif isinstance(value, dict):
        if name not in NAMED:
            found.setdefault(name, set()).update(value)
        for key, each in value.items():
            fields_of(each, key if name not in NAMED else name.removesuffix("_ms"), found)
    return found


def documented() -> dict[str, set[str]]:
    """By the object, the fields that the page has."""
    sections = re.split(r"^### ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    return {
        section.splitlines()[0]: {
            name
            for row in re.findall(r"^\| (`[^|]*`) \|", section, flags=re.MULTILINE)
            for name in re.findall(r"`(\w+)`", row)
        }
        for section in sections
    }


OBJECTS = {
    "report": "report",
    "run": "run",
    "verdict": "verdict",
    "to_fix": "finding",
    "worth_knowing": "finding",
    "cost": "cost",
    "site": "site",
    "cold_starts": "cold start",
    "imports": "import",
    "inits": "init",
    "sites": "init site",
    "requests": "request group",
    "cold": "latency",
    "later": "latency",
    "connections": "connections",
    "retries": "retries",
    "warm_ups": "warm-up",
    "loop_blocks": "loop block",
    "crashes": "crashes",
    "start_failures": "start failures",
    "dead": "death",
    "deaths": "death",
    "earlier": "death",
    "failure": "failure",
    "failures": "failure",
    "stillborn": "failure",
    "workers": "worker",
}
"""By the field that it is in, which object it is."""


def test_every_field_of_a_report_is_documented() -> None:
    """And what is documented is there: each object has all of its fields, each time."""
    told = as_json(FULL)
    assert (told.pop("schema"), told.pop("kind")) == (1, "report")
    page = documented()
    found = fields_of(told, "report", {})
    assert {name: page[OBJECTS[name]] for name in found} == found
    assert set(OBJECTS) == set(found)


def test_every_field_of_a_comparison_is_documented() -> None:
    """Likewise."""
    told = comparison_as_json(compare(FULL, reported(request(0, 90))))
    assert (told["schema"], told["kind"]) == (1, "comparison")
    page = documented()
    assert set(told) - {"schema", "kind"} == page["comparison"]
    assert set(told["findings"][0]) == page["finding change"]
    assert set(told["requests"][0]) == page["request change"]
    assert set(told["cold_start_ms"]) == set(told["stages_ms"]["spawn"]) == page["change"]
    assert set(told["findings"][0]["a"]) == page["finding"]


def test_it_is_json() -> None:
    """Of strings, numbers, lists and objects; and the same each time."""
    text = json.dumps(as_json(FULL), allow_nan=False)
    assert json.loads(text) == as_json(FULL)


def test_a_small_report_in_full() -> None:
    """What programs have been written against: whoever changes this changes the schema."""
    report = reported(
        init_durations(7, 2, 100.00049),
        init(10, 60),
        request(0, 200, "cold"),
        request(1000, 150, inits=50),
        finding("AG205", "error", count=2),
        ended_ns=BEGAN_NS + 2_000_000_000,
    )
    told = as_json(report)
    assert told["run"] == {
        "id": "20261129-091233-uvicorn",
        "command": ["uvicorn", "--workers", "2", "app:app"],
        "directory": "/srv/shop",
        "started_ns": BEGAN_NS,
        "ended_ns": BEGAN_NS + 2_000_000_000,
        "exit_code": 0,
        "signal": "",
        "losses": [],
        "versions": {"python": "3.12.1"},
    }
    assert told["verdict"] == {
        "state": "to_fix",
        "sentence": "1 thing to fix.",
        "to_fix": [
            {
                "rule": "AG205",
                "name": "name-of-ag205",
                "severity": "error",
                "confidence": "observed",
                "site": {"file": "app.py", "line": 51, "function": "app.ask"},
                "component": CLIENT,
                "operation": "",
                "phase": "",
                "evidence": "what process 7 saw",
                "remedy": "what AG205 says",
                "saves": "",
                "cost": {
                    "ms": 0.0,
                    "requests": 0,
                    "per_request_ms": 0.0,
                    "share": None,
                    "of_requests": "",
                    "failed_starts": 0,
                    "deaths": 0,
                    "failed_requests": 0,
                },
                "times": 1,
                "pids": [7],
                "trace_ids": [],
                "also": [],
            }
        ],
        "worth_knowing": [],
        "remarks": [],
    }
    assert told["inits"] == [
        {
            "component": CLIENT,
            "kind": "model_client",
            "stage": "construct",
            "count": 2,
            "first_ms": 60.0,
            "later_ms": 40.0,
            "total_ms": 100.0,
            "reinits": 0,
            "reinit_ms": 0,
            "errors": 0,
            "pids": [7],
            "sites": [{"site": {"file": "app.py", "line": 51, "function": "app.ask"}, "spans": 1, "ms": 60.0}],
        }
    ]
    assert told["requests"] == [
        {
            "name": "GET /ask",
            "count": 2,
            "starts": {"cold": 1, "warm": 1},
            "cold": {"count": 1, "p50_ms": 200.0, "p95_ms": 200.0, "max_ms": 200.0},
            "later": {"count": 1, "p50_ms": 150.0, "p95_ms": 150.0, "max_ms": 150.0},
            "inits": 1.0,
            "init_ms": 50.0,
            "init_share": 0.333,
            "connects": 0,
            "errors": 0,
            "error_types": {},
        }
    ]
