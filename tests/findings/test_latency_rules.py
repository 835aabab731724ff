"""First requests, all requests, and those that nobody waited for: AG606, AG607 and AG608."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_core import CancellationToken
from autogen_core.code_executor import CodeBlock
from autogen_core.models import ModelInfo, UserMessage
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from guilty_lines import alone, guilty, named
from observed import Vitals

import autogen_vitals

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
MESSAGE = [UserMessage(content="x", source="user")]


class Thinking(ReplayChatCompletionClient):
    """A model that takes its time for each answer: the first time, and later."""

    def __init__(self, first: float, later: float = 0.0) -> None:
        super().__init__(["an answer"] * 99, INFO)
        self.seconds, self._later = first, later

    async def create(self, *args: Any, **given: Any) -> Any:
        await asyncio.sleep(self.seconds)
        self.seconds = self._later
        return await super().create(*args, **given)


async def serve(client: Any, requests: int) -> None:
    for _ in range(requests):
        with autogen_vitals.request("ask"):
            await AssistantAgent("writer", client).run(task="x")


# --- AG606 only-first-request-slow ------------------------------------------------------------------------------------


async def test_a_first_request_that_is_much_slower_is_worth_knowing(vitals: Vitals) -> None:
    """Once five warm ones show that; with both numbers, and what the cold start was made of."""
    client = Thinking(0.4)
    await serve(client, 5)
    assert not vitals.findings("AG606")
    await serve(client, 9)
    found = vitals.finding("AG606")
    assert (found["autogen.finding.severity"], found["autogen.finding.count"]) == ("info", 5)
    assert 0.4 <= found["autogen.finding.duration"] < 10
    assert "its largest stage, " in found["autogen.finding.evidence"]


async def test_a_first_request_like_the_others_is_not(vitals: Vitals) -> None:
    """Half as long again is nothing that anybody would find; nor is what takes no time."""
    with autogen_vitals.request("warm"):
        await ReplayChatCompletionClient(["a"], INFO).create(MESSAGE)  # what else there is to pay in a first request
    autogen_vitals.disable()
    vitals.enable()
    await serve(Thinking(0.6, 0.4), 7)
    assert len(vitals.spans("invoke_agent writer")) == 7
    assert not vitals.findings("AG606")
    rule: Any = alone("AG606")
    assert rule.judge(90_000_000, 1_000_000, 5) is None
    assert rule.judge(900_000_000, 1_000_000, 5) is not None


async def test_neither_failed_requests_nor_scripts_are_compared(vitals: Vitals) -> None:
    """The first request may have been fast because it failed; and of a script nobody measures the requests."""
    client = Thinking(0.3)
    for _ in range(7):
        await AssistantAgent("writer", client).run(task="x")
    autogen_vitals.disable()
    vitals.enable()
    client = Thinking(0.3)
    with contextlib.suppress(RuntimeError), autogen_vitals.request("ask"):
        await AssistantAgent("writer", client).run(task="x")
        raise RuntimeError
    await serve(client, 7)
    assert not vitals.findings("AG606")


# --- AG607 always-slow ------------------------------------------------------------------------------------------------


async def test_requests_that_are_all_slow_are_not_the_starts_fault(silent_vitals: Vitals) -> None:
    """Once ten warm ones show that, by the number of seconds that the user finds slow."""
    silent_vitals.enable(thresholds="AG607=0.1")
    client = Thinking(0.2, 0.4)
    await serve(client, 10)
    assert not silent_vitals.findings("AG607")
    await serve(client, 3)
    found = silent_vitals.finding("AG607")
    assert (found["autogen.finding.severity"], found["autogen.finding.count"]) == ("info", 10)
    assert 0.4 <= found["autogen.finding.duration"] < 10
    assert "no start is in that" in found["autogen.finding.evidence"]


async def test_fast_requests_or_a_slow_start_are_another_matter(silent_vitals: Vitals) -> None:
    """Those that are over before anybody finds them slow; those whose first was the slow one."""
    silent_vitals.enable()
    await serve(Thinking(0.05, 0.05), 12)
    autogen_vitals.disable()
    silent_vitals.enable(thresholds="AG607=0.02")
    await serve(Thinking(0.5, 0.05), 12)
    assert not silent_vitals.findings("AG607")


# --- AG608 upstream-timeout-during-init -------------------------------------------------------------------------------


class Container(LocalCommandLineCodeExecutor):
    """A code executor that takes its time to start, or to run code."""

    def __init__(self, start: float, run: float = 0.0) -> None:
        super().__init__()
        self._start_seconds, self._run_seconds = start, run

    async def start(self) -> None:
        await asyncio.sleep(self._start_seconds)

    async def execute_code_blocks(self, code_blocks: Any, cancellation_token: Any) -> Any:
        await asyncio.sleep(self._run_seconds)
        return await super().execute_code_blocks(code_blocks, cancellation_token)


async def execute(executor: Container) -> None:
    with autogen_vitals.request("ask"):
        await executor.start()  # AG608 start
        await executor.execute_code_blocks([CodeBlock(code="1", language="python")], CancellationToken())


async def test_a_start_that_is_given_up_in_a_request_is_named(vitals: Vitals) -> None:
    """With its line, and for how long it has been waited for."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(execute(Container(60)), 0.2)
    found = vitals.finding("AG608")
    assert named(found) == guilty(__file__, "AG608 start")
    assert (found["autogen.finding.severity"], found["autogen.finding.confidence"]) == ("warning", "inferred")
    assert found["autogen.component.type"] == "Container"
    assert 0.15 <= found["autogen.finding.duration"] < 10


async def test_a_run_is_named_whose_time_had_gone_to_a_start(vitals: Vitals) -> None:
    """More than half of it, until it was given up; and of the runs around it none."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(execute(Container(0.7, 60)), 1.2)
    found = vitals.finding("AG608")
    assert found["autogen.operation"] == "execute_code Container"
    assert 0.5 < found["autogen.finding.share"] <= 1
    assert 0.7 <= found["autogen.finding.duration"] < 10


async def test_a_request_that_was_given_up_while_it_worked_is_not(vitals: Vitals) -> None:
    """Nor what nobody had asked to be served."""
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(execute(Container(0.01, 60)), 1)
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(Container(60).start(), 0.1)
    assert [span.status.status_code.name for span in vitals.spans("execute_code")] == ["ERROR"]
    assert not vitals.findings("AG608")


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that lets nobody in: its queue is full, and nobody takes anything out of it."""
    with contextlib.ExitStack() as open_sockets:
        listening = open_sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(4):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listening.getsockname())
        yield listening.getsockname()[1]


async def test_a_connection_that_is_given_up_is_named_once(vitals: Vitals, deaf_port: int) -> None:
    """As the connection, and not again as the call it was for; with the line of the client, for AutoGen connects in a
    task of its own."""
    options: Any = {
        "model": "stub",
        "api_key": "sk-x",
        "base_url": f"http://127.0.0.1:{deaf_port}/v1",
        "model_info": INFO,
    }
    client = OpenAIChatCompletionClient(**options)  # AG608 connect

    async def ask() -> None:
        with autogen_vitals.request("ask"):
            await client.create(MESSAGE)

    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(ask(), 2)
    found = vitals.finding("AG608")
    assert named(found) == guilty(__file__, "AG608 connect")
    assert "was connecting" in found["autogen.finding.evidence"]
    assert [point.value for point in vitals.points("autogen.findings")] == [1]
    await client.close()
