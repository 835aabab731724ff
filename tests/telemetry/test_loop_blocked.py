"""An event loop that stands still, from a tool of AutoGen's to the span and the metric, on asyncio and uvloop."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals
from opentelemetry.sdk.trace import ReadableSpan

Runner = Callable[[Coroutine[Any, Any, Any]], Any]

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
BLOCKED = "autogen.loop.blocked"


@pytest.fixture(params=["asyncio", "uvloop"])
def run_on(request: pytest.FixtureRequest) -> Runner:
    """Runs a coroutine on a loop of its own."""
    new_loop = asyncio.new_event_loop if request.param == "asyncio" else pytest.importorskip("uvloop").new_event_loop

    def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
        loop = new_loop()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            loop.close()

    return run


def calling(tool: str, times: int) -> ReplayChatCompletionClient:
    """A model that asks for a tool, again and again."""
    call = FunctionCall(id="1", name=tool, arguments="{}")
    reply = CreateResult(finish_reason="function_calls", content=[call], usage=RequestUsage(1, 1), cached=False)
    return ReplayChatCompletionClient([reply] * times, INFO)


def blocks(vitals: Vitals) -> list[tuple[ReadableSpan, dict[str, Any]]]:
    """Each event of a loop that stood still, with its span."""
    return [
        (span, dict(event.attributes or {}))
        for span in vitals.spans()
        for event in span.events
        if event.name == BLOCKED
    ]


async def sleeps_on_the_loop() -> str:
    """Sleep as one must not."""
    time.sleep(0.5)
    return "slept"


async def behaves() -> str:
    """Sleep as one should."""
    await asyncio.sleep(0)
    return "slept"


LINE = sleeps_on_the_loop.__code__.co_firstlineno + 2


def test_a_tool_that_sleeps_on_the_loop_is_named(vitals: Vitals, run_on: Runner) -> None:
    """Once, on the tool's own span, with the line that sleeps; and it is measured."""
    agent = AssistantAgent("a", calling("sleeps_on_the_loop", 1), tools=[sleeps_on_the_loop])
    run_on(agent.run(task="sleep"))
    ((span, told),) = blocks(vitals)
    assert span.name == "execute_tool sleeps_on_the_loop"
    assert (Path(told["code.file.path"]), told["code.line.number"]) == (Path(__file__), LINE)
    assert told["code.function.name"].endswith("sleeps_on_the_loop")
    assert 0.3 <= told["autogen.loop.blocked.duration"] <= 0.7
    (point,) = vitals.points("autogen.loop.blocked.duration")
    assert (point.count, point.sum) == (1, pytest.approx(told["autogen.loop.blocked.duration"]))


def test_a_block_late_in_a_long_run_is_seen(vitals: Vitals, run_on: Runner) -> None:
    """However much the run has built before: only runs keep the watch going, and only their ends end it."""

    async def builds_waits_and_sleeps() -> str:
        """Take some time before the mistake."""
        for _ in range(5):
            AssistantAgent("inner", calling("behaves", 1))
        await asyncio.sleep(1.5)
        time.sleep(0.5)
        return "slept"

    agent = AssistantAgent("a", calling("builds_waits_and_sleeps", 1), tools=[builds_waits_and_sleeps])
    run_on(agent.run(task="sleep"))
    ((span, _),) = blocks(vitals)
    assert span.name == "execute_tool builds_waits_and_sleeps"


def test_a_thousand_runs_that_behave_are_not_reported(
    vitals: Vitals, run_on: Runner, request: pytest.FixtureRequest
) -> None:
    """Whatever else the machine has to do."""
    # A full collection of all that the other tests have built takes 0.3 s, and is a block indeed.
    gc.collect()
    gc.freeze()
    request.addfinalizer(gc.unfreeze)

    async def many() -> None:
        for _ in range(1000):
            await AssistantAgent("a", calling("behaves", 1), tools=[behaves]).run(task="sleep")

    run_on(many())
    assert len(vitals.spans("invoke_agent a")) == 1000
    assert not blocks(vitals)
    assert not vitals.points("autogen.loop.blocked.duration")


def test_a_tool_that_runs_in_a_thread_blocks_nothing(vitals: Vitals, run_on: Runner) -> None:
    """AutoGen runs synchronous tools in threads: these may sleep."""

    def sleeps_in_a_thread() -> str:
        """Sleep where one may."""
        time.sleep(0.5)
        return "slept"

    agent = AssistantAgent("a", calling("sleeps_in_a_thread", 1), tools=[sleeps_in_a_thread])
    run_on(agent.run(task="sleep"))
    assert not blocks(vitals)


def test_a_constructor_on_the_loop_is_known_for_that(vitals: Vitals, run_on: Runner) -> None:
    """One that runs before there is a loop is not."""
    agent = AssistantAgent("before", calling("behaves", 1), tools=[behaves])

    async def build() -> None:
        AssistantAgent("meanwhile", calling("behaves", 1))

    run_on(build())
    told = {
        span.attributes["autogen.component.name"]: span.attributes.get("autogen.loop.blocking", False)
        for span in vitals.spans("init AssistantAgent")
        if span.attributes is not None
    }
    assert told == {agent.name: False, "meanwhile": True}


@pytest.mark.parametrize("setting", ["loop_heartbeat", "loop_blocked_threshold"])
def test_the_watch_can_be_switched_off(silent_vitals: Vitals, run_on: Runner, setting: str) -> None:
    """With either of its settings at 0."""
    silent_vitals.enable(**{setting: 0})
    run_on(AssistantAgent("a", calling("sleeps_on_the_loop", 1), tools=[sleeps_on_the_loop]).run(task="sleep"))
    assert silent_vitals.spans("execute_tool sleeps_on_the_loop")
    assert not blocks(silent_vitals)
