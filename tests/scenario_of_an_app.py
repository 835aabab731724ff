"""A bit of everything an app does with AutoGen, and what it sees of it: the same, whether it is observed or not."""

from __future__ import annotations

import asyncio
import copy
import importlib
import importlib.util
import pickle
import threading
from typing import Any

import openai
import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import ModelInfo, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from model_server import ModelServer
from scenario_of_a_process import (
    child,
    explode,
    failing_behind_the_scenes,
    failing_server,
    failing_work,
    imports,
    serve,
    serve_by_wsgi,
    told,
    work_on_tasks,
)

import autogen_vitals

MODEL_INFO = ModelInfo(
    vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
)


async def scenario(model: ModelServer) -> list[Any]:
    """From its imports on."""
    seen: list[Any] = [*imports(), *await first_uses(), await real_model(model), *await classic(model)]
    client = ReplayChatCompletionClient(
        [f"reply {number}" for number in range(20)],
        MODEL_INFO,
    )
    agent = AssistantAgent("writer", client, tools=[explode], model_client_stream=True)
    with autogen_vitals.request("job"):
        result = await agent.run(task="x")
    seen.append([message.content for message in result.messages])
    seen.append([type(item).__name__ async for item in agent.run_stream(task="x")])
    async for item in agent.run_stream(task="x"):
        seen.append(type(item).__name__)
        break
    team = RoundRobinGroupChat([AssistantAgent("one", client)], termination_condition=MaxMessageTermination(2))
    async with autogen_vitals.request("job"):
        seen.append((await team.run(task="x")).stop_reason)
    for failing in (
        lambda: FunctionTool(explode, "x").run_json({"x": 1}, CancellationToken()),
        lambda: AssistantAgent("not a name", client).run(),
        lambda: agent.run(nothing="such"),
        lambda: asyncio.wait_for(team.run(task=[]), 5),
    ):
        try:
            await failing()
        except Exception as error:
            seen.append(told(error))
    unpickled = pickle.loads(pickle.dumps(AssistantAgent("two", ReplayChatCompletionClient(["a"])).run))
    seen.append((await unpickled(task="x")).messages[-1].content)
    seen.append(await serve(agent))
    seen += [await failing_server(), failing_work(), await failing_behind_the_scenes(), child()]
    seen += [serve_by_wsgi(), work_on_tasks(), await publish()]

    class Later(AssistantAgent):
        pass

    seen.append((await Later("three", client).run(task="x")).messages[-1].content)
    seen.append((await client.create([UserMessage(content="x", source="user")])).content)
    return seen


async def first_uses() -> list[Any]:
    """Clients of classes that have not been used before: what they say, and what they raise."""
    message = [UserMessage(content="x", source="user")]

    class Called(ReplayChatCompletionClient):
        async def create(self, *args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            return await super().create(*args, **kwargs)

    class Streamed(Called):
        pass

    class Failing(Called):
        pass

    seen: list[Any] = [(await Called(["a"]).create(message)).content]
    seen += [type(item).__name__ async for item in Streamed(["a b"]).create_stream(message)]
    try:
        await Failing([]).create(message)
    except Exception as error:
        seen.append(told(error))
    return seen


async def real_model(model: ModelServer) -> list[Any]:
    """A client that is warmed up, connects, and tries a second time."""
    client = OpenAIChatCompletionClient(
        model="stub",
        api_key="sk-x",
        base_url=model.url,
        model_info=MODEL_INFO,
        http_client=openai.DefaultAsyncHttpxClient(verify=False),  # what to trust takes long to read
    )
    message = [UserMessage(content="x", source="user")]
    try:
        seen: list[Any] = [await autogen_vitals.warm_up(client, explode, "nothing to warm")]
        model.failures = 1
        for _ in range(2):
            seen.append((await client.create(message)).content)
        seen.append([type(item).__name__ async for item in client.create_stream(message)])
    finally:
        await client.close()
    return seen


async def classic(model: ModelServer) -> list[Any]:
    """The same with classic AutoGen, where it is installed: synchronous, asynchronous, in threads, from a cache."""
    if importlib.util.find_spec("autogen") is None:
        return []
    autogen = importlib.import_module("autogen")
    coding = importlib.import_module("autogen.coding.base")
    cache = importlib.import_module("autogen.cache.in_memory_cache").InMemoryCache("seed")

    class Executor(coding.CodeExecutor):
        def execute_code_blocks(self, code_blocks: Any) -> Any:
            return coding.CodeResult(exit_code=0, output=f"{len(code_blocks)} blocks")

    quiet = {"human_input_mode": "NEVER", "code_execution_config": False}
    config = {"model": "stub", "api_key": "x", "base_url": model.url, "max_retries": 0, "price": [0, 0]}
    writer = autogen.AssistantAgent("writer", llm_config={"config_list": [config]})
    user = autogen.UserProxyAgent("user", function_map={"explode": explode}, default_auto_reply="ok", **quiet)
    other, unused = (
        autogen.ConversableAgent(name, llm_config=False, default_auto_reply="yes", **quiet) for name in ("a", "b")
    )
    call = {"name": "explode", "arguments": '{"x": 1}'}
    ask = {"messages": [{"role": "user", "content": "x"}], "cache": cache}
    seen: list[Any] = [
        user.initiate_chat(writer, message="x", max_turns=1, silent=True).summary,
        (await user.a_initiate_chat(writer, message="x", max_turns=1, silent=True)).summary,
        [chat.summary for chat in user.initiate_chats([{"recipient": other, "message": "x", "max_turns": 1}])],
        [writer.client.create(**ask).choices[0].message.content for _ in range(2)],
        [user.execute_function(call), await user.a_execute_function(call)],
        Executor().execute_code_blocks([]).output,
        copy.deepcopy(unused).generate_reply([{"role": "user", "content": "x"}]),
    ]
    response = user.run(other, message="x", max_turns=1)
    response.process()
    seen.append(response.summary)
    team = autogen.GroupChat([user, other], [], max_round=2, speaker_selection_method="round_robin")
    manager = autogen.GroupChatManager(team, llm_config=False)
    seen.append(user.initiate_chat(manager, message="x", silent=True).summary)

    class Failing(autogen.ConversableAgent):
        def generate_reply(self, *args: Any, **kwargs: Any) -> Any:
            return super().generate_reply(*args, **kwargs) if args else explode(1)

    for failing in (
        lambda: Failing("failing", llm_config=False).generate_reply(),
        lambda: user.initiate_chat(None, message="x"),
        lambda: writer.client.create(messages=[], model=1, nothing="such"),
        lambda: autogen.AssistantAgent("none", llm_config={"config_list": [config], "given": threading.Lock()}),
    ):
        try:
            seen.append(failing())
        except Exception as error:
            seen.append(told(error))
    # It keeps the clients of the last 128 calls, their connections, and so the server's threads.
    importlib.import_module("autogen.oai.client").log_cache_seed_value.cache_clear()
    return seen


async def publish() -> list[Any]:
    """A message for another process; what carries the trace context is telemetry, not the app's."""
    try:
        runtime = importlib.import_module("autogen_ext.runtimes.grpc._worker_runtime")
    except ImportError:
        return []
    connection = runtime.HostConnection(None, None)
    event = runtime.cloudevent_pb2.CloudEvent(id="1", type="topic")
    await connection.send(runtime.agent_worker_pb2.Message(cloudEvent=event))
    sent = connection._send_queue.get_nowait().cloudEvent
    return [sent.id, sent.type, sorted(set(sent.attributes) - {"traceparent", "tracestate"})]
