"""What failed, in a word, on the spans of what failed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
CATEGORY = "autogen.crash.category"


def categories(vitals: Vitals) -> dict[str, Any]:
    """The word on each span that failed."""
    return {
        span.name: (span.attributes or {}).get(CATEGORY)
        for span in vitals.spans()
        if "error.type" in (span.attributes or {})
    }


def test_a_client_without_a_key(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """An init that fails says why."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Exception, match="api_key"):
        OpenAIChatCompletionClient(model="gpt-4o-mini")
    assert categories(vitals) == {"init OpenAIChatCompletionClient": "missing_credentials"}


async def test_a_team_that_runs_already(vitals: Vitals) -> None:
    """The second of two runs at once."""
    waiting = asyncio.Event()

    class Waiting(ReplayChatCompletionClient):
        async def create(self, *args: Any, **kwargs: Any) -> Any:
            await waiting.wait()
            return await super().create(*args, **kwargs)

    agent = AssistantAgent("a", Waiting(["x"] * 9, INFO))
    team = RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))
    first = asyncio.create_task(team.run(task="x"))
    await asyncio.sleep(0.05)
    with pytest.raises(ValueError, match="already running"):
        await team.run(task="x")
    waiting.set()
    await first
    assert set(categories(vitals).values()) == {"team_already_running"}


async def test_the_word_is_the_same_on_the_way_out(vitals: Vitals) -> None:
    """From the model call through the agent's run."""

    class Refused(ReplayChatCompletionClient):
        async def create(self, *args: Any, **kwargs: Any) -> Any:
            raise ConnectionRefusedError("nobody there")

    with pytest.raises(ConnectionRefusedError):
        await AssistantAgent("a", Refused([], INFO)).run(task="x")
    told = categories(vitals)
    assert len(told) >= 2
    assert set(told.values()) == {"connection"}


async def test_what_a_tool_reports_and_does_not_raise_has_none(vitals: Vitals) -> None:
    """Its exception is not known, or is not the run's end; the tool's own span says what it raised."""

    def fails() -> str:
        """Fail."""
        raise TimeoutError("too long")

    with pytest.raises(TimeoutError):
        await FunctionTool(fails, "fails").run_json({}, CancellationToken())
    assert categories(vitals) == {"execute_tool fails": "timeout"}
    call = FunctionCall(id="1", name="fails", arguments="{}")
    reply = CreateResult(finish_reason="function_calls", content=[call], usage=RequestUsage(1, 1), cached=False)
    await AssistantAgent("a", ReplayChatCompletionClient([reply], INFO), tools=[fails]).run(task="x")
    (run,) = vitals.spans("invoke_agent a")
    assert CATEGORY not in run.attributes


async def test_what_succeeds_has_none(vitals: Vitals) -> None:
    """No word without an error."""
    await AssistantAgent("a", ReplayChatCompletionClient(["x"], INFO)).run(task="x")
    assert not [span for span in vitals.spans() if CATEGORY in span.attributes]
