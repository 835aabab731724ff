"""The OpenAI client over a transport in memory: answers, tool calls, streams, errors, copies, no key in sight."""

import asyncio
import copy
import json
import logging
import pickle
import sys

import openai
from autogen_agentchat.agents import AssistantAgent
from autogen_core import EVENT_LOGGER_NAME, CancellationToken
from autogen_core.models import SystemMessage, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
httpx = sys.modules[openai.Timeout.__init__.__module__.partition(".")[0]]  # Newer releases of openai use httpx2.


def completion(**message) -> dict:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1700000000,
        "model": "gpt-4o-2024-08-06",
        "choices": [
            {
                "index": 0,
                "finish_reason": "tool_calls" if "tool_calls" in message else "stop",
                "message": {"role": "assistant", "content": None, **message},
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 4, "total_tokens": 16},
    }


def chunks(*words: str) -> str:
    lines = []
    for number, word in enumerate((*words, None)):
        choice = {"index": 0, "delta": {"content": word} if word else {}, "finish_reason": None if word else "stop"}
        chunk = {"id": "chatcmpl-2", "object": "chat.completion.chunk", "created": 1700000000, "model": "gpt-4o"}
        chunk["choices"] = [choice]
        if number == len(words):
            chunk["usage"] = {"prompt_tokens": 12, "completion_tokens": len(words), "total_tokens": 12 + len(words)}
        lines.append(f"data: {json.dumps(chunk)}\n\n")
    return "".join(lines) + "data: [DONE]\n\n"


def respond(request) -> "httpx.Response":
    body = json.loads(request.content)
    text = json.dumps(body["messages"][-1].get("content"))
    print("  request", request.method, request.url.path, len(body["messages"]), sorted(set(body) - {"messages"}))
    if "too many" in text:
        error = {"error": {"message": "Rate limit reached", "type": "requests", "code": "rate_limit_exceeded"}}
        return httpx.Response(429, json=error)
    if "line is dead" in text:
        raise httpx.ConnectError("All connection attempts failed", request=request)
    if body.get("stream"):
        return httpx.Response(
            200, content=chunks("Hello ", "there ", CANARY), headers={"content-type": "text/event-stream"}
        )
    if body.get("tools") and body["messages"][-1]["role"] == "user":
        call = {"id": "call_1", "type": "function", "function": {"name": "add", "arguments": '{"a": 20, "b": 22}'}}
        return httpx.Response(200, json=completion(tool_calls=[call]))
    return httpx.Response(200, json=completion(content=f"Answer. {CANARY}"))


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def new_client(**options) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient(
        model="gpt-4o",
        api_key=f"sk-{CANARY}",
        base_url="http://model.invalid/v1",
        max_retries=0,
        http_client=httpx.AsyncClient(transport=httpx.MockTransport(respond)),
        **options,
    )


async def main() -> None:
    events: list[str] = []

    class Names(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            events.append(type(record.msg).__name__)

    logging.getLogger(EVENT_LOGGER_NAME).addHandler(Names())
    logging.getLogger(EVENT_LOGGER_NAME).setLevel(logging.INFO)

    client = new_client()
    messages = [SystemMessage(content="Be brief."), UserMessage(content=f"Hello {CANARY}", source="user")]
    result = await client.create(messages)
    print(result.content, result.usage, result.finish_reason, result.cached)
    tool = FunctionTool(add, description="Adds.")
    result = await client.create(messages, tools=[tool])
    print(result.content, result.finish_reason)
    async for chunk in client.create_stream(messages):
        print(type(chunk).__name__, chunk if isinstance(chunk, str) else (chunk.content, chunk.usage))
    async for chunk in client.create_stream(messages):
        print("left after", chunk)
        break

    for text in ("too many", "the line is dead"):
        try:
            await client.create([UserMessage(content=text, source="user")])
        except openai.APIError as error:
            print(type(error).__name__, error, type(error.__cause__).__name__)
        try:
            async for chunk in client.create_stream([UserMessage(content=text, source="user")]):
                print(chunk)
        except openai.APIError as error:
            print(type(error).__name__, error)
    token = CancellationToken()
    token.cancel()
    try:
        await client.create(messages, cancellation_token=token)
    except asyncio.CancelledError as error:
        print(type(error).__name__)

    for stream in (False, True):
        agent = AssistantAgent("a", client, tools=None if stream else [tool], model_client_stream=stream)
        async for item in agent.run_stream(task=f"Add 20 and 22. {CANARY}"):
            print(type(item).__name__, getattr(item, "content", None))
    print(client.actual_usage(), client.total_usage(), client.model_info["family"])
    print(events)

    config = client.dump_component().model_dump()
    print(config["provider"], sorted(config["config"]), CANARY in str(config))
    for again in (copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))):
        plain = OpenAIChatCompletionClient(model="gpt-4o", api_key=f"sk-{CANARY}", max_retries=0)
        for value in (plain, AssistantAgent("holder", plain)):
            try:
                twin = again(value)
                print(type(twin).__name__, sorted(vars(twin)))
            except Exception as error:
                print(type(error).__name__, error)
        await plain.close()
    for broken in ({}, {"model": "unheard-of", "api_key": "x"}):
        try:
            OpenAIChatCompletionClient(**broken)
        except Exception as error:
            print(type(error).__name__, error)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
