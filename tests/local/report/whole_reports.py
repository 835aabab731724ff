"""Reports that have something in each of their parts, for whoever shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from autogen_vitals.local.report import Comparison, Report, analyse, compare
from autogen_vitals.local.report.parts import Connections, LoopBlock, Retries, Site, WarmUp
from autogen_vitals.vocabulary import STARTUP_STAGES

from .builders import (
    cannot_start,
    crash,
    finding,
    found,
    gone,
    init,
    init_durations,
    recording,
    request,
    startup,
    worker_info,
)

_Value = TypeVar("_Value")


def planted(value: _Value, text: str) -> _Value:
    """The same report, or comparison, with a text after each of its own."""
    return _planted(value, text)


def _planted(value: Any, text: str) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        told = {one.name: _planted(getattr(value, one.name), text) for one in fields(value) if one.name != "state"}
        return replace(value, **told)
    if isinstance(value, str):
        return f"{value}{text}"
    if isinstance(value, Mapping):
        return {name if name in STARTUP_STAGES else f"{name}{text}": _planted(one, text) for name, one in value.items()}
    return tuple(_planted(one, text) for one in value) if isinstance(value, tuple) else value


def broken() -> Report:
    """Of a service in which everything goes wrong."""
    told = [
        startup(7, spawn=120, instrumentation=900, imports=2100, init=150, gc=500, ready=20, model_wait=110, request=9),
        startup(8, spawn=90, imports=1500, warm_up=100, connect_tls=0.02, tool=300),
        startup(9, spawn=90, served=False),
        finding("AG101", number=51, pid=7, duration=0.1, count=3, share=0.2),
        finding("AG101", number=51, pid=8, duration=0.1, count=3, share=0.2),
        finding("AG201", number=12, pid=7),
        finding("AG201", number=13, pid=7),
        finding("AG205", "error", number=None, pid=8),
        finding("AG102", "info", number=75, pid=7),
        found(7, "AG101", 9),
        init(400, 80, again=False, number=51),
        init(700, 70, again=True, number=51, trace_id="trace-of-init"),
        init_durations(7, 1, 80),
        init_durations(7, 4, 260, again=True),
        request(390, 400, "cold", inits=80),
        request(690, 200, "rebuild", inits=70, trace="trace-of-init"),
        *(request(1000 + index, 100 + index, "warm") for index in range(20)),
        request(3000, 50, "warm", name="POST /chat", error="ValueError"),
        crash("ValueError", "run", pid=7, number=42, rule="AG206", category="team_already_running", trace="abc" * 10),
        crash("ValueError", "run", pid=8, number=42, rule="AG206", category="team_already_running"),
        *(log for index, pid in enumerate((21, 22, 23), 1) for log in cannot_start(pid, index)),
        gone(31, "signal", signal="SIGKILL", operation="chat gpt-4o-mini", trace="def" * 10),
        gone(32, "drained"),
        worker_info(7),
        worker_info(8),
    ]
    return replace(
        analyse(recording(*told, losses=("12 spans were not kept: the disk was full.",))),
        connections=(Connections("model_client", True, 2, 14.0, 55.0, 0), Connections("tool", False, 6, 68.0, 0.0, 1)),
        retries=(Retries("chat gpt-4o-mini", "rate_limited", 2, 3, 1500.0),),
        warm_ups=(WarmUp(7, "chat gpt-4o-mini", 380.0, 29, True),),
        loop_blocks=(
            LoopBlock(Site("app.py", 48, "app.Prices.run"), "execute_tool price", 12, 6771.0, 594.0, 0.0, (7,)),
        ),
    )


def fixed() -> Report:
    """Of the same service, put right."""
    told = [
        startup(7, spawn=110, instrumentation=800, imports=1900, init=80, ready=30, model_wait=100, request=5),
        finding("AG102", "info", number=75, pid=7),
        request(390, 300, "cold"),
        *(request(1000 + index, 90 + index, "warm") for index in range(20)),
        gone(7, "drained"),
        worker_info(7),
    ]
    return analyse(recording(*told, id="20261129-092000-uvicorn"))


def silent() -> Report:
    """Of a command of which no process told anything."""
    return analyse(recording())


def compared() -> Comparison:
    return compare(broken(), fixed())
