"""A warm-up pays what the first model call would have paid: no token is spent, nothing is recorded, no start fails."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import textwrap
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_core.models import UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from autogen_vitals import warming
from autogen_vitals.lifecycle.quiet import is_quiet

openai_clients = pytest.importorskip("autogen_ext.models.openai")
loopback = pytest.importorskip("autogen_vitals.local.loopback")
stub_model = pytest.importorskip("autogen_vitals.local.stub_model")

SECRET = "sk-secret-7f3a"
INFO: Any = {
    "vision": False,
    "function_calling": True,
    "json_output": True,
    "family": "unknown",
    "structured_output": True,
}
MESSAGES = [UserMessage(content="hello", source="user")]


class Endpoint:
    """The stub model, which notes what arrives."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str]] = []
        self.headers: list[dict[bytes, bytes]] = []
        self.connections: set[int] = set()
        self.url = ""
        self._app: Any = stub_model.create_app()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.requests.append((scope["method"], scope["path"]))
        self.headers.append(dict(scope["headers"]))
        self.connections.add(scope["client"][1])
        await self._app(scope, receive, send)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    app: Any = Endpoint()
    with loopback.LoopbackServer(app) as server:
        app.url = f"{server.url}/v1"
        yield app


@pytest.fixture
def warnings_of(caplog: pytest.LogCaptureFixture) -> Any:
    """What was warned of. All of it is clean: no message of an exception, no key."""
    caplog.set_level(logging.DEBUG)

    def found() -> list[str]:
        records = [record for record in caplog.records if record.name == "autogen_vitals"]
        warned = [record.getMessage() for record in records if record.levelno >= logging.WARNING]
        assert not any(SECRET in message for message in warned)
        assert all("the start goes on" in message for message in warned)
        return warned

    return found


def new_client(url: str, **arguments: Any) -> Any:
    return openai_clients.OpenAIChatCompletionClient(
        **{"model": "stub", "api_key": SECRET, "base_url": url, "model_info": INFO, **arguments}
    )


def add(a: int, b: int) -> int:
    """Add."""
    return a + b


def workbench(error: BaseException | None = None) -> Any:
    """A workbench as a class's names tell one: AutoGen has them from 0.5.4 on."""
    base: Any = type("Workbench", (), {"__module__": "autogen_core.tools._workbench"})

    class Ours(base):
        started = 0

        async def start(self) -> None:
            if error is not None:
                raise error
            self.started += 1

    return Ours()


# --- what is paid, and what is left alone -----------------------------------------------------------------------------


async def test_one_connection_and_no_completion(endpoint: Endpoint, warnings_of: Any) -> None:
    """All that arrives is one HEAD without credentials, and the first call goes over the connection it opened."""
    client = new_client(endpoint.url)
    assert await warming.warm_up(client, add, FunctionTool(add, "Adds.")) == ()
    assert endpoint.requests == [("HEAD", "/v1/")]
    assert not any(SECRET.encode() in value for value in endpoint.headers[0].values())
    assert await client.create(MESSAGES)
    assert [item async for item in client.create_stream(MESSAGES)]
    assert [method for method, _ in endpoint.requests] == ["HEAD", "POST", "POST"]
    assert len(endpoint.connections) == 1
    assert warnings_of() == []
    await client.close()


async def test_the_client_is_as_it_was(endpoint: Endpoint) -> None:
    """No usage is counted, no attribute is added or replaced."""
    client = new_client(endpoint.url)
    before = dict(vars(client))
    assert await warming.rehearse(client, [add])
    assert vars(client).keys() == before.keys()
    assert all(value is before[name] for name, value in vars(client).items())
    assert client.total_usage() == client.actual_usage() == type(client.total_usage())(0, 0)
    assert endpoint.requests == []


PROCESS = """
    import asyncio, json, sys
    from autogen_core.models import UserMessage
    from autogen_ext.models.openai import OpenAIChatCompletionClient
    from autogen_vitals import warming

    async def main():
        client = OpenAIChatCompletionClient(model="gpt-4o", api_key="key", base_url=sys.argv[1])
        if sys.argv[2] == "warm":
            assert await warming.warm_up(client) == ()
        before = set(sys.modules)
        await client.create([UserMessage(content="hello", source="user")])
        async for _ in client.create_stream([UserMessage(content="hello", source="user")]):
            pass
        print(json.dumps(sorted(set(sys.modules) - before)))

    asyncio.run(main())
"""


def test_the_first_call_imports_nothing_more(endpoint: Endpoint) -> None:
    """What the first call of a cold process imports is imported by the warm-up."""
    imported: dict[str, list[str]] = {}
    for start in ("cold", "warm"):
        command = [sys.executable, "-c", textwrap.dedent(PROCESS), endpoint.url, start]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=60, check=True)
        imported[start] = json.loads(done.stdout)
    assert any(name.startswith("openai.resources.chat") for name in imported["cold"])
    assert imported["warm"] == []


async def test_a_token_provider_is_not_asked(endpoint: Endpoint) -> None:
    """Neither Azure's nor a key that is a function's: a rehearsal has a key that is none."""
    asked: list[str] = []

    async def provider() -> str:
        asked.append("token")
        return SECRET

    client = openai_clients.AzureOpenAIChatCompletionClient(
        model="gpt-4o",
        azure_endpoint=endpoint.url,
        azure_deployment="ours",
        api_version="2024-06-01",
        azure_ad_token_provider=provider,
        model_info=INFO,
    )
    assert await warming.rehearse(client)
    assert await warming.connect(client)
    assert (asked, endpoint.requests) == ([], [("HEAD", "/v1/openai/deployments/ours/")])
    await client.close()


async def test_code_of_a_subclass_is_not_run(endpoint: Endpoint) -> None:
    """A client of the user's own class is rehearsed as the AutoGen class it extends."""
    calls: list[str] = []

    class Counting(openai_clients.OpenAIChatCompletionClient):
        async def create(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("create")
            return await super().create(*args, **kwargs)

    client = Counting(model="gpt-4o", api_key=SECRET, base_url=endpoint.url, model_info=INFO)
    assert await warming.rehearse(client)
    assert calls == []


async def test_a_client_in_a_client_is_found(endpoint: Endpoint) -> None:
    """A cache around a client is looked through."""

    class Cache(ReplayChatCompletionClient):
        def __init__(self, client: Any) -> None:
            super().__init__([])
            self.client = client

    cache = Cache(new_client(endpoint.url))
    assert await warming.rehearse(cache)
    assert await warming.connect(cache)
    await cache.client.close()


async def test_anthropic_too(endpoint: Endpoint) -> None:
    """The other SDK of the same make."""
    pytest.importorskip("anthropic")
    clients = pytest.importorskip("autogen_ext.models.anthropic")
    client = clients.AnthropicChatCompletionClient(
        model="claude-3-5-sonnet-latest", api_key=SECRET, base_url=endpoint.url, model_info=INFO
    )
    assert await warming.rehearse(client, [add])
    assert client.total_usage() == type(client.total_usage())(0, 0)
    assert await warming.connect(client)
    assert [method for method, _ in endpoint.requests] == ["HEAD"]
    await client.close()


# --- what is recorded -------------------------------------------------------------------------------------------------


async def test_a_rehearsal_leaves_no_trace(endpoint: Endpoint, caplog: pytest.LogCaptureFixture) -> None:
    """No span of anybody's, no log line of a model call, no Python warning; all is heard again afterwards."""
    caplog.set_level(logging.DEBUG)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    quiet: list[bool] = []

    class Traced(FunctionTool):
        @property
        def schema(self) -> Any:
            quiet.append(is_quiet())
            with provider.get_tracer("another").start_as_current_span("chat"):
                return super().schema

    # A name that AutoGen resolves to a dated one, and warns when the reply is another's.
    client, tool = new_client(endpoint.url, model="gpt-4o"), Traced(add, "Adds.")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert await warming.rehearse(client, [tool])
    assert quiet
    assert all(quiet)
    assert not is_quiet()
    assert exporter.get_finished_spans() == ()
    assert [record for record in caplog.records if record.name.startswith(("autogen", "httpx", "openai."))] == []

    with pytest.warns(UserWarning, match="Resolved model mismatch"):
        await client.create(MESSAGES, tools=[tool])
    assert not quiet[-1]
    assert exporter.get_finished_spans()
    heard = {record.name for record in caplog.records}
    assert "autogen_core.events" in heard
    assert heard & {"httpx", "httpx2"}
    await client.close()


async def test_a_client_with_nothing_to_warm(warnings_of: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and is no warning."""
    assert await warming.warm_up(ReplayChatCompletionClient(["reply"]), add) == ()
    assert warnings_of() == []
    assert "knows of nothing to warm in ReplayChatCompletionClient" in caplog.text


# --- what goes wrong --------------------------------------------------------------------------------------------------


async def test_a_dead_endpoint(warnings_of: Any) -> None:
    """One warning; the rehearsal needs no endpoint."""
    client = new_client("http://127.0.0.1:9/v1")
    assert await warming.rehearse(client)
    assert await warming.warm_up(client) == ("ConnectError",)
    assert [message.split(",")[0] for message in warnings_of()] == [
        "autogen-vitals: warm_up(): OpenAIChatCompletionClient could not connect (ConnectError)"
    ]


@pytest.mark.parametrize("behaviour", ["hangs up", "hangs"])
async def test_an_endpoint_that_does_not_answer(
    warnings_of: Any, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    """It is waited for as long as is said, and no longer."""
    monkeypatch.setattr(warming, "CONNECT_SECONDS", 0.2)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if behaviour == "hangs":
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    errors = await warming.warm_up(new_client(f"http://127.0.0.1:{port}/v1"))
    assert errors == (("TimeoutError",) if behaviour == "hangs" else ("RemoteProtocolError",))
    assert len(warnings_of()) == 1
    server.close()


async def test_each_part_goes_on_without_the_others(endpoint: Endpoint, warnings_of: Any) -> None:
    """A tool that AutoGen refuses, a workbench that fails and a dead endpoint: the rest is warm."""

    def untyped(x):  # type: ignore[no-untyped-def]
        return x

    started = workbench()
    broken = workbench(RuntimeError(SECRET))
    dead, alive = new_client("http://127.0.0.1:9/v1"), new_client(endpoint.url)
    errors = await warming.warm_up(dead, alive, broken, started, untyped)
    assert started.started == 1
    assert endpoint.requests == [("HEAD", "/v1/")]
    assert errors[-2:] == ("RuntimeError", "ConnectError")
    assert len(warnings_of()) == len(errors) == 4
    assert "Ours did not start (RuntimeError)" in warnings_of()[-2]
    await alive.close()


@pytest.mark.parametrize("stranger", [None, "gpt-4o", [add], object(), FunctionTool, {}])
async def test_a_wrong_object(stranger: object, warnings_of: Any) -> None:
    """It is named by its class and passed over."""
    assert await warming.warm_up(stranger) == ("TypeError",)
    (warning,) = warnings_of()
    assert f"{type(stranger).__name__} is no model client" in warning


async def test_a_closed_client(endpoint: Endpoint, warnings_of: Any) -> None:
    """It cannot connect any more."""
    client = new_client(endpoint.url)
    await client.close()
    assert await warming.warm_up(client) == ("RuntimeError",)
    assert len(warnings_of()) == 1


async def test_a_half_made_client(warnings_of: Any) -> None:
    """One whose constructor never ran has nothing to warm."""
    cls = openai_clients.OpenAIChatCompletionClient
    assert await warming.warm_up(object.__new__(cls)) == ()
    assert warnings_of() == []


async def test_a_cancelled_start_is_cancelled(warnings_of: Any) -> None:
    """Cancellation is not something that went wrong."""
    held = workbench()
    held.start = asyncio.Event().wait
    task = asyncio.ensure_future(warming.warm_up(held))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert warnings_of() == []


def test_an_interrupt_passes() -> None:
    """Nor is Ctrl+C."""
    running = warming.warm_up(workbench(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        running.send(None)


def test_what_is_what() -> None:
    """By class, whichever module made it."""
    client, tool = ReplayChatCompletionClient([]), FunctionTool(add, "Adds.")
    things = (client, workbench(), tool, add, 1)
    assert [warming.is_model_client(thing) for thing in things] == [True, False, False, False, False]
    assert [warming.is_workbench(thing) for thing in things] == [False, True, False, False, False]
    assert [warming.is_tool(thing) for thing in things] == [False, False, True, True, False]
