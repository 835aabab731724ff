"""MCP workbenches with a real MCP server: their lazy start is an init, not a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals, parent_name

import autogen_vitals

pytest.importorskip("mcp")
mcp = pytest.importorskip("autogen_ext.tools.mcp")

SERVER = """
from mcp.server.fastmcp import FastMCP

server = FastMCP("echo")


@server.tool()
def echo(text: str) -> str:
    return text


server.run()
"""


@pytest.fixture
def workbench(tmp_path: Path) -> Any:
    """One that has not been started."""
    file = tmp_path / "server.py"
    file.write_text(SERVER)
    return mcp.McpWorkbench(mcp.StdioServerParams(command=sys.executable, args=[str(file)], read_timeout_seconds=60))


async def test_the_lazy_start_of_a_workbench_is_an_init(vitals: Vitals, workbench: Any) -> None:
    """It is inside the call that had to wait for it, and the second call has none."""
    for text in ("one", "two"):
        result = await workbench.call_tool("echo", {"text": text})
        assert result.to_text() == text
    await workbench.stop()
    starts = [span for span in vitals.spans("init McpWorkbench") if span.attributes["autogen.init.stage"] == "start"]
    (start,) = starts
    assert parent_name(start, vitals.spans()) == "execute_tool echo"
    first, second = vitals.spans("execute_tool echo")
    assert (first.attributes["autogen.first_use"], second.attributes["autogen.first_use"]) == (True, False)
    assert first.attributes["autogen.request.init.count"] == 1
    assert second.attributes["autogen.request.init.count"] == 0
    lasted = start.end_time - start.start_time
    assert first.attributes["autogen.request.init.duration"] == pytest.approx(lasted / 1e9, abs=1e-3)
    tool = {point.attributes["autogen.first_use"]: point for point in vitals.points("gen_ai.execute_tool.duration")}
    assert tool[True].count == tool[False].count == 1


async def test_a_workbench_that_was_warmed_up_starts_before_the_request(vitals: Vitals, workbench: Any) -> None:
    """The start is inside the warm-up, and the first call pays nothing."""
    await autogen_vitals.warm_up(ReplayChatCompletionClient(["x"]), workbench)
    with autogen_vitals.request("first"):
        result = await workbench.call_tool("echo", {"text": "one"})
    await workbench.stop()
    assert result.to_text() == "one"
    (start,) = [span for span in vitals.spans("init McpWorkbench") if span.attributes["autogen.init.stage"] == "start"]
    assert parent_name(start, vitals.spans()) == "warm_up ReplayChatCompletionClient"
    assert start.attributes["autogen.phase"] == "startup"
    assert vitals.span("execute_tool echo").attributes["autogen.request.init.count"] == 0
