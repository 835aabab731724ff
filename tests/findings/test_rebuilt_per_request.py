"""AG101, AG102, AG103: what is built again in each request, and whether that matters."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from autogen_agentchat.agents import AssistantAgent
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer
from observed import Vitals

import autogen_vitals
from autogen_vitals import semconv

INFO: Any = {
    "vision": False,
    "function_calling": True,
    "json_output": False,
    "family": "unknown",
    "structured_output": False,
}


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
async def build(model: ModelServer) -> AsyncIterator[Callable[..., OpenAIChatCompletionClient]]:
    """Builds a real client, at one line."""
    built: list[OpenAIChatCompletionClient] = []

    def build(api_key: str = "sk-none") -> OpenAIChatCompletionClient:
        client = OpenAIChatCompletionClient(model="stub", api_key=api_key, base_url=model.url, model_info=INFO)
        built.append(client)
        return client

    yield build
    for client in built:
        await client.close()


def rebuilt(vitals: Vitals) -> list[str]:
    """Those of these three rules that have fired: what an import in a request takes is the machine's."""
    return [rule for rule in vitals.scolded() if rule in ("AG101", "AG102", "AG103")]


def line_of(build: Callable[..., Any], offset: int = 1) -> int:
    return build.__code__.co_firstlineno + offset


async def ask(client: Any) -> None:
    await AssistantAgent("writer", client).run(task="x")


async def test_a_client_in_each_request_is_found_in_the_third(vitals: Vitals, build: Any) -> None:
    """How often, how long, what share of these requests; on the line that builds it, and on the init's span."""
    for number in range(1, 5):
        with autogen_vitals.request("ask"):
            await ask(build())
        assert len(vitals.findings("AG101")) == (number >= 3)
    told = vitals.finding("AG101")
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert told[semconv.CODE_FILE_PATH] == __file__
    assert told[semconv.CODE_LINE_NUMBER] == line_of(build)
    assert told[semconv.COMPONENT_TYPE] == "OpenAIChatCompletionClient"
    assert told[semconv.FINDING_COUNT] == 3
    inits = vitals.spans("init OpenAIChatCompletionClient")
    seconds = [(span.end_time - span.start_time) / 1e9 for span in inits]
    assert told[semconv.FINDING_DURATION] == pytest.approx(sum(seconds[:3]), rel=0.01)
    assert 0.1 < told[semconv.FINDING_SHARE] <= 1.0
    assert [span.attributes.get(semconv.FINDING_IDS) for span in inits] == [None, None, ("AG101",), ("AG101",)]


async def test_one_client_for_the_process_is_right(vitals: Vitals, build: Any) -> None:
    """However many requests there are; so is one that the first of them builds."""
    client = build()
    for _ in range(4):
        with autogen_vitals.request("ask"):
            await ask(client)
    assert rebuilt(vitals) == []


async def test_several_clients_in_one_request_are_no_rebuild(vitals: Vitals, build: Any) -> None:
    """A first request may fill a pool."""
    with autogen_vitals.request("ask"):
        clients = [build() for _ in range(4)]
    with autogen_vitals.request("ask"):
        await ask(clients[0])
    assert rebuilt(vitals) == []


async def test_a_script_builds_as_many_as_it_likes(vitals: Vitals, build: Any) -> None:
    """Outside of requests."""
    for _ in range(4):
        await ask(build())
    assert rebuilt(vitals) == []


async def test_a_client_for_each_tenant_is_worth_knowing(vitals: Vitals, build: Any) -> None:
    """With a key of its own; where two have the same, it is a rebuild."""
    for tenant in range(4):
        with autogen_vitals.request("ask"):
            await ask(build(f"sk-{tenant}"))
    assert vitals.finding("AG101")[semconv.FINDING_SEVERITY] == "info"
    for tenant in range(4):
        with autogen_vitals.request("ask"):
            await ask(build(f"sk-{tenant}"))
    assert [told[semconv.FINDING_SEVERITY] for told in vitals.findings("AG101")] == ["info", "warning"]


async def test_a_client_that_costs_nothing_is_no_waste(vitals: Vitals) -> None:
    """A replayed one takes microseconds."""
    for _ in range(4):
        with autogen_vitals.request("ask"):
            await ask(ReplayChatCompletionClient(["a"]))
    assert rebuilt(vitals) == []


class Librarian(AssistantAgent):
    """An agent whose constructor does more than an agent's."""

    def __init__(self, client: Any, seconds: float) -> None:
        time.sleep(seconds)
        super().__init__("librarian", client)


@pytest.mark.parametrize(("seconds", "severity"), [(0.08, "warning"), (0.0, "info")])
async def test_an_agent_in_each_request_is_right_while_it_is_cheap(
    vitals: Vitals, seconds: float, severity: str
) -> None:
    """From 50 ms on it is not."""
    client = ReplayChatCompletionClient(["a"] * 4)
    for _ in range(4):
        with autogen_vitals.request("ask"):
            await Librarian(client, seconds).run(task="x")
    told = vitals.finding("AG102")
    assert told[semconv.FINDING_SEVERITY] == severity
    assert told[semconv.COMPONENT_TYPE] == "Librarian"
    assert told[semconv.FINDING_DURATION] >= 3 * seconds
    assert ("nothing to change" in told[semconv.FINDING_REMEDY]) == (severity == "info")


async def test_an_agent_that_once_took_long_is_cheap(vitals: Vitals) -> None:
    """The machine was busy elsewhere, or something was imported."""
    client = ReplayChatCompletionClient(["a"] * 5)
    for seconds in (0.0, 0.3, 0.0, 0.0, 0.0):
        with autogen_vitals.request("ask"):
            await Librarian(client, seconds).run(task="x")
    assert {told[semconv.FINDING_SEVERITY] for told in vitals.findings("AG102")} == {"info"}


async def test_an_expensive_agent_in_a_long_request_is_no_matter(vitals: Vitals) -> None:
    """Below 5 % of it."""
    client = ReplayChatCompletionClient(["a"] * 3)
    clock = time.perf_counter_ns
    for _ in range(3):
        with autogen_vitals.request("ask"):
            await Librarian(client, 0.06).run(task="x")
            # As if the request had taken three seconds: its beginning is moved back.
            request = vitals.installed.tracker.requests.current()
            request.clock_ns = clock() - 3_000_000_000
    assert vitals.finding("AG102")[semconv.FINDING_SEVERITY] == "info"


class Indexed(FunctionTool):
    """A tool that reads an index when it is built."""

    def __init__(self, function: Any, seconds: float) -> None:
        time.sleep(seconds)
        super().__init__(function, "Count")


def length(text: str) -> int:
    """Count."""
    return len(text)


async def test_setting_up_a_tool_in_each_request_is_found(vitals: Vitals) -> None:
    """More than 20 ms of it; less is no matter, nor is what an agent builds for itself."""
    client = ReplayChatCompletionClient(["a"] * 8, INFO)
    for _ in range(4):
        with autogen_vitals.request("ask"):
            await AssistantAgent("writer", client, tools=[Indexed(length, 0.03)]).run(task="x")
            await AssistantAgent("reader", client, tools=[Indexed(length, 0.0)]).run(task="x")
    told = vitals.finding("AG103")
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert (told[semconv.COMPONENT_KIND], told[semconv.COMPONENT_TYPE]) == ("tool", "Indexed")
    assert told[semconv.FINDING_DURATION] >= 0.09


MCP_SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("stub")
server.add_tool(lambda: 1, name="one")
server.run()
"""


@pytest.mark.parametrize("for_each", ["request", "process"])
async def test_an_mcp_session_in_each_request_is_found_by_its_first_calls(vitals: Vitals, for_each: str) -> None:
    """Its start() returns at once, and the first call waits for the server: at the line that starts the session."""
    pytest.importorskip("mcp")
    from autogen_ext.tools.mcp import McpWorkbench, StdioServerParams

    parameters = StdioServerParams(command=sys.executable, args=["-c", MCP_SERVER])
    async with contextlib.AsyncExitStack() as stack:
        shared = await stack.enter_async_context(McpWorkbench(parameters))
        for _ in range(3):
            with autogen_vitals.request("ask"):
                if for_each == "process":
                    await shared.call_tool("one", {})
                    continue
                async with McpWorkbench(parameters) as workbench:
                    await workbench.call_tool("one", {})
                    await workbench.call_tool("one", {})
    if for_each == "process":
        assert rebuilt(vitals) == []
        return
    told = vitals.finding("AG103")
    assert told[semconv.FINDING_SEVERITY] == "warning"
    assert told[semconv.CODE_LINE_NUMBER] == (
        test_an_mcp_session_in_each_request_is_found_by_its_first_calls.__code__.co_firstlineno + 14
    )
    calls = vitals.spans("execute_tool one")
    assert len(calls) == 6
    first = sum(span.end_time - span.start_time for span in calls[::2]) / 1e9
    assert told[semconv.FINDING_DURATION] == pytest.approx(first, rel=0.05)
