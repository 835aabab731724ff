"""A stand-in for a model: OpenAI's chat completions on a loopback port, deterministic, with failures on demand."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from autogen_vitals.local.loopback import LoopbackServer

__all__ = ["StubModel", "create_app"]

_EVENT_STREAM = "text/event-stream"
_WANTED_STATUS = re.compile(r"status:([45]\d\d)")
_ECHO = re.compile(r"\becho:(\w+)")
_CANARY = re.compile(r"\bcanary:(\w+)")
_STUB_VALUES: dict[str, Any] = {
    "string": "stub",
    "integer": 1,
    "number": 1.0,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}
_Json = dict[str, Any]


class StubModel:
    """A context manager that serves :func:`create_app` on a free loopback port while it is entered.

    Args:
        think_seconds: how long each reply takes to begin.

    Raises:
        RuntimeError: on entering, when the server does not come up.
    """

    def __init__(self, *, think_seconds: float = 0.0) -> None:
        self._app = create_app(think_seconds=think_seconds)
        self._server = LoopbackServer(self._app)

    def __enter__(self) -> StubModel:
        self._server.__enter__()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.__exit__(*exc_info)

    @property
    def base_url(self) -> str:
        """The value for ``OPENAI_BASE_URL``."""
        return f"{self._server.url}/v1"

    @property
    def requests(self) -> int:
        """How many completions were asked for, those answered with an error included."""
        return self._app.state.completions.requests

    @property
    def told_prompts(self) -> int:
        """How many of them had a canary word in their messages."""
        return self._app.state.completions.told_prompts

    @property
    def mixed_prompts(self) -> int:
        """How many of them had several: what belongs to one conversation has got into another."""
        return self._app.state.completions.mixed_prompts


def create_app(*, think_seconds: float = 0.0) -> Starlette:
    """An app with the one route ``POST /v1/chat/completions``, streaming or not.

    The reply is a text that names the number of the request. It is a call of the first tool instead where there are
    tools and the last message is a user's that says "use the tool". Any message's text may ask for a failure:
    ``status:429`` (or another 4xx or 5xx) for that answer, ``disconnect`` for a connection closed within the reply.

    Two words tell whose reply it is: it ends with the last ``echo:WORD`` of all messages, and with each different
    ``canary:WORD``, in the order in which they were said.

    Args:
        think_seconds: how long each reply takes to begin.
    """
    completions = _Completions(think_seconds)
    app = Starlette(routes=[Route("/v1/chat/completions", completions.answer, methods=["POST"])])
    app.state.completions = completions
    return app


class _Completions:
    def __init__(self, think_seconds: float) -> None:
        self.requests = self.told_prompts = self.mixed_prompts = 0
        self._think_seconds = think_seconds

    async def answer(self, request: Request) -> Response:
        self.requests += 1
        number = self.requests
        try:
            body = await request.json()
            messages = [_text(message) for message in body["messages"]]
            canaries = _canaries(messages)
            reply = _reply(body, messages, number, canaries)
        except ClientDisconnect:
            return Response(status_code=499)  # it was killed in the middle of its request: nobody gets this
        except (ValueError, LookupError, TypeError, AttributeError):
            return _error(400, "the body is not a chat completion request")
        self.told_prompts += bool(canaries)
        self.mixed_prompts += len(canaries) > 1
        await asyncio.sleep(self._think_seconds)
        wanted = _WANTED_STATUS.search("\n".join(messages))
        if wanted is not None:
            return _error(int(wanted.group(1)), "an error on demand")
        if any("disconnect" in message for message in messages):
            return _Disconnect(reply, streamed=bool(body.get("stream")))
        if not body.get("stream"):
            return JSONResponse(reply.whole())
        options: _Json = body.get("stream_options") or {}
        return StreamingResponse(
            _events(reply.chunks(with_usage=bool(options.get("include_usage")))), media_type=_EVENT_STREAM
        )


def _reply(body: _Json, messages: list[str], number: int, canaries: tuple[str, ...]) -> _Reply:
    echoes = [f"echo:{word}" for message in messages for word in _ECHO.findall(message)]
    return _Reply(
        number=number,
        model=body.get("model", "stub"),
        tool=_tool_to_call(body),
        words=(*echoes[-1:], *canaries),
        prompt_tokens=sum(len(message.split()) for message in messages),
    )


def _canaries(messages: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(f"canary:{word}" for message in messages for word in _CANARY.findall(message)))


def _text(message: _Json) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts: list[_Json] = content or []
    return " ".join(part.get("text", "") for part in parts)


def _tool_to_call(body: _Json) -> _Json | None:
    tools: list[_Json] = body.get("tools") or []
    last: _Json = body["messages"][-1]
    asked = last.get("role") == "user" and "use the tool" in _text(last).lower()
    return tools[0]["function"] if tools and asked else None


def _arguments(tool: _Json) -> str:
    schema: _Json = tool.get("parameters") or {}
    properties: dict[str, _Json] = schema.get("properties") or {}
    required: list[str] = schema.get("required") or []
    return json.dumps({name: _STUB_VALUES.get(properties[name].get("type", "string"), "stub") for name in required})


@dataclass(frozen=True)
class _Reply:
    """What the model says, in the two shapes of the API."""

    number: int
    model: str
    tool: _Json | None
    words: tuple[str, ...]
    prompt_tokens: int

    @property
    def text(self) -> str:
        return " ".join((f"This is reply {self.number} of the stub model.", *self.words))

    def whole(self) -> _Json:
        message: _Json = {"role": "assistant", "content": None if self.tool else self.text}
        if self.tool is not None:
            message["tool_calls"] = [self._tool_call(self.tool)]
        choice = {"index": 0, "message": message, "finish_reason": self._finish_reason}
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def chunks(self, *, with_usage: bool) -> Iterator[_Json]:
        head = self._head("chat.completion.chunk")
        for delta in self._deltas():
            yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
        yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": self._finish_reason}]}
        if with_usage:
            yield {**head, "choices": [], "usage": self._usage()}

    def _deltas(self) -> Iterator[_Json]:
        yield {"role": "assistant", "content": None if self.tool else ""}
        if self.tool is not None:
            call = self._tool_call(self.tool)
            arguments = call["function"].pop("arguments")
            yield {"tool_calls": [{"index": 0, **call}]}
            yield {"tool_calls": [{"index": 0, "function": {"arguments": arguments}}]}
            return
        for word in re.findall(r"\S+\s*", self.text):
            yield {"content": word}

    def _tool_call(self, tool: _Json) -> _Json:
        function = {"name": tool["name"], "arguments": _arguments(tool)}
        return {"id": f"call_{self.number}", "type": "function", "function": function}

    @property
    def _finish_reason(self) -> str:
        return "stop" if self.tool is None else "tool_calls"

    def _head(self, kind: str) -> _Json:
        return {"id": f"chatcmpl-{self.number}", "object": kind, "created": 0, "model": self.model}

    def _usage(self) -> _Json:
        completion_tokens = len(self.text.split())
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self.prompt_tokens + completion_tokens,
        }


async def _events(chunks: Iterator[_Json]) -> AsyncIterator[str]:
    for chunk in chunks:
        yield _event(chunk)
    yield "data: [DONE]\n\n"


def _event(chunk: _Json) -> str:
    return f"data: {json.dumps(chunk)}\n\n"


def _error(status: int, message: str) -> Response:
    try:
        kind = HTTPStatus(status).phrase.lower().replace(" ", "_")
    except ValueError:
        kind = "stub_error"
    return JSONResponse({"error": {"message": message, "type": kind, "param": None, "code": None}}, status)


class _Disconnect(Response):
    """The beginning of a reply, after which uvicorn closes the connection because the rest is missing."""

    def __init__(self, reply: _Reply, *, streamed: bool) -> None:
        if streamed:
            super().__init__(_event(next(reply.chunks(with_usage=False))), media_type=_EVENT_STREAM)
            # The length that was just computed would make the reply complete.
            del self.headers["content-length"]
        else:
            super().__init__(json.dumps(reply.whole())[:20], media_type="application/json")
            self.headers["content-length"] = "1000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
