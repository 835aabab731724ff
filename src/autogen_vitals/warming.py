"""What a process pays once, paid before its first request: ``warm_up()``, documented in ``autogen_vitals``.

The first model call of a process imports the SDK's resources, builds the classes of its requests and replies, and
connects. A *rehearsal* does the first two without a network: the client's own code runs on a stand-in whose HTTP client
answers by itself. What connects is one request without credentials over the HTTP client that will serve.

Nothing of AutoGen, an SDK or an HTTP library is imported here: a client that exists has imported what it is made of.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import suppress_instrumentation

from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.quiet import is_quiet, quiet

__all__ = ["connect", "is_model_client", "is_tool", "is_workbench", "rehearse", "start_workbench", "warm_up"]

CONNECT_SECONDS = 5.0

_logger = logging.getLogger("autogen_vitals")

_Json = dict[str, Any]
_T = TypeVar("_T")

_HTTP_LIBRARIES = ("httpx", "httpx2")
_WRAPPERS = 8
"""How many clients around a client are looked through: ``ChatCompletionCache(client)`` is one."""
_TALKATIVE = (
    "anthropic._base_client",
    "autogen_core",
    "autogen_core.events",
    "autogen_core.trace",
    "httpx",
    "httpx2",
    "openai._base_client",
)
"""Loggers that tell of each model call, some to those who count calls and tokens."""
_PLACEHOLDER = "warm-up"


async def warm_up(*things: object) -> tuple[str, ...]:
    """Warm model clients, with tools, and start workbenches, each independently of the others.

    Rehearsals come first, then garbage is collected, and connections come last, for an idle connection is soon closed.
    What fails is a warning.

    Args:
        *things: model clients, workbenches, tools and functions that are to be tools, in any order.

    Returns:
        The class names of the errors that were warned of.
    """
    clients = [thing for thing in things if is_model_client(thing)]
    workbenches = [thing for thing in things if is_workbench(thing)]
    tools = [thing for thing in things if is_tool(thing)]
    errors: list[str] = []
    for stranger in things:
        if not (is_model_client(stranger) or is_workbench(stranger) or is_tool(stranger)):
            errors.append("TypeError")
            _warn("%s is no model client, workbench or tool of AutoGen's: pass these, one by one", stranger)
    known = {id(client): await _attempt(rehearse(client, tools), client, _REHEARSAL, errors) for client in clients}
    for workbench in workbenches:
        await _attempt(start_workbench(workbench), workbench, _START, errors)
    if gc.isenabled():
        # So much has been built since the last full collection that the next one, of 0.1 s and more, would be due in
        # the first request.
        gc.collect()
    for client in clients:
        connected = await _attempt(connect(client), client, _CONNECTION, errors)
        if known[id(client)] is False and connected is False:
            _logger.info("autogen-vitals: warm_up() knows of nothing to warm in %s", type(client).__name__)
    return tuple(errors)


_REHEARSAL = (
    "a call of %s could not be rehearsed (%s), so the first one will be slow. Make one at start-up to see the error, "
    "with the same tools: await client.create([UserMessage(...)], tools=[...])"
)
_CONNECTION = (
    "%s could not connect (%s), so the first request will have to. Check its base_url, DNS, the proxy and the firewall"
)
_START = "%s did not start (%s). Check the command or the URL of its server, and that nothing has started it before"


async def _attempt(part: Awaitable[_T], thing: object, warning: str, errors: list[str]) -> _T | None:
    """Its result; ``None`` when it failed. ``BaseException`` passes: a start that is cancelled is cancelled."""
    try:
        return await part
    except Exception as error:
        errors.append(type(error).__name__)
        _warn(warning, thing, type(error).__name__)
        return None


@guarded
def _warn(warning: str, thing: object, *details: str) -> None:
    # Class names only: a message, or the repr of a thing, may quote a key.
    _logger.warning(f"autogen-vitals: warm_up(): {warning}; the start goes on", type(thing).__name__, *details)


# --- what is what, without importing AutoGen --------------------------------------------------------------------------


def is_model_client(value: object) -> bool:
    return _descends(value, "autogen_core", "ChatCompletionClient")


def is_workbench(value: object) -> bool:
    return _descends(value, "autogen_core", "Workbench")


def is_tool(value: object) -> bool:
    """A tool, or what AutoGen's agents make one of: a function, or another callable that is no class."""
    if is_model_client(value) or is_workbench(value) or isinstance(value, type):
        return False
    return _descends(value, "autogen_core", "Tool") or callable(value)


def _descends(value: object, package: str, name: str) -> bool:
    return any(_package(cls) == package and cls.__name__ == name for cls in type(value).__mro__)


def _package(cls: type) -> str:
    return cls.__module__.partition(".")[0]


# --- the three parts --------------------------------------------------------------------------------------------------


async def start_workbench(workbench: Any) -> None:
    """Start it, however long that takes. Who starts it stops it: ``await workbench.stop()`` at the end.

    Raises:
        Exception: what its ``start()`` raises.
    """
    await workbench.start()


async def rehearse(client: Any, tools: Sequence[Any] = ()) -> bool:
    """Run ``create()`` and ``create_stream()`` of ``client`` with ``tools``, without a network and without a trace.

    They run on a stand-in that shares the client's settings. The client itself is not touched: not its usage, its
    state, its connections, its credentials (a token provider is not called), nor code that a subclass of the user's
    adds. The event loop is blocked meanwhile, as the first call would have blocked it.

    Returns:
        Whether it is a client that can be rehearsed: AutoGen's for OpenAI, Azure OpenAI and Anthropic.

    Raises:
        Exception: what the call raised, because of a tool without annotations, say.
    """
    client = _innermost(client)
    cls = next((cls for cls in type(client).__mro__ if _package(cls) == "autogen_ext"), None)
    sdk = getattr(client, "_client", None)
    api = next((api for api in _APIS if _descends(sdk, api.package, api.client)), None)
    http_library = _http_library(getattr(sdk, "_client", None))
    if cls is None or api is None or http_library is None:
        return False
    async with _self_answering(http_library, api, getattr(client, "_resolved_model", None)) as http_client:
        with _unrecorded():
            # Not copy.copy(): clients unpickle themselves into new ones, with a pool and a TLS context of their own.
            stand_in = object.__new__(cls)
            vars(stand_in).update(vars(client), _client=_without_credentials(sdk, http_client))
            await _call(stand_in, tools)
    return True


async def connect(client: Any) -> bool:
    """Open a connection for the next call: one ``HEAD`` of the client's base URL, over its own HTTP client.

    Any status will do. No credentials of the SDK's are sent and no redirect is followed; headers, proxies and hooks
    that the application gave the HTTP client itself are used. The connection belongs to the running event loop, and
    the HTTP client keeps it for 5 s (``keepalive_expiry``) unless it was told otherwise.

    Returns:
        Whether it is a client whose HTTP client and base URL are known.

    Raises:
        Exception: what the HTTP client raised, or ``TimeoutError`` after ``CONNECT_SECONDS``.
    """
    holder = getattr(_innermost(client), "_client", None)
    http_client: Any = getattr(holder, "_client", None)
    url = getattr(holder, "base_url", None) or getattr(http_client, "base_url", None)
    if _http_library(http_client) is None or not url:
        return False
    # With the library's own timeouts, which are one for each step, a slow endpoint would take several times as long.
    request = http_client.request("HEAD", url, auth=None, follow_redirects=False, timeout=None)
    await asyncio.wait_for(request, CONNECT_SECONDS)
    return True


def _innermost(client: Any) -> Any:
    for _ in range(_WRAPPERS):
        inner = getattr(client, "client", None)
        if not is_model_client(inner):
            break
        client = inner
    return client


def _http_library(http_client: object) -> Any:
    """The module that an ``AsyncClient`` or a subclass of it is from: two libraries share one interface."""
    for library in _HTTP_LIBRARIES:
        if _descends(http_client, library, "AsyncClient"):
            return sys.modules.get(library)
    return None


# --- rehearsals -------------------------------------------------------------------------------------------------------


async def _call(client: Any, tools: Sequence[Any]) -> None:
    models = sys.modules["autogen_core.models"]
    conversation = [models.SystemMessage(content=_PLACEHOLDER), models.UserMessage(content=_PLACEHOLDER, source="user")]
    given = {"tools": _as_tools(tools)} if client.model_info["function_calling"] else {}
    await client.create(conversation, **given)
    async for _ in client.create_stream(conversation, **given):
        pass


def _as_tools(tools: Sequence[Any]) -> list[Any]:
    function_tool: Any = getattr(sys.modules.get("autogen_core.tools"), "FunctionTool", None)
    return [
        tool if _descends(tool, "autogen_core", "Tool") else function_tool(tool, description=tool.__doc__ or "")
        for tool in tools
    ]


def _without_credentials(sdk: Any, http_client: Any) -> Any:
    """A copy of the SDK's client for one HTTP client, with a key that is none."""
    copied = sdk.with_options(api_key=_PLACEHOLDER, http_client=http_client, max_retries=0)
    # A copy made for a key keeps the providers of tokens in some versions, and would ask them.
    for provider in ("_azure_ad_token_provider", "_api_key_provider"):
        if getattr(copied, provider, None) is not None:
            setattr(copied, provider, None)
    return copied


def _self_answering(library: Any, api: _Api, model: str | None) -> Any:
    """An HTTP client that answers every request with the API's shortest reply."""

    def answer(request: Any) -> Any:
        body: _Json = json.loads(request.content)
        # AutoGen warns when the reply is from another model than it resolved the name to.
        answered_by: str = model or body.get("model") or _PLACEHOLDER
        if not body.get("stream"):
            return library.Response(200, json=api.reply(answered_by))
        events = "".join(_event(event) for event in api.events(answered_by))
        return library.Response(200, headers={"content-type": "text/event-stream"}, text=events)

    # Given a transport it makes no TLS context, which would be 50 ms of the start.
    return library.AsyncClient(transport=library.MockTransport(answer), trust_env=False)


def _event(event: _Json | str) -> str:
    if isinstance(event, str):
        return f"data: {event}\n\n"
    name = f"event: {event['type']}\n" if "type" in event else ""
    return f"{name}data: {json.dumps(event)}\n\n"


@contextmanager
def _unrecorded() -> Iterator[None]:
    """Leave no trace of what runs in the block: not in our telemetry, not in another's, not in a log."""
    with ExitStack() as undo:
        undo.enter_context(quiet())
        undo.enter_context(suppress_instrumentation())
        # For instrumentations that do not ask whether they are suppressed: by default a span is sampled as its parent.
        span_context = trace.SpanContext(random.getrandbits(127) + 1, random.getrandbits(63) + 1, is_remote=False)
        token = context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span_context)))
        undo.callback(context.detach, token)
        for name in _TALKATIVE:
            undo.enter_context(_silenced(logging.getLogger(name)))
        yield


@contextmanager
def _silenced(logger: logging.Logger) -> Iterator[None]:
    # By context, and not by level or warning filter: other tasks and threads go on logging.
    def is_heard(record: logging.LogRecord) -> bool:
        return not is_quiet()

    logger.addFilter(is_heard)
    try:
        yield
    finally:
        logger.removeFilter(is_heard)


# --- the shortest replies ---------------------------------------------------------------------------------------------
# With a tool call in each, whose classes are built only when there is one, and without a token.


@dataclass(frozen=True)
class _Api:
    """One SDK's client class, and its API's reply to a request, whole and as a stream."""

    package: str
    client: str
    reply: Callable[[str], _Json]
    events: Callable[[str], Iterable[_Json | str]]


def _completion(model: str) -> _Json:
    message = {"role": "assistant", "content": None, "tool_calls": [_function_call()]}
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
    usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    return {**_completion_head("chat.completion", model), "choices": [choice], "usage": usage}


def _completion_chunks(model: str) -> Iterator[_Json | str]:
    head = _completion_head("chat.completion.chunk", model)
    deltas: tuple[Mapping[str, Any], ...] = (
        {"role": "assistant", "content": _PLACEHOLDER},
        {"tool_calls": [{"index": 0, **_function_call()}]},
    )
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    yield "[DONE]"


def _completion_head(kind: str, model: str) -> _Json:
    return {"id": _PLACEHOLDER, "object": kind, "created": 0, "model": model}


def _function_call() -> _Json:
    return {"id": _PLACEHOLDER, "type": "function", "function": {"name": "warm_up", "arguments": "{}"}}


def _message(model: str) -> _Json:
    content = [{"type": "text", "text": _PLACEHOLDER}, _tool_use()]
    return {**_message_head(model), "content": content, "stop_reason": "tool_use"}


def _message_events(model: str) -> Iterator[_Json | str]:
    yield {"type": "message_start", "message": _message_head(model)}
    blocks: tuple[tuple[_Json, _Json], ...] = (
        ({"type": "text", "text": ""}, {"type": "text_delta", "text": _PLACEHOLDER}),
        (_tool_use(), {"type": "input_json_delta", "partial_json": "{}"}),
    )
    for index, (block, delta) in enumerate(blocks):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": _no_usage()}
    yield {"type": "message_stop"}


def _message_head(model: str) -> _Json:
    head = {"id": _PLACEHOLDER, "type": "message", "role": "assistant", "model": model, "content": []}
    return {**head, "stop_reason": None, "stop_sequence": None, "usage": _no_usage()}


def _no_usage() -> _Json:
    return {"input_tokens": 0, "output_tokens": 0}


def _tool_use() -> _Json:
    return {"type": "tool_use", "id": _PLACEHOLDER, "name": "warm_up", "input": {}}


_APIS = (
    _Api("openai", "AsyncOpenAI", _completion, _completion_chunks),
    _Api("anthropic", "AsyncAnthropic", _message, _message_events),
)
