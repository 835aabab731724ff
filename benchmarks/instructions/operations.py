"""What is counted: each function does one thing so many times.

Everything here runs inside a probe, see ``probe.py``, in which AutoGen is imported.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import BaseChatMessage, ModelClientStreamingChunkEvent, TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry import trace
from starlette.applications import Starlette

import autogen_vitals
from autogen_vitals.crashes.record import ExitRecord
from autogen_vitals.crashes.reports import Identity
from autogen_vitals.lifecycle.loops import LoopWatchdog
from autogen_vitals.lifecycle.observation import Observation
from autogen_vitals.lifecycle.recorder import Recorder
from autogen_vitals.lifecycle.requests import Request
from autogen_vitals.lifecycle.sites import SiteFinder
from autogen_vitals.lifecycle.tracker import Tracker
from autogen_vitals.telemetry.metrics import Metrics
from autogen_vitals.vocabulary import INVOKE_AGENT


class Echo(BaseChatAgent):
    """The cheapest agent there is: it answers one word."""

    produced_message_types = (TextMessage,)

    def __init__(self, name: str) -> None:
        super().__init__(name, "Answers one word.")
        self.items = 0

    async def on_messages(self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken) -> Response:
        return Response(chat_message=TextMessage(content="yes", source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None:
        pass


class Chatty(Echo):
    """Streams ``items`` chunks before it answers."""

    async def on_messages_stream(
        self, messages: Sequence[BaseChatMessage], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Any, None]:
        chunk = ModelClientStreamingChunkEvent(content="y", source=self.name)
        for _ in range(self.items):
            yield chunk
        yield Response(chat_message=TextMessage(content="yes", source=self.name))


async def agent_run(count: int) -> None:
    """``agent.run(task=…)`` of one agent, not a word to a model."""
    agent = Echo("echo")
    for _ in range(count):
        await agent.run(task="x")


async def team_run(count: int) -> None:
    """``team.run(task=…)`` of a team of two, each of which speaks once."""
    team = RoundRobinGroupChat([Echo("a"), Echo("b")], termination_condition=MaxMessageTermination(3))
    for _ in range(count):
        await team.run(task="x")


async def streamed_item(count: int) -> None:
    """An item on its way through ``agent.run_stream(…)``."""
    agent = Chatty("chatty")
    agent.items = count
    async for _ in agent.run_stream(task="x"):
        pass


async def add(x: int) -> int:
    """Add one. Where the event loop is: how often threads take turns is never the same."""
    return x + 1


_TOOL = FunctionTool(add, "Adds one.")


async def tool_call(count: int) -> None:
    """``tool.run_json(…)`` of a function."""
    token = CancellationToken()
    for _ in range(count):
        await _TOOL.run_json({"x": 1}, token)


_CLIENT = ReplayChatCompletionClient(["yes"] * 20_000)


async def chat(count: int) -> None:
    """``client.create(…)`` of a model that answers at once."""
    messages = [UserMessage(content="x", source="user")]
    for _ in range(count):
        await _CLIENT.create(messages)


async def agent_init(count: int) -> None:
    """An agent with a model client is built, at the same line again and again."""
    for _ in range(count):
        AssistantAgent("writer", _CLIENT)


async def _nothing(*_: object) -> None:
    return None


async def request(count: int) -> None:
    """A request of an ASGI application that does not use AutoGen."""
    app = Starlette()
    app.middleware_stack = _nothing
    for _ in range(count):
        await app({"type": "http", "method": "GET", "path": "/"}, _nothing, _nothing)


async def sdk_span(count: int) -> None:
    """The floor: one span of the SDK, as current, with 8 attributes."""
    tracer = trace.get_tracer("floor")
    for _ in range(count):
        attributes = {
            "gen_ai.operation.name": "invoke_agent",
            "gen_ai.provider.name": "autogen",
            "gen_ai.agent.name": "echo",
            "autogen.component.kind": "agent",
            "autogen.component.type": "Echo",
            "autogen.phase": "request",
            "process.pid": 1,
            "process.parent_pid": 1,
        }
        with tracer.start_as_current_span("invoke_agent echo", attributes=attributes):
            pass


class NoSink:
    """Is told of everything, and makes nothing of it."""

    def nothing(self, *_: object) -> None:
        """Nothing."""

    started = entered = left = ended = request_ended = startup_ended = nothing


async def lifecycle(count: int) -> None:
    """A run from its beginning to its end, but for what wraps it, tells of it and records it."""
    sink: Any = NoSink()
    watchdog = LoopWatchdog(0, 0, lambda _: None, lambda _: None)
    tracker = Tracker(sink, SiteFinder(()), 0, watchdog, Recorder(sink, "", enabled=False))
    agent = Echo("echo")
    for _ in range(count):
        run = tracker.begin_run(agent, "agent", INVOKE_AGENT, "autogen", {"gen_ai.agent.name": "echo"})
        assert run is not None
        tracker.leave(run, tracker.enter(run))
        tracker.end(run, None)


async def telemetry(count: int) -> None:
    """Telling of a run, where the app has no SDK."""
    installed = autogen_vitals.AutogenVitalsInstrumentor().installed
    assert installed is not None
    sink, run = installed.telemetry, _ended_run()
    for _ in range(count):
        sink.started(run)
        sink.ended(run)


async def metric(count: int) -> None:
    """A run's duration into the queue, until somebody collects."""
    metrics, observation = _metrics(), _ended_run()
    for _ in range(count):
        metrics.ended(observation)


async def collected_metric(count: int) -> None:
    """A run's duration into the queue, and out of it into the SDK's histogram."""
    metrics, observation = _metrics(), _ended_run()
    for _ in range(count):
        metrics.ended(observation)
    metrics.drain()


def drain() -> None:
    """Record what is queued by now."""
    _metrics().drain()


def _metrics() -> Metrics:
    installed = autogen_vitals.AutogenVitalsInstrumentor().installed
    assert installed is not None
    return installed.telemetry.metrics


def _ended_run() -> Observation:
    request = Request(os.getpid(), 0, number=0)
    run = Observation("agent", "Echo", INVOKE_AGENT, None, "autogen", None, 0, "request", 0, None, request)
    run.duration_ns = 1_000_000
    return run


async def exit_record(count: int) -> None:
    """An update of the exit record."""
    with tempfile.TemporaryDirectory() as folder:
        identity = Identity("0" * 32, os.getpid(), os.getppid(), 1, 1, "", 0, "plain")
        record = ExitRecord.create(Path(folder), "0" * 12, identity)
        slot, now = record.begin(b"POST /chat", "request", 1, 1, 0), time.time_ns()
        for _ in range(count):
            record.change(slot, b"invoke_agent echo", "request", 1 << 100, 1 << 60, now)
        record.remove()
