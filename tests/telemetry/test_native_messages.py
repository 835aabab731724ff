"""The trace context of messages between processes, and of what goes on in tasks that an init has left behind."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")
pytest.importorskip("autogen_ext.runtimes.grpc._worker_runtime")

from autogen_agentchat.agents import AssistantAgent
from autogen_core import AgentRuntime
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.runtimes.grpc import _worker_runtime as worker_runtime
from autogen_ext.runtimes.grpc.protos import agent_worker_pb2, cloudevent_pb2
from observed import Vitals

import autogen_vitals


def published() -> Any:
    return agent_worker_pb2.Message(cloudEvent=cloudevent_pb2.CloudEvent(id="1", type="topic", source="default"))


async def sent(message: Any) -> Any:
    connection = worker_runtime.HostConnection(None, None)
    await connection.send(message)
    return connection._send_queue.get_nowait()


async def test_what_is_published_carries_the_context(vitals: Vitals) -> None:
    """As the attributes of a CloudEvent; what is there already stays."""
    tracer = vitals.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("x") as span:
        context = span.get_span_context()
        attributes = (await sent(published())).cloudEvent.attributes
        # Then come the flags, of which there are more with each version.
        assert attributes["traceparent"].ce_string.startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")
        message = published()
        message.cloudEvent.attributes["traceparent"].ce_string = "the app's"
        assert (await sent(message)).cloudEvent.attributes["traceparent"].ce_string == "the app's"


async def test_nothing_else_is_touched(vitals: Vitals) -> None:
    """Calls carry it by themselves; and outside of a trace, or after disable(), there is nothing to carry."""
    tracer = vitals.tracer_provider.get_tracer("app")
    call = agent_worker_pb2.Message(request=agent_worker_pb2.RpcRequest(request_id="1"))
    assert not (await sent(published())).cloudEvent.attributes
    with tracer.start_as_current_span("x"):
        assert await sent(call) == agent_worker_pb2.Message(request=agent_worker_pb2.RpcRequest(request_id="1"))
        autogen_vitals.disable()
        assert not (await sent(published())).cloudEvent.attributes


class Runtime(worker_runtime.GrpcWorkerAgentRuntime):
    """One that runs an agent for each message, in the loop that its start() begins."""

    async def start(self) -> None:
        self.inbox: asyncio.Queue[Any] = asyncio.Queue()
        self.loop = asyncio.create_task(self._take_messages())

    async def _take_messages(self) -> None:
        while (message := await self.inbox.get()) is not None:
            await AssistantAgent("assistant", ReplayChatCompletionClient(["a reply"])).run(task=message)


async def test_what_a_runtime_does_later_is_no_part_of_its_start(vitals: Vitals) -> None:
    """Its loop has the context of its start(): each run in it is a trace of its own all the same."""
    runtime = Runtime("127.0.0.1:1")
    assert isinstance(runtime, AgentRuntime)
    await runtime.start()
    for message in ("one", "two", None):
        runtime.inbox.put_nowait(message)
    await runtime.loop
    runs = vitals.spans("invoke_agent assistant")
    assert [run.parent for run in runs] == [None, None]
    assert len({run.context.trace_id for run in runs}) == 2


async def test_it_is_part_of_what_surrounded_its_start(vitals: Vitals) -> None:
    """As it would be without the init's span."""
    tracer = vitals.tracer_provider.get_tracer("app")
    runtime = Runtime("127.0.0.1:1")
    with tracer.start_as_current_span("app's") as span:
        await runtime.start()
    for message in ("one", None):
        runtime.inbox.put_nowait(message)
    await runtime.loop
    (run,) = vitals.spans("invoke_agent assistant")
    assert run.parent is not None
    assert run.parent.span_id == span.get_span_context().span_id
