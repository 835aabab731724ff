"""The cold start as it is exported: a trace of its own, totals on the first request, and metrics that add up."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals, assert_in_the_catalogue, parent_name
from opentelemetry import trace
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased
from opentelemetry.trace import SpanKind, StatusCode

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.lifecycle.connects import ConnectWatch
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.process import current as process
from autogen_vitals.lifecycle.sites import Site
from autogen_vitals.semconv.spans import FIRST_REQUEST_ATTRIBUTES
from autogen_vitals.vocabulary import CHAT, STARTUP_STAGES, ConnectStage

STAGES = {semconv.startup_attribute(stage): stage for stage in STARTUP_STAGES}
CLOSE = 1e-6


def search(text: str) -> str:
    """Search."""
    return text


def agent() -> AssistantAgent:
    return AssistantAgent("writer", ReplayChatCompletionClient(["a", "b", "c"]))


async def answer(writer: AssistantAgent | None = None) -> None:
    """One run, which is a request where there is none around it."""
    await (writer or agent()).run(task="x")


def root(vitals: Vitals) -> ReadableSpan:
    return vitals.span("autogen.startup")


def stages(span: ReadableSpan) -> dict[str, Any]:
    """Seconds of each stage that a span names."""
    return {STAGES[name]: value for name, value in (span.attributes or {}).items() if name in STAGES}


def of_startup(span: ReadableSpan) -> set[str]:
    """Attributes of the cold start that a span has."""
    return {name for name in span.attributes or {} if name.startswith("autogen.startup.")}


def links(span: ReadableSpan) -> list[int]:
    """Traces that a span points to."""
    return [link.context.trace_id for link in span.links]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str], None]]:
    """Writes a module that the app may import; it is forgotten after the test."""
    monkeypatch.syspath_prepend(tmp_path)

    written: list[str] = []

    def write(name: str, source: str) -> None:
        written.append(name)
        path = tmp_path / f"{name.replace('.', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        importlib.invalidate_caches()

    yield write
    for name in written:
        sys.modules.pop(name, None)


# --- the trace --------------------------------------------------------------------------------------------------------


async def test_the_start_is_a_trace_of_its_own(vitals: Vitals) -> None:
    """Dated back to the creation of the process and as long as the cold start with the wait for the first request; the
    request that ends it is another trace, whatever was current."""
    before = time.time_ns()
    with vitals.tracer_provider.get_tracer("web").start_as_current_span("GET /", kind=SpanKind.SERVER):
        await answer()
    after = time.time_ns()
    start, request = root(vitals), next(span for span in vitals.all_spans() if span.name == "GET /")
    assert start.parent is None
    assert start.context.trace_id != request.context.trace_id
    assert start.start_time == process.facts.creation_time.wall_ns < before
    assert before < start.end_time <= after
    attributes = dict(start.attributes or {})
    lasted = attributes["autogen.startup.total"] + attributes["autogen.startup.idle"]
    # The wall clock is read at both ends, and may be slewed in between.
    assert lasted == pytest.approx((start.end_time - start.start_time) / 1e9, abs=0.01)
    assert sum(stages(start).values()) == pytest.approx(attributes["autogen.startup.total"], abs=CLOSE)
    assert attributes["autogen.startup.complete"] is True
    assert attributes["process.pid"] == os.getpid()
    assert_in_the_catalogue([start])


async def test_inits_before_the_first_request_are_its_children(vitals: Vitals) -> None:
    """Those in the request are the request's."""
    writer = agent()
    await answer(writer)
    FunctionTool(search, "x")
    spans = vitals.own_spans()
    built = [span for span in spans if span.name.startswith("init ")]
    assert {span.name for span in built} >= {
        "init ReplayChatCompletionClient",
        "init AssistantAgent",
        "init FunctionTool",
    }
    starting = [span for span in built if span.attributes["autogen.phase"] == "startup"]
    assert len(starting) >= 2
    assert {parent_name(span, spans) for span in starting} <= {"autogen.startup", "init AssistantAgent"}
    assert {span.context.trace_id for span in starting} == {root(vitals).context.trace_id}
    assert root(vitals).context.trace_id not in {span.context.trace_id for span in set(built) - set(starting)}
    assert vitals.span("init FunctionTool").parent is None


async def test_what_the_first_request_builds_is_not_a_child_of_the_start(vitals: Vitals) -> None:
    """Also where nothing is current yet: it is the request's, and told in its totals."""
    with autogen_vitals.request("first"):
        await answer()
    assert vitals.span("init AssistantAgent").attributes["autogen.phase"] == "request"
    assert vitals.span("init AssistantAgent").parent is None


def test_what_a_module_builds_while_it_is_imported_is_its_child_too(
    vitals: Vitals, module: Callable[[str, str], None]
) -> None:
    """A client at the top of a module."""
    module("builds", "from autogen_ext.models.replay import ReplayChatCompletionClient as C\nclient = C(['a'])\n")
    importlib.import_module("builds")
    autogen_vitals.flush()
    built = vitals.span("init ReplayChatCompletionClient")
    assert built.attributes["autogen.phase"] == "import"
    assert parent_name(built, vitals.own_spans()) == "autogen.startup"


def test_an_init_in_a_span_of_the_app_s_stays_there(vitals: Vitals) -> None:
    """An app that traces its own start keeps its trace."""
    with vitals.tracer_provider.get_tracer("app").start_as_current_span("starting"):
        agent()
    assert parent_name(vitals.span("init AssistantAgent"), vitals.all_spans()) == "starting"


async def test_imports_are_spans_with_what_was_in_them(vitals: Vitals, module: Callable[[str, str], None]) -> None:
    """Each in the one that needed it, with its own time apart; one that failed names its error's class."""
    module("inner", "import time\ntime.sleep(0.04)\n")
    module("broken", "import time\ntime.sleep(0.01)\nraise LookupError('a secret')\n")
    module(
        "outer", "import time\ntime.sleep(0.02)\nimport inner\ntry:\n    import broken\nexcept LookupError:\n    pass\n"
    )
    importlib.import_module("outer")
    await answer()
    outer, inner, broken = (vitals.span(f"import {name}") for name in ("outer", "inner", "broken"))
    spans = vitals.own_spans()
    assert [parent_name(span, spans) for span in (outer, inner, broken)] == [
        "autogen.startup",
        "import outer",
        "import outer",
    ]
    assert outer.start_time <= inner.start_time <= inner.end_time <= broken.start_time
    assert broken.end_time <= outer.end_time <= root(vitals).end_time
    lasted = [(span.end_time - span.start_time) / 1e9 for span in (outer, inner, broken)]
    own = [span.attributes["autogen.import.self_duration"] for span in (outer, inner, broken)]
    assert own[0] == pytest.approx(lasted[0] - lasted[1] - lasted[2], abs=0.001)
    assert own[1:] == pytest.approx(lasted[1:], abs=0.001)
    assert (own[0] >= 0.02, own[1] >= 0.04, own[2] >= 0.01) == (True, True, True)
    assert (broken.status.status_code, broken.attributes["error.type"]) == (StatusCode.ERROR, "LookupError")
    assert (outer.status.status_code, inner.status.status_code) == (StatusCode.UNSET, StatusCode.UNSET)
    assert "secret" not in broken.to_json()
    assert stages(root(vitals))["imports"] >= 0.07
    assert_in_the_catalogue([outer, inner, broken])


async def test_imports_of_the_first_request_are_told_and_later_ones_are_not(
    vitals: Vitals, module: Callable[[str, str], None]
) -> None:
    """The start is over with it; nothing is left in the import system."""
    module("early", "import time\ntime.sleep(0.02)\n")
    module("late", "import time\ntime.sleep(0.02)\n")
    with autogen_vitals.request("first"):
        importlib.import_module("early")
        await answer()
    assert not any(type(finder).__module__.startswith("autogen_vitals") for finder in sys.meta_path)
    importlib.import_module("late")
    await answer()
    names = [span.name for span in vitals.own_spans()]
    assert "import early" in names
    assert "import late" not in names


# --- on the first request ---------------------------------------------------------------------------------------------


async def test_the_first_request_s_own_span_points_to_the_start(vitals: Vitals) -> None:
    """Link and totals are on its SERVER span, which its team of spans need not repeat; the second has neither."""
    tracer = vitals.tracer_provider.get_tracer("web")
    writer = agent()
    for path in ("/first", "/second"):
        with tracer.start_as_current_span(path, kind=SpanKind.SERVER):
            await answer(writer)
    first, second = (next(span for span in vitals.all_spans() if span.name == path) for path in ("/first", "/second"))
    assert links(first) == [root(vitals).context.trace_id]
    assert (links(second), of_startup(second)) == ([], set())
    assert {"autogen.startup.total", "autogen.startup.idle", "autogen.startup.spawn"} <= of_startup(first)
    assert of_startup(first) <= set(FIRST_REQUEST_ATTRIBUTES)
    assert sum(stages(first).values()) == pytest.approx(first.attributes["autogen.startup.total"], abs=CLOSE)
    # It was told as it was then: the start went on until the request's end.
    assert first.attributes["autogen.startup.total"] <= root(vitals).attributes["autogen.startup.total"]
    runs = vitals.spans("invoke_agent writer")
    assert [(links(run), of_startup(run)) for run in runs] == [([], set())] * 2


async def test_without_a_span_of_its_own_the_outermost_run_points_to_the_start(vitals: Vitals) -> None:
    """And the runs inside it do not."""
    await answer()
    await answer()
    first, second = vitals.spans("invoke_agent writer")
    assert links(first) == [root(vitals).context.trace_id]
    assert {"autogen.startup.total", "autogen.startup.spawn", "autogen.startup.first_token"} <= of_startup(first)
    assert (links(second), of_startup(second)) == ([], set())
    assert [(links(chat), of_startup(chat)) for chat in vitals.spans("chat")] == [([], set())] * 2


async def test_a_request_without_autogen_is_not_the_first(vitals: Vitals) -> None:
    """A health check neither ends the start nor says anything of it."""
    tracer = vitals.tracer_provider.get_tracer("web")
    with tracer.start_as_current_span("/health", kind=SpanKind.SERVER):
        pass
    assert vitals.own_spans() == []
    with tracer.start_as_current_span("/ask", kind=SpanKind.SERVER):
        await answer()
    health, ask = (next(span for span in vitals.all_spans() if span.name == path) for path in ("/health", "/ask"))
    assert (links(health), of_startup(health)) == ([], set())
    assert links(ask) == [root(vitals).context.trace_id]
    assert root(vitals).attributes["autogen.startup.idle"] > 0


# --- other providers --------------------------------------------------------------------------------------------------


async def test_an_sdk_that_comes_later_gets_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is built before there is one hurts nobody; the start still dates back to the creation of the process."""
    late = Vitals()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    autogen_vitals.enable(tracer_provider=trace.ProxyTracerProvider(), meter_provider=late.meter_provider)
    try:
        writer = agent()
        monkeypatch.setattr(trace, "_TRACER_PROVIDER", late.tracer_provider)
        FunctionTool(search, "x")
        await answer(writer)
    finally:
        autogen_vitals.disable()
    start = root(late)
    assert start.start_time == process.facts.creation_time.wall_ns
    assert start.attributes["autogen.startup.complete"] is True
    assert parent_name(late.span("init FunctionTool"), late.own_spans()) == "autogen.startup"
    assert links(late.span("invoke_agent writer")) == [start.context.trace_id]


async def test_without_any_sdk_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No span, no warning."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", None)
    autogen_vitals.enable(tracer_provider=trace.ProxyTracerProvider(), meter_provider=NoOpMeterProvider())
    try:
        await answer()
        assert not any(type(finder).__module__.startswith("autogen_vitals") for finder in sys.meta_path)
    finally:
        autogen_vitals.disable()
    assert [record for record in caplog.records if record.name.startswith("autogen_vitals")] == []


async def test_a_start_that_is_not_sampled_is_silent_and_counts(vitals: Vitals) -> None:
    """A sampler's choice holds for the whole trace; the metrics are not concerned, nor are other traces."""
    autogen_vitals.disable()
    sampler = ParentBased(ALWAYS_OFF)
    provider = TracerProvider(sampler=sampler)
    provider.add_span_processor(SimpleSpanProcessor(vitals.exporter))
    autogen_vitals.enable(tracer_provider=provider, meter_provider=vitals.meter_provider)
    writer = agent()
    await answer(writer)
    assert vitals.all_spans() == []
    (point,) = vitals.points("autogen.cold_start.duration")
    assert point.count == 1


# --- its end ----------------------------------------------------------------------------------------------------------


async def test_a_flush_tells_of_a_start_that_served_nothing(vitals: Vitals) -> None:
    """Once, as incomplete, and not in the metrics; a request after it is an ordinary one."""
    agent()
    assert autogen_vitals.flush()
    assert autogen_vitals.flush()
    start = root(vitals)
    assert start.attributes["autogen.startup.complete"] is False
    assert sum(stages(start).values()) == pytest.approx(start.attributes["autogen.startup.total"], abs=CLOSE)
    assert vitals.points("autogen.startup.duration") == vitals.points("autogen.cold_start.duration") == []
    await answer()
    assert links(vitals.span("invoke_agent writer")) == []
    assert of_startup(vitals.span("invoke_agent writer")) == set()
    assert len(vitals.spans("autogen.startup")) == 1


def test_a_process_that_does_not_use_autogen_tells_nothing(vitals: Vitals, module: Callable[[str, str], None]) -> None:
    """A supervisor, a migration, a shell."""
    module("slow", "import time\ntime.sleep(0.02)\n")
    importlib.import_module("slow")
    autogen_vitals.flush()
    assert vitals.all_spans() == []
    assert vitals.points("autogen.startup.duration") == vitals.points("autogen.import.duration") == []


async def test_a_start_that_is_switched_off_tells_nothing(vitals: Vitals) -> None:
    """What has begun ends: the app runs, and imports, as before."""
    finders = [finder for finder in sys.meta_path if not type(finder).__module__.startswith("autogen_vitals")]
    writer = agent()
    with autogen_vitals.request("first"):
        await answer(writer)
        autogen_vitals.disable()
        await answer(writer)
    autogen_vitals.flush()
    assert vitals.spans("autogen.startup") == []
    assert sys.meta_path == finders


@pytest.mark.parametrize("served_before", [False, True], ids=["", "served before"])
async def test_a_forked_child_has_a_start_of_its_own(
    vitals: Vitals, in_fork: Callable[..., Any], served_before: bool
) -> None:
    """From the fork on, in a trace of its own; the parent's goes on in the parent."""
    writer = agent()
    if served_before:
        await answer(writer)
    before = time.time_ns()

    def child() -> Any:
        vitals.exporter.clear()
        FunctionTool(search, "x")
        run = writer.run(task="x")
        try:
            run.send(None)
        except StopIteration:
            pass
        start = root(vitals)
        return {
            "trace": start.context.trace_id,
            "started": start.start_time,
            "is own": start.attributes["process.pid"] == os.getpid(),
            "complete": start.attributes["autogen.startup.complete"],
            "stages": sorted(stages(start)),
            "init in": parent_name(vitals.span("init FunctionTool"), vitals.own_spans()),
            "linked": links(vitals.spans("invoke_agent writer")[-1]),
        }

    told = in_fork(child)
    assert isinstance(told, dict), told
    # The kernel's clock ticks every 10 ms.
    assert before - 30_000_000 <= told["started"] <= time.time_ns()
    assert (told["is own"], told["complete"], told["init in"]) == (True, True, "autogen.startup")
    assert told["linked"] == [told["trace"]]
    assert not {"imports", "instrumentation"} & set(told["stages"])
    await answer(writer)
    assert root(vitals).attributes["process.pid"] == os.getpid()
    assert root(vitals).context.trace_id != told["trace"]


# --- metrics ----------------------------------------------------------------------------------------------------------


async def test_the_stages_add_up_to_the_cold_start(vitals: Vitals, module: Callable[[str, str], None]) -> None:
    """One point a stage, one for the whole, as the span has them."""
    module("takes", "import time\ntime.sleep(0.02)\n")
    importlib.import_module("takes")
    await answer()
    await answer()
    points = vitals.points("autogen.startup.duration")
    (whole,) = vitals.points("autogen.cold_start.duration")
    assert {point.count for point in (*points, whole)} == {1}
    assert sum(point.sum for point in points) == pytest.approx(whole.sum, abs=CLOSE)
    by_stage = {point.attributes["autogen.startup.stage"]: point.sum for point in points}
    assert by_stage == pytest.approx(stages(root(vitals)))
    assert {"spawn", "imports", "request"} <= set(by_stage)
    assert {point.attributes["autogen.worker.server"] for point in (*points, whole)} == {process.facts.server}
    context = root(vitals).context
    for point in points:
        (exemplar,) = point.exemplars
        assert (exemplar.trace_id, exemplar.span_id) == (context.trace_id, context.span_id), "it leads to the trace"


async def test_slow_imports_are_told_with_what_was_in_them(vitals: Vitals, module: Callable[[str, str], None]) -> None:
    """By name, cumulative, those of 20 ms and more; the values stay."""
    module("deep", "import time\ntime.sleep(0.03)\n")
    module("shallow", "import deep\n")
    module("quick", "import time\ntime.sleep(0.008)\n")
    importlib.import_module("shallow")
    importlib.import_module("quick")
    await answer()
    for _ in range(2):
        seconds = {
            point.attributes["autogen.import.name"]: point.value for point in vitals.points("autogen.import.duration")
        }
        assert "quick" not in seconds
        assert 0.03 <= seconds["deep"] <= seconds["shallow"] < 1.0


class Client:
    """What a connection is made by."""


def connect(vitals: Vitals, stage: ConnectStage, error: BaseException | None = None) -> None:
    """As a wrapped function of the transport does it."""
    watch = ConnectWatch(vitals.installed.tracker, stage)
    begun: Any = watch.begin(object(), (), {})
    time.sleep(0.01)
    watch.end(begun, None, error)


def test_connections_are_told_by_stage_and_error(vitals: Vitals) -> None:
    """With what needed them, whether that was its first use, and the class of what went wrong."""
    tracker = vitals.installed.tracker
    for error in (None, ConnectionRefusedError("a secret host")):
        observation = tracker.begin_run(Client(), "model_client", CHAT, "openai", {})
        token = tracker.enter(observation)
        connect(vitals, "dns_tcp", error)
        if error is None:
            connect(vitals, "tls")
        tracker.leave(observation, token)
        tracker.end(observation, None)
    points = vitals.points("autogen.connect.duration")
    assert all(point.count == 1 and 0.01 <= point.sum < 1.0 for point in points)
    told = {tuple(sorted(point.attributes.items())) for point in points}
    common = {"autogen.component.kind": "model_client"}
    assert told == {
        tuple(sorted({**common, "autogen.connect.stage": stage, "autogen.first_use": first, **error}.items()))
        for stage, first, error in (
            ("dns_tcp", True, {}),
            ("tls", True, {}),
            ("dns_tcp", False, {"error.type": "ConnectionRefusedError"}),
        )
    }
    first, second = vitals.spans("chat")
    assert first.attributes["autogen.connect.count"] == 1
    assert first.attributes["autogen.connect.duration"] >= 0.02
    assert second.attributes["autogen.connect.count"] == 0
    assert [span.attributes["autogen.request.connect.count"] for span in (first, second)] == [1, 0]
    assert_in_the_catalogue([first, second])


async def test_a_tool_s_first_call_is_told_apart(vitals: Vitals) -> None:
    """By its name, in this process; on span and metric."""
    for tool in (FunctionTool(search, "x"), FunctionTool(search, "x"), FunctionTool(search, "x", name="other")):
        await tool.run_json({"text": "x"}, CancellationToken())
    counts: Counter[bool] = Counter()
    for point in vitals.points("gen_ai.execute_tool.duration"):
        counts[point.attributes["autogen.first_use"]] += point.count
    assert counts == {True: 2, False: 1}
    assert [span.attributes["autogen.first_use"] for span in vitals.spans("execute_tool search")] == [True, False]
    assert vitals.span("execute_tool other").attributes["autogen.first_use"] is True


async def test_a_blocked_loop_is_told_where_it_was_blocked(vitals: Vitals) -> None:
    """An event on the span of the operation that ran, with the line, and one measurement; of no run, that alone."""
    tracker = vitals.installed.tracker
    observation = tracker.begin_run(Client(), "tool", CHAT, "openai", {})
    site = Site("app.py", 17, "app.handler")
    began = time.time_ns()
    for block in (
        Block(site, observation, began, 300_000_000, 20_000_000),
        Block(None, observation, began, 200_000_000, 0),
        Block(site, None, began, 500_000_000, 0),
    ):
        vitals.installed.telemetry.loop_blocked(block)
    tracker.end(observation, None)
    vitals.installed.telemetry.loop_blocked(Block(site, observation, began, 250_000_000, 0))
    (point,) = vitals.points("autogen.loop.blocked.duration")
    assert (point.count, point.sum, dict(point.attributes)) == (4, pytest.approx(1.25), {})
    span = vitals.span("chat")
    assert [(event.name, event.timestamp, dict(event.attributes or {})) for event in span.events] == [
        (
            "autogen.loop.blocked",
            began,
            {
                "autogen.loop.blocked.duration": 0.3,
                "autogen.loop.throttled.duration": 0.02,
                "code.file.path": "app.py",
                "code.line.number": 17,
                "code.function.name": "app.handler",
            },
        ),
        ("autogen.loop.blocked", began, {"autogen.loop.blocked.duration": 0.2}),
    ]
    assert_in_the_catalogue([span])
