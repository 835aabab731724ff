"""AutoGen's distributed runtime: a host and two workers, each a process of its own.

``host PORT``, ``desk PORT`` and ``studio PORT``. The desk's planner asks the studio's writer by a call and tells the
studio's critic by a publication, which answers by another one.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass

from autogen_core import (
    AgentId,
    MessageContext,
    RoutedAgent,
    TopicId,
    event,
    rpc,
    try_get_known_serializers_for_type,
    type_subscription,
)
from autogen_core.models import UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient
from autogen_ext.runtimes.grpc import GrpcWorkerAgentRuntime, GrpcWorkerAgentRuntimeHost
from opentelemetry import trace

built: Counter[str] = Counter()
runs: Counter[str] = Counter()
finished = asyncio.Event()


@dataclass
class Task:
    text: str


@dataclass
class Draft:
    text: str


@dataclass
class Review:
    text: str


def say(word: str) -> None:
    """What this process has done so far, and the trace it is in. One write: lines do not mix."""
    trace_id = format(trace.get_current_span().get_span_context().trace_id, "032x")
    line = {"word": word, "pid": os.getpid(), "trace_id": trace_id, "built": built, "runs": runs}
    os.write(1, (json.dumps(line) + "\n").encode())


class Planner(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("plans")
        built["Planner"] += 1

    @rpc
    async def plan(self, message: Task, ctx: MessageContext) -> Draft:
        runs["planner"] += 1
        if message.text == "die":
            say("asking")
        draft = await self.send_message(message, AgentId("writer", "default"))
        await self.publish_message(draft, TopicId("drafts", "default"))
        return draft


@type_subscription("reviews")
class Closer(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("closes")
        built["Closer"] += 1

    @event
    async def close(self, message: Review, ctx: MessageContext) -> None:
        runs["closer"] += 1
        finished.set()


class Writer(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("writes")
        built["Writer"] += 1
        built["ReplayChatCompletionClient"] += 1
        self._client = ReplayChatCompletionClient([f"draft {number}" for number in range(10)])

    @rpc
    async def write(self, message: Task, ctx: MessageContext) -> Draft:
        runs["writer"] += 1
        if message.text == "die":
            say("dying")
            os.kill(os.getpid(), signal.SIGKILL)
        result = await self._client.create([UserMessage(content=message.text, source="planner")])
        return Draft(str(result.content))


@type_subscription("drafts")
class Critic(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("reviews")
        built["Critic"] += 1

    @event
    async def review(self, message: Draft, ctx: MessageContext) -> None:
        runs["critic"] += 1
        await self.publish_message(Review(message.text), TopicId("reviews", "default"))


async def host(address: str) -> None:
    built["GrpcWorkerAgentRuntimeHost"] += 1
    server = GrpcWorkerAgentRuntimeHost(address)
    server.start()
    say("ready")
    await server.stop_when_signal()
    say("over")


async def joined(address: str) -> GrpcWorkerAgentRuntime:
    built["GrpcWorkerAgentRuntime"] += 1
    runtime = GrpcWorkerAgentRuntime(address)
    for message in (Task, Draft, Review):
        runtime.add_message_serializer(try_get_known_serializers_for_type(message))
    await runtime.start()
    return runtime


async def studio(address: str) -> None:
    runtime = await joined(address)
    await Writer.register(runtime, "writer", Writer)
    await Critic.register(runtime, "critic", Critic)
    say("ready")
    await runtime.stop_when_signal()
    say("over")


async def desk(address: str) -> None:
    runtime = await joined(address)
    await Planner.register(runtime, "planner", Planner)
    await Closer.register(runtime, "closer", Closer)
    say("ready")
    for text in sys.argv[3:]:
        finished.clear()
        # Of who has died there will be no answer.
        await asyncio.wait_for(runtime.send_message(Task(text), AgentId("planner", "default")), 60)
        await asyncio.wait_for(finished.wait(), 60)
    await runtime.stop()
    say("over")


if __name__ == "__main__":
    asyncio.run({"host": host, "desk": desk, "studio": studio}[sys.argv[1]](f"127.0.0.1:{sys.argv[2]}"))
