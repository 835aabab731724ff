"""AG202, AG203, AG204, AG205, AG206: failures that raise nothing where they begin."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer
from observed import Vitals

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.lifecycle import connects

INFO: Any = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "family": "unknown",
    "structured_output": False,
}
QUESTION = [UserMessage(content="x", source="user")]
LOOP_IS_CLOSED = RuntimeError, openai.APIConnectionError
"""What comes of it; up to its 2, the SDK makes the second of the first."""


class Slow(ReplayChatCompletionClient):
    """A model that lets others run while it thinks."""

    async def create(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(0.01)
        return await super().create(*args, **kwargs)


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer(wait_ms=1) as server:
        yield server


@pytest.fixture
def build(model: ModelServer) -> Iterator[Callable[..., OpenAIChatCompletionClient]]:
    """Builds a real client, at one line."""

    def build(**more: Any) -> OpenAIChatCompletionClient:
        return OpenAIChatCompletionClient(model="stub", api_key="x", base_url=model.url, model_info=INFO, **more)

    yield build
    # Here, where no loop runs: else it is collected on that of another test, whose own it never was, and is found.
    gc.collect()


def told_at(told: dict[str, Any]) -> tuple[str, int]:
    return told[semconv.CODE_FILE_PATH], told[semconv.CODE_LINE_NUMBER]


def line_of(function: Callable[..., Any], offset: int) -> tuple[str, int]:
    return __file__, function.__code__.co_firstlineno + offset


# --- AG202 --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("used", "severity"), [(True, "error"), (False, "info")])
def test_a_client_that_came_by_a_fork(
    vitals: Vitals, build: Any, in_fork: Callable[[Callable[[], Any]], Any], used: bool, severity: str
) -> None:
    """One that the parent has used is an error, one that it has not is worth knowing; at the line that built it."""
    client = build(max_retries=0)
    if used:
        asyncio.run(client.create(QUESTION))

    def child() -> Any:
        for _ in range(2):
            try:
                asyncio.run(client.create(QUESTION))
            except LOOP_IS_CLOSED:
                pass  # the loop of the parent's connection is closed
        return vitals.findings("AG202")

    (told,) = in_fork(child)
    assert told[semconv.FINDING_SEVERITY] == severity
    assert tuple(told_at(told)) == line_of(build, 1)
    assert ("had not been used there" in told[semconv.FINDING_EVIDENCE]) == (not used)
    assert f"used at {__file__}:{child.__code__.co_firstlineno + 3}" in told[semconv.FINDING_EVIDENCE]
    assert vitals.findings("AG202") == []


def test_a_client_that_is_built_in_the_child(
    vitals: Vitals, build: Any, in_fork: Callable[[Callable[[], Any]], Any]
) -> None:
    """Is that child's own, whatever the parent has used."""
    asyncio.run(build().create(QUESTION))
    # Else that one may be collected on the child's loop, which is AG204.
    gc.collect()

    def child() -> Any:
        asyncio.run(build().create(QUESTION))
        return vitals.findings()

    assert in_fork(child) == []


# --- AG203 --------------------------------------------------------------------------------------------------------


def test_a_client_on_another_loop(vitals: Vitals, build: Any) -> None:
    """Its connections belong to the loop on which they were opened, that of the first asyncio.run()."""
    client = build(max_retries=0)
    asyncio.run(client.create(QUESTION))
    with pytest.raises(LOOP_IS_CLOSED) as closed:
        asyncio.run(client.create(QUESTION))
    assert "Event loop is closed" in f"{closed.value} {closed.value.__cause__}"
    told = vitals.finding("AG203")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert told_at(told) == line_of(build, 1)
    assert "where it had opened connections" in told[semconv.FINDING_EVIDENCE]
    assert "that loop is closed" in told[semconv.FINDING_EVIDENCE]
    assert vitals.spans("chat stub")[1].attributes[semconv.FINDING_IDS] == ("AG203", "AG204")


def test_a_client_on_two_loops_that_both_run(vitals: Vitals, build: Any) -> None:
    """In two threads: the second may wait for what belongs to the first."""
    client = build(max_retries=0)

    def there() -> None:
        # It may or may not go well.
        with contextlib.suppress(Exception):
            asyncio.run(client.create(QUESTION))

    async def here() -> None:
        await client.create(QUESTION)
        await asyncio.to_thread(there)

    asyncio.run(here())
    assert "still runs" in vitals.finding("AG203")[semconv.FINDING_EVIDENCE]


def test_a_client_for_each_loop(vitals: Vitals, build: Any) -> None:
    """Is right; so is one that has nothing open: a replayed one, or one that has not been called."""

    async def ask() -> None:
        client = build()
        await client.create(QUESTION)
        await client.close()

    asyncio.run(ask())
    asyncio.run(ask())
    replayed = ReplayChatCompletionClient(["a", "b"])
    asyncio.run(replayed.create(QUESTION))
    asyncio.run(replayed.create(QUESTION))
    assert vitals.findings() == []


def test_a_team_on_another_loop(vitals: Vitals) -> None:
    """Its queue is the first one's."""
    team = RoundRobinGroupChat(
        [AssistantAgent("writer", Slow(["a", "b"]))], termination_condition=MaxMessageTermination(2)
    )
    asyncio.run(team.run(task="x"))
    with pytest.raises(RuntimeError, match="different event loop"):
        asyncio.run(team.run(task="x"))
    assert vitals.finding("AG203")[semconv.COMPONENT_TYPE] == "RoundRobinGroupChat"
    assert vitals.finding("AG204")[semconv.FINDING_RULE] == "AG204"


# --- AG204 --------------------------------------------------------------------------------------------------------


def test_a_closed_loop_that_a_retry_hides(
    vitals: Vitals, build: Any, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As openai 1.x does: the call succeeds, half a second late, and only the retry knows why."""
    client = build(max_retries=2)
    if int(openai.__version__.partition(".")[0]) < 2:
        asyncio.run(client.create(QUESTION))
    else:
        # Later ones hand the error on. What they do try again stands for it here.
        monkeypatch.setattr(connects, "category_of", lambda error, in_init: "event_loop_closed")
        model.failures = 1
    asyncio.run(client.create(QUESTION))
    told = vitals.finding("AG204")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert "the SDK tried again" in told[semconv.FINDING_EVIDENCE]
    assert told[semconv.FINDING_COUNT] == 1
    assert vitals.events("autogen.crash") == []


def test_a_retry_for_another_reason_is_no_closed_loop(vitals: Vitals, build: Any, model: ModelServer) -> None:
    """A provider that fails once."""
    model.failures = 1
    asyncio.run(build().create(QUESTION))
    assert vitals.findings("AG204") == []


# --- AG205 --------------------------------------------------------------------------------------------------------


async def test_an_agent_for_two_requests_at_once(vitals: Vitals) -> None:
    """Both are in one conversation, and nothing is raised."""
    agent = AssistantAgent("writer", Slow(["a", "b"]))

    async def ask() -> None:
        with autogen_vitals.request("ask"):
            await agent.run(task="x")

    await asyncio.gather(ask(), ask())
    told = vitals.finding("AG205")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert told[semconv.FINDING_CONFIDENCE] == "observed"
    assert told_at(told) == line_of(test_an_agent_for_two_requests_at_once, 2)
    assert f"{__file__}:{ask.__code__.co_firstlineno + 2}" in told[semconv.FINDING_EVIDENCE]


async def test_an_agent_for_one_request_after_another(vitals: Vitals) -> None:
    """It may be one user's: a warning, and a guess."""
    agent = AssistantAgent("writer", ReplayChatCompletionClient(["a", "b"]))
    for _ in range(2):
        with autogen_vitals.request("ask"):
            await agent.run(task="x")
    told = vitals.finding("AG205")
    assert (told[semconv.FINDING_SEVERITY], told[semconv.FINDING_CONFIDENCE]) == ("warning", "inferred")


@pytest.mark.parametrize("way", ["reset", "state", "new"])
async def test_an_agent_that_knows_nothing_of_others(vitals: Vitals, way: str) -> None:
    """It was reset, given this user's state, or built for the request."""
    client = ReplayChatCompletionClient(["a"] * 3)
    shared = AssistantAgent("writer", client)
    state = await shared.save_state()
    for _ in range(3):
        with autogen_vitals.request("ask"):
            agent = AssistantAgent("writer", client) if way == "new" else shared
            if way == "reset":
                await agent.on_reset(CancellationToken())
            if way == "state":
                await agent.load_state(state)
            await agent.run(task="x")
    assert vitals.scolded() == []


async def test_a_script_that_talks_with_its_agent(vitals: Vitals) -> None:
    """Outside of requests a conversation is what an agent is for."""
    agent = AssistantAgent("writer", ReplayChatCompletionClient(["a"] * 3))
    for _ in range(3):
        await agent.run(task="x")
    assert vitals.findings() == []


@pytest.mark.parametrize("reset", [False, True])
async def test_a_team_for_one_request_after_another(vitals: Vitals, reset: bool) -> None:
    """It goes on with what it was told before, unless it is reset; its agents are told of with it."""
    agent = AssistantAgent("writer", ReplayChatCompletionClient(["a"] * 3))
    team = RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))
    for _ in range(3):
        with autogen_vitals.request("ask"):
            await team.run(task="x")
            if reset:
                await team.reset()
    found = [(told[semconv.FINDING_RULE], told[semconv.COMPONENT_TYPE]) for told in vitals.findings()]
    assert found == ([] if reset else [("AG205", "RoundRobinGroupChat")])


async def test_an_agent_in_a_team_for_each_request(vitals: Vitals) -> None:
    """The team is new, the agent in it knows what the others have said."""
    agent = AssistantAgent("writer", ReplayChatCompletionClient(["a"] * 3))
    for _ in range(2):
        with autogen_vitals.request("ask"):
            team = RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))
            await team.run(task="x")
    assert vitals.finding("AG205")[semconv.COMPONENT_TYPE] == "AssistantAgent"


# --- AG206 --------------------------------------------------------------------------------------------------------


async def test_a_team_for_two_requests_at_once(vitals: Vitals) -> None:
    """AutoGen refuses the second; it is told once."""
    agent = AssistantAgent("writer", Slow(["a", "b"]))
    team = RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))

    async def ask() -> None:
        with autogen_vitals.request("ask"):
            await team.run(task="x")

    results = await asyncio.gather(ask(), ask(), return_exceptions=True)
    assert [type(result).__name__ for result in results] == ["NoneType", "ValueError"]
    told = vitals.finding("AG206")
    assert told[semconv.FINDING_SEVERITY] == "error"
    assert told_at(told) == line_of(ask, 2)
    (crash,) = vitals.events("autogen.crash")
    assert crash.attributes[semconv.FINDING_RULE] == "AG206"


async def test_a_team_for_each_request(vitals: Vitals) -> None:
    """However many at once, with one client."""
    client = Slow(["a"] * 3)

    async def ask() -> None:
        with autogen_vitals.request("ask"):
            agent = AssistantAgent("writer", client)
            await RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2)).run(task="x")

    await asyncio.gather(ask(), ask(), ask())
    assert vitals.scolded() == []
