"""The stub model: OpenAI's own SDK and AutoGen's own client cannot tell it from a model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from autogen_vitals.local.stub_model import StubModel, create_app

openai = pytest.importorskip("openai")

PARAMETERS = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "sure": {"type": "boolean"},
        "left_out": {"type": "string"},
    },
    "required": ["text", "count", "ratio", "sure"],
}
TOOLS: list[Any] = [
    {"type": "function", "function": {"name": "first", "parameters": PARAMETERS}},
    {"type": "function", "function": {"name": "second", "parameters": PARAMETERS}},
]
ARGUMENTS = '{"text": "stub", "count": 1, "ratio": 1.0, "sure": true}'


@pytest.fixture
def model() -> Iterator[StubModel]:
    with StubModel() as model:
        yield model


def client(model: StubModel) -> Any:
    # The environment of whoever runs the tests may name a proxy.
    http_client = openai.DefaultAsyncHttpxClient(trust_env=False)
    return openai.AsyncOpenAI(base_url=model.base_url, api_key="none", max_retries=0, http_client=http_client)


def ask(text: str) -> dict[str, Any]:
    return {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}]}


async def test_a_reply_names_the_number_of_its_request(model: StubModel) -> None:
    """Replies are deterministic: the same but for the number of the request, usage included."""
    async with client(model) as sdk:
        replies = [await sdk.chat.completions.create(**ask("two words")) for _ in range(2)]
    assert [reply.choices[0].message.content for reply in replies] == [
        "This is reply 1 of the stub model.",
        "This is reply 2 of the stub model.",
    ]
    assert [reply.choices[0].finish_reason for reply in replies] == ["stop", "stop"]
    assert (replies[0].usage.prompt_tokens, replies[0].usage.completion_tokens, replies[0].usage.total_tokens) == (
        2,
        8,
        10,
    )
    assert replies[0].model == "gpt-4o-mini"
    assert model.requests == 2


@pytest.mark.parametrize("include_usage", [True, False])
async def test_a_streamed_reply_adds_up_to_the_whole_one(model: StubModel, include_usage: bool) -> None:
    """Streaming brings the same text in pieces, the finish reason, and usage at the end where asked for."""
    async with client(model) as sdk:
        options = {"stream_options": {"include_usage": True}} if include_usage else {}
        stream = await sdk.chat.completions.create(**ask("two words"), stream=True, **options)
        chunks = [chunk async for chunk in stream]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "This is reply 1 of the stub model."
    assert len(choices) > 3
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["stop"]
    assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == ([10] if include_usage else [])


def test_a_stream_ends_as_the_api_does() -> None:
    """Server-sent events, one line of JSON each, with the API's own end mark."""
    response = TestClient(create_app()).post("/v1/chat/completions", json={**ask("hi"), "stream": True})
    assert response.headers["content-type"].startswith("text/event-stream")
    events = response.text.split("\n\n")
    assert all(event.startswith("data: {") for event in events[:-2])
    assert events[-2:] == ["data: [DONE]", ""]


def test_a_reply_tells_whose_it_is() -> None:
    """It ends with the last word it was to echo and with each canary of the conversation, once; several are counted."""
    app = create_app()
    http = TestClient(app)

    def said(*texts: str) -> str:
        messages = [{"role": "user", "content": text} for text in texts]
        reply = http.post("/v1/chat/completions", json={"messages": messages}).json()
        return reply["choices"][0]["message"]["content"].partition("model.")[2].strip()

    assert said("hi") == ""
    assert said("echo:17 canary:c17") == "echo:17 canary:c17"
    assert (app.state.completions.told_prompts, app.state.completions.mixed_prompts) == (1, 0)
    assert said("echo:17 canary:c17", "echo:18 canary:c18", "canary:c17 and no echo") == "echo:18 canary:c17 canary:c18"
    assert (app.state.completions.told_prompts, app.state.completions.mixed_prompts) == (2, 1)


async def test_the_first_tool_is_called_when_asked_for(model: StubModel) -> None:
    """ "Use the tool" gets a call with arguments that fit the schema; its result, or no tools, gets text."""
    async with client(model) as sdk:
        asked = ask("please USE the Tool")
        call = (await sdk.chat.completions.create(**asked, tools=TOOLS)).choices[0]
        asked["messages"] += [
            call.message.model_dump(exclude_none=True),
            {"role": "tool", "tool_call_id": call.message.tool_calls[0].id, "content": "42"},
        ]
        after = (await sdk.chat.completions.create(**asked, tools=TOOLS)).choices[0]
        without = (await sdk.chat.completions.create(**ask("use the tool"))).choices[0]
    assert call.finish_reason == "tool_calls"
    assert call.message.content is None
    (tool_call,) = call.message.tool_calls
    assert (tool_call.function.name, tool_call.function.arguments) == ("first", ARGUMENTS)
    assert after.message.content == "This is reply 2 of the stub model."
    assert without.message.content == "This is reply 3 of the stub model."


async def test_a_tool_call_streams_in_pieces(model: StubModel) -> None:
    """The name comes first and the arguments after it, as the API streams them."""
    async with client(model) as sdk:
        stream = await sdk.chat.completions.create(**ask("use the tool"), tools=TOOLS, stream=True)
        choices = [chunk.choices[0] async for chunk in stream]
    pieces = [piece for choice in choices for piece in choice.delta.tool_calls or ()]
    assert [piece.function.name for piece in pieces if piece.function.name] == ["first"]
    assert "".join(piece.function.arguments or "" for piece in pieces) == ARGUMENTS
    assert choices[-1].finish_reason == "tool_calls"


@pytest.mark.parametrize("streamed", [False, True])
async def test_autogen_runs_a_tool_through_it(model: StubModel, streamed: bool) -> None:
    """An AutoGen agent makes a tool call, runs the tool and reads a closing text, streamed or not."""
    agents = pytest.importorskip("autogen_agentchat.agents")
    clients = pytest.importorskip("autogen_ext.models.openai")

    def opening_hours(day: str, detailed: bool) -> str:
        return f"{day} {detailed}"

    model_client = clients.OpenAIChatCompletionClient(
        model="gpt-4o-mini",
        base_url=model.base_url,
        api_key="none",
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    )
    agent = agents.AssistantAgent(
        "assistant",
        model_client,
        tools=[opening_hours],
        reflect_on_tool_use=True,
        model_client_stream=streamed,
    )
    result = await agent.run(task="use the tool")
    await model_client.close()
    assert "stub True" in str([message.model_dump() for message in result.messages])
    assert result.messages[-1].content == "This is reply 2 of the stub model."


@pytest.mark.parametrize(
    ("status", "error"), [(429, "RateLimitError"), (500, "InternalServerError"), (503, "InternalServerError")]
)
async def test_a_status_comes_on_demand(model: StubModel, status: int, error: str) -> None:
    """A message that names a status gets it, as the error the SDK raises for it, and counts as a request."""
    async with client(model) as sdk:
        with pytest.raises(getattr(openai, error), match="an error on demand") as caught:
            await sdk.chat.completions.create(**ask(f"please status:{status}"))
    assert caught.value.status_code == status
    assert model.requests == 1


@pytest.mark.parametrize("streamed", [False, True])
async def test_a_disconnect_comes_on_demand(model: StubModel, streamed: bool) -> None:
    """A connection that breaks within the reply is a connection error of the SDK, and the server lives on."""
    pieces: list[str | None] = []

    async def read_reply() -> None:
        async for chunk in await sdk.chat.completions.create(**ask("disconnect"), stream=streamed):
            pieces.append(chunk.choices[0].delta.role)

    async with client(model) as sdk:
        # Up to its 2, the SDK lets that of a stream through.
        with pytest.raises((openai.APIConnectionError, httpx.RemoteProtocolError)):
            await read_reply()
        assert (await sdk.chat.completions.create(**ask("hi"))).choices
    assert pieces == (["assistant"] if streamed else [])


def test_parts_of_a_message_are_read_too() -> None:
    """Content in parts, as for images, is searched like a plain text; so is every earlier message."""
    app = TestClient(create_app())
    parts = [{"type": "text", "text": "status:418"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    messages = [{"role": "user", "content": parts}, {"role": "user", "content": "hi"}]
    response = app.post("/v1/chat/completions", json={"messages": messages})
    assert response.status_code == 418
    assert response.json()["error"]["type"] == "i'm_a_teapot"


@pytest.mark.parametrize("body", [b"{", b"[]", b"{}", b'{"messages": []}', b'{"messages": [1]}'])
def test_a_malformed_request_is_a_client_error(body: bytes) -> None:
    """What is not a completion request gets 400 and an error body."""
    response = TestClient(create_app()).post("/v1/chat/completions", content=body)
    assert response.status_code == 400
    assert response.json()["error"]["message"]


def test_a_connection_is_kept_and_answers_at_once(model: StubModel) -> None:
    """Requests follow each other on one connection without the 40 ms of a delayed ACK between them."""
    streams: set[int] = set()
    elapsed: list[float] = []
    with httpx.Client(trust_env=False) as http:
        for _ in range(9):
            began = time.perf_counter()
            response = http.post(f"{model.base_url}/chat/completions", json=ask("hi"))
            elapsed.append(time.perf_counter() - began)
            streams.add(id(response.extensions["network_stream"].get_extra_info("socket")))
    assert len(streams) == 1
    # The fastest: a busy machine can delay any of them, a delayed ACK would delay all but the connection's first.
    assert min(elapsed[1:]) < 0.035


async def test_thinking_delays_the_reply() -> None:
    """The think time passes before a reply begins, and requests think side by side."""
    with StubModel(think_seconds=0.2) as model:
        async with client(model) as sdk:
            began = time.perf_counter()
            await asyncio.gather(*(sdk.chat.completions.create(**ask("hi")) for _ in range(5)))
            elapsed = time.perf_counter() - began
    assert elapsed >= 0.2
