"""The transport table: whatever the installed SDK connects through, its connections and second tries are seen."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import httpcore
import openai
import pytest

pytest.importorskip("autogen_agentchat")

from autogen_core.models import ModelInfo, UserMessage
from autogen_ext.models.openai import OpenAIChatCompletionClient
from model_server import ModelServer
from observed import Vitals, assert_in_the_catalogue
from opentelemetry.sdk.trace import ReadableSpan

import autogen_vitals
from autogen_vitals.hooks.transport import TRANSPORT
from autogen_vitals.wrapping.importing import resolve, split_target

MODEL_INFO = ModelInfo(
    vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
)
OF_CONNECTING = {"autogen.connect.count", "autogen.connect.duration"}
OF_RETRYING = {"autogen.retry.count", "autogen.retry.duration"}
OF_WARMING = {"autogen.warm_up.duration", "autogen.warm_up.modules"}


# --- the table --------------------------------------------------------------------------------------------------------


def found(target: str) -> Any:
    """What a target names; ``None`` where its library, or an extra of that, is not installed."""
    module, path = split_target(target)
    try:
        imported = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        # trio is an extra of both libraries; a module that has moved would be one of the library's own.
        assert missing == "trio" or missing == module.partition(".")[0], f"{target} is nowhere"
        return None
    resolved = resolve(imported, path)
    assert resolved is not None, f"{target} is nowhere"
    return resolved[2]


def test_every_target_of_the_installed_libraries_exists() -> None:
    """A function that moved is noticed; only what is not installed may be missing."""
    connects = {row.target: found(row.target) for row in TRANSPORT.connects}
    retries = {target: found(target) for target in TRANSPORT.retries}
    assert connects["httpcore._backends.auto:AutoBackend.connect_tcp"] is not None
    assert connects["httpcore._backends.sync:SyncStream.start_tls"] is not None
    assert retries["openai._base_client:BaseClient._calculate_retry_timeout"] is not None


def test_the_table_knows_which_functions_are_coroutine_functions() -> None:
    """A coroutine that is timed as a call would always have connected at once."""
    for row in TRANSPORT.connects:
        function = found(row.target)
        if function is not None:
            assert inspect.iscoroutinefunction(inspect.unwrap(function)) is not row.is_synchronous, row.target


def test_both_kinds_of_streams_of_the_installed_backend_are_in_the_table() -> None:
    """Whatever has start_tls in the library is there, but what the library has for tests and for proxies."""
    targets = {row.target for row in TRANSPORT.connects}
    for name in ("anyio", "sync"):
        module = importlib.import_module(f"{httpcore.__name__}._backends.{name}")
        for cls in vars(module).values():
            if isinstance(cls, type) and cls.__module__ == module.__name__ and "start_tls" in vars(cls):
                target = f"{module.__name__}:{cls.__qualname__}.start_tls"
                assert target in targets or cls.__name__.startswith("TLSinTLS"), target


# --- a model over a real connection -----------------------------------------------------------------------------------


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model on a port of its own."""
    with ModelServer() as server:
        yield server


def client_of(model: ModelServer, **arguments: Any) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient(
        model="stub", api_key="sk-x", base_url=model.url, model_info=MODEL_INFO, **arguments
    )


async def ask(client: OpenAIChatCompletionClient) -> None:
    await client.create([UserMessage(content="x", source="user")])


def seconds(span: ReadableSpan) -> float:
    return ((span.end_time or 0) - (span.start_time or 0)) / 1e9


async def test_the_first_call_connects_and_warms_up_and_the_second_does_neither(
    vitals: Vitals, model: ModelServer
) -> None:
    """Its connection is the model call's and its request's; on one that is open, nothing is said of connecting."""
    client = client_of(model)
    await ask(client)
    await ask(client)
    first, second = vitals.spans("chat stub")
    assert (first.attributes["autogen.first_use"], second.attributes["autogen.first_use"]) == (True, False)
    assert first.attributes["autogen.warm_up.modules"] >= 0
    assert first.attributes["autogen.connect.count"] == first.attributes["autogen.request.connect.count"] == 1
    assert first.attributes["autogen.warm_up.duration"] > 0
    assert first.attributes["autogen.connect.duration"] > 0
    together = first.attributes["autogen.warm_up.duration"] + first.attributes["autogen.connect.duration"]
    assert together <= seconds(first)
    assert not (OF_CONNECTING | OF_WARMING | OF_RETRYING) & set(second.attributes)
    assert second.attributes["autogen.request.connect.count"] == 0
    assert [span.attributes["autogen.start.type"] for span in (first, second)] == ["cold", "warm"]
    assert model.connections == 1
    (point,) = vitals.points("autogen.connect.duration")
    assert (point.count, point.attributes["autogen.connect.stage"]) == (1, "dns_tcp")
    assert_in_the_catalogue([first, second])


async def test_a_stream_s_first_use_is_timed_too(vitals: Vitals, model: ModelServer) -> None:
    """What its code takes while it is iterated, and the connection it opens."""
    client = client_of(model)
    for _ in range(2):
        async for _item in client.create_stream([UserMessage(content="x", source="user")]):
            pass
    first, second = vitals.spans("chat stub")
    assert set(first.attributes) >= OF_CONNECTING | OF_WARMING
    assert 0 < first.attributes["autogen.warm_up.duration"] <= seconds(first)
    # Not every version of openai gives the connection of a stream back.
    assert not OF_WARMING & set(second.attributes)


async def test_a_connection_that_was_closed_makes_the_next_request_a_reconnect(
    vitals: Vitals, model: ModelServer
) -> None:
    """A model behind a proxy that keeps none, or an idle time that was too long."""
    client = client_of(model)
    model.closes = True
    for _ in range(3):
        await ask(client)
    assert [span.attributes["autogen.start.type"] for span in vitals.spans("chat stub")] == [
        "cold",
        "reconnect",
        "reconnect",
    ]
    assert [span.attributes["autogen.connect.count"] for span in vitals.spans("chat stub")] == [1, 1, 1]
    counts = {point.attributes["autogen.first_use"]: point.count for point in vitals.points("autogen.connect.duration")}
    assert counts == {True: 1, False: 2}


@pytest.mark.parametrize("first_use", [True, False], ids=["first use", "later"])
async def test_second_tries_are_counted_and_timed(first_use: bool, vitals: Vitals, model: ModelServer) -> None:
    """Two failures and two waits; what the try that works takes is not in it, nor what warms up."""
    client = client_of(model)
    if not first_use:
        await ask(client)
    model.failures = 2
    await ask(client)
    span = vitals.spans("chat stub")[-1]
    assert span.attributes["autogen.first_use"] is first_use
    assert span.attributes["autogen.retry.count"] == 2
    assert span.attributes["autogen.retry.duration"] >= 2 * model.wait_ms / 1000
    warming = span.attributes.get("autogen.warm_up.duration", 0.0)
    assert span.attributes["autogen.retry.duration"] + warming <= seconds(span) + 0.001
    assert model.requests == (3 if first_use else 4)
    assert_in_the_catalogue([span])


async def test_the_last_failure_is_no_second_try(vitals: Vitals, model: ModelServer) -> None:
    """One try was left, and the error is the app's."""
    model.failures = 9
    with pytest.raises(openai.InternalServerError):
        await ask(client_of(model, max_retries=1))
    span = vitals.span("chat stub")
    assert (span.attributes["autogen.retry.count"], span.attributes["error.type"]) == (1, "InternalServerError")


async def test_a_model_that_nobody_serves_is_a_connection_that_failed(vitals: Vitals, model: ModelServer) -> None:
    """None was opened, and the metric says why."""
    model.server_close()
    with pytest.raises(openai.APIConnectionError):
        await ask(client_of(model, max_retries=0))
    span = vitals.span("chat stub")
    assert (span.attributes["autogen.connect.count"], span.attributes["autogen.request.connect.count"]) == (0, 0)
    (point,) = vitals.points("autogen.connect.duration")
    assert point.attributes["error.type"] == "ConnectError"


async def test_what_warm_up_has_connected_the_first_call_need_not(vitals: Vitals, model: ModelServer) -> None:
    """The connection, and its time, are the warm-up's; what it did is one span, and its rehearsal none."""
    client = client_of(model)
    await autogen_vitals.warm_up(client)
    await ask(client)
    warm_up, chat = vitals.span("warm_up OpenAIChatCompletionClient"), vitals.span("chat stub")
    assert warm_up.attributes["autogen.init.stage"] == "warm_up"
    assert warm_up.attributes["autogen.connect.count"] == 1
    assert not OF_CONNECTING & set(chat.attributes)
    assert chat.attributes["autogen.first_use"] is True
    assert model.connections == 1
    autogen_vitals.flush()
    assert vitals.names() == ["init OpenAIChatCompletionClient", warm_up.name, chat.name]
    assert vitals.span("autogen.startup").attributes["autogen.startup.warm_up"] > 0
    assert_in_the_catalogue([warm_up, chat])
