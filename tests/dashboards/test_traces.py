"""The boards' searches for traces, on the spans of the scenario.

Tempo itself is nowhere to be had as a package. So the conditions are evaluated here, by a few lines of our own: that
Tempo finds the same is not tested.
"""

from __future__ import annotations

from dataclasses import replace

import board_json
import pytest
import traceql
from board_json import ALL
from expected_cold_starts import cold_seconds
from scenario import Played
from traceql import TraceQuery
from truth import CLIENT, Truth

from autogen_vitals import semconv

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SEARCHES = {target.panel: target.query for target in board_json.targets() if target.source == "tempo"}
ATTRIBUTES = {attribute.name for attribute in semconv.ATTRIBUTES}


def search(panel: str) -> TraceQuery:
    return traceql.parsed(board_json.filled_in(SEARCHES[panel], instance=ALL))


@pytest.mark.parametrize("panel", SEARCHES)
def test_each_search_asks_for_what_there_is(panel: str) -> None:
    """Fields of a search are attributes that the package emits, of the span or of the resource."""
    asked = {field.partition(".")[2] for field in search(panel).fields if field != "name"}
    assert asked <= ATTRIBUTES, f"{panel} asks for {sorted(asked - ATTRIBUTES)}"


def test_each_search_is_tested() -> None:
    """A panel that is added, or renamed, has a test below."""
    assert set(SEARCHES) == {"Slow cold starts", "Crash traces", "Traces with findings"}


def test_slow_cold_starts_are_found(played: Played) -> None:
    """Those that took longer than the board says, and no others; with seconds and pid."""
    query = search("Slow cold starts")
    first = Truth(played).started
    least, most = (dict(zip(first, seconds, strict=True)) for seconds in cold_seconds(first.values()))
    (longer,) = (condition for condition in query.conditions if condition.operator == ">")
    for limit in (longer.value, 0.0, sorted(least.values())[len(least) // 2]):
        conditions = tuple(replace(each, value=limit) if each is longer else each for each in query.conditions)
        spans = replace(query, conditions=conditions).matching(played.arrived.spans)
        served = {traceql.field_of(span, "span.process.pid") for span in spans} & set(first)
        assert {pid for pid in first if least[pid] > limit} <= served <= {pid for pid in first if most[pid] > limit}
    for span in spans:
        told = {field: traceql.field_of(span, field) for field in query.selected}
        assert all(told[f"span.{name}"] is not None for name in (semconv.STARTUP_TOTAL, semconv.PROCESS_PID)), told


def test_crash_traces_are_found(played: Played) -> None:
    """Each request that failed, in its own trace and process, with what it failed by; no trace of another request."""
    query, truth = search("Crash traces"), Truth(played)
    found: dict[str, set[tuple[object, ...]]] = {}
    for span in query.matching(played.arrived.spans):
        found.setdefault(span.trace_id, set()).add(tuple(traceql.field_of(span, field) for field in query.selected))
    categories = {"shared-team": "team_already_running", "no-key": "missing_credentials"}
    assert query.selected == tuple(
        f"span.{name}" for name in (semconv.CRASH_CATEGORY, semconv.ERROR_TYPE, semconv.PHASE, semconv.PROCESS_PID)
    )
    missed_before: set[int] = set()
    for deed in sorted(truth.failed, key=lambda deed: deed.body["began_ns"]):
        told = {(categories[deed.act], deed.body["error"], "request", deed.pid)}
        # An init that is cheap has no span when its line was seen before, though it fails.
        without_span = told if deed.act == "no-key" and deed.pid in missed_before else set()
        assert found.pop(deed.body["trace_id"], without_span) == told, deed
        missed_before |= {deed.pid} if deed.act == "no-key" else set()
    assert not found.keys() & {deed.body["trace_id"] for deed in truth.deeds}


def test_traces_with_findings_are_found(played: Played) -> None:
    """The init of each client that its line has built in two requests before, in the trace of its request and of its
    process; and of no other client."""
    query, truth = search("Traces with findings"), Truth(played)
    spans = query.matching(played.arrived.spans)
    inits = [span for span in spans if "AG101" in span.attributes[semconv.FINDING_IDS]]
    assert {(span.name, traceql.field_of(span, f"span.{semconv.COMPONENT_TYPE}")) for span in inits} == {
        (f"init {CLIENT}", CLIENT)
    }
    found = {(span.trace_id, traceql.field_of(span, f"span.{semconv.PROCESS_PID}")) for span in inits}
    certain, possible = truth.built_once_more("client")
    assert {(deed.body["trace_id"], deed.pid) for deed in certain} <= found
    assert found <= {(deed.body["trace_id"], deed.pid) for deed in possible}
    assert certain, "no client is built in request after request"
