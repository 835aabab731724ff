"""What is spent on connections and second tries: AG601, AG602 and AG603."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_core import CancellationToken
from autogen_core.models import ModelInfo, UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.openai import OpenAIChatCompletionClient
from guilty_lines import alone, guilty, named
from model_server import ModelServer
from observed import Vitals

import autogen_vitals
from autogen_vitals.lifecycle.observation import Network, Observation
from autogen_vitals.vocabulary import CHAT

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
MESSAGE = [UserMessage(content="x", source="user")]
ENOUGH = 12


@pytest.fixture
def model() -> Iterator[ModelServer]:
    """A model on a port of its own."""
    with ModelServer() as server:
        yield server


def options(model: ModelServer) -> dict[str, Any]:
    return {"model": "stub", "api_key": "sk-x", "base_url": model.url, "model_info": INFO}


def client_of(model: ModelServer, **more: Any) -> OpenAIChatCompletionClient:
    return OpenAIChatCompletionClient(**options(model), **more)


# --- AG601 tool-connects-on-first-use ---------------------------------------------------------------------------------


class Warehouse:
    """A service's client that connects when it is first asked, which takes its time."""

    def __init__(self, url: str, look_up_seconds: float = 0.5, reply_seconds: float = 0.0) -> None:
        self._url = f"{url}/stock"
        self._look_up_seconds, self._reply_seconds = look_up_seconds, reply_seconds
        self._http: Any = None

    async def stock(self) -> str:
        """What there is."""
        if self._http is None:
            self._http = importlib.import_module("httpx").AsyncClient()
            await asyncio.sleep(self._look_up_seconds)  # a slow look-up of the host's name
        await asyncio.sleep(self._reply_seconds)
        return str((await self._http.head(self._url)).status_code)

    async def hang_up(self) -> None:
        """Lose the connection."""
        await self._http.aclose()
        self._http = None


async def call(tool: FunctionTool, times: int) -> None:
    for _ in range(times):
        with autogen_vitals.request("ask"):
            await tool.run_json({}, CancellationToken())


async def test_a_tool_whose_first_call_connects_is_told_once_that_shows(vitals: Vitals, model: ModelServer) -> None:
    """With the third call that is faster, and where the tool was built."""
    warehouse = Warehouse(model.url)
    tool = FunctionTool(warehouse.stock, description="stock", name="connects_late")  # AG601
    await call(tool, 3)
    assert not vitals.findings("AG601")
    await call(tool, 3)
    found = vitals.finding("AG601")
    assert named(found) == guilty(__file__, "AG601")
    assert found["autogen.finding.severity"] == "warning"
    assert found["autogen.operation"] == "execute_tool connects_late"
    assert 0.5 <= found["autogen.finding.duration"] < 10
    assert "opened a connection in a request" in found["autogen.finding.evidence"]
    await warehouse.hang_up()


async def test_a_tool_is_not_told_whose_first_call_is_like_the_others(vitals: Vitals, model: ModelServer) -> None:
    """Because all are slow; because it has connected before it was called; or because it does so each time."""
    slow, early, anew = Warehouse(model.url, 0.05, 0.4), Warehouse(model.url), Warehouse(model.url)
    await early.stock()

    async def connects_each_time() -> str:
        try:
            return await anew.stock()
        finally:
            await anew.hang_up()

    await call(FunctionTool(slow.stock, description="stock", name="always_slow"), 5)
    await call(FunctionTool(early.stock, description="stock", name="connected_early"), 5)
    await call(FunctionTool(connects_each_time, description="stock"), 5)
    assert len(vitals.spans("execute_tool connected_early")) == 5
    assert not vitals.findings("AG601")
    await slow.hang_up()
    await early.hang_up()


async def test_a_later_connection_is_a_failover(vitals: Vitals, model: ModelServer) -> None:
    """A tool that had one from the start may lose it."""
    warehouse = Warehouse(model.url)
    await warehouse.stock()
    tool = FunctionTool(warehouse.stock, description="stock", name="fails_over")
    await call(tool, 2)
    await warehouse.hang_up()
    await call(tool, 5)
    assert len([span for span in vitals.spans() if (span.attributes or {}).get("autogen.connect.count")]) == 1
    assert not vitals.findings("AG601")
    await warehouse.hang_up()


async def test_two_calls_at_once_may_need_another_connection(vitals: Vitals, model: ModelServer) -> None:
    """That is not what the first one has paid for: it is told all the same."""
    warehouse = Warehouse(model.url, look_up_seconds=2.0, reply_seconds=0.1)
    tool = FunctionTool(warehouse.stock, description="stock", name="called_at_once")
    await call(tool, 1)
    await asyncio.gather(call(tool, 1), call(tool, 1))
    connects = [span.attributes.get("autogen.connect.count") for span in vitals.spans("execute_tool called_at_once")]
    assert sorted(connects, key=bool) == [None, 1, 1]
    await call(tool, 3)
    assert vitals.finding("AG601")["autogen.operation"] == "execute_tool called_at_once"
    await warehouse.hang_up()


async def test_in_a_script_nobody_waits_for_a_tool_to_connect(vitals: Vitals, model: ModelServer) -> None:
    """Only in a request that is served."""
    warehouse = Warehouse(model.url)
    tool = FunctionTool(warehouse.stock, description="stock", name="of_a_script")
    for _ in range(5):
        await tool.run_json({}, CancellationToken())
    assert vitals.spans("execute_tool of_a_script")[0].attributes["autogen.connect.count"] == 1  # type: ignore[index]
    assert not vitals.findings("AG601")
    await warehouse.hang_up()


# --- AG602 new-connection-each-call -----------------------------------------------------------------------------------


async def test_a_client_that_connects_for_each_call_is_told_with_its_line(vitals: Vitals, model: ModelServer) -> None:
    """From the tenth call on that could have had a connection; the first one could not."""
    model.closes = True
    client = OpenAIChatCompletionClient(**options(model))  # AG602
    for number in range(ENOUGH):
        assert bool(vitals.findings("AG602")) is (number > 10)
        await client.create(MESSAGE)
    found = vitals.finding("AG602")
    assert named(found) == guilty(__file__, "AG602")
    assert found["autogen.finding.severity"] == "warning"
    assert found["autogen.component.type"] == "OpenAIChatCompletionClient"
    assert (found["autogen.finding.count"], model.connections) == (10, ENOUGH)
    assert "10 of 10 calls" in found["autogen.finding.evidence"]
    await client.close()


async def test_connections_that_are_kept_or_needed_are_no_matter(vitals: Vitals, model: ModelServer) -> None:
    """One that serves all calls; and many that serve as many calls at once."""
    client = client_of(model)
    for _ in range(ENOUGH):
        await client.create(MESSAGE)
    assert model.connections == 1
    await client.close()
    client = client_of(model)
    for _ in range(2):
        await asyncio.gather(*(client.create(MESSAGE) for _ in range(ENOUGH)))
    assert model.connections > 2
    await client.close()
    assert not vitals.findings("AG602")


async def test_a_client_for_each_request_is_another_rules(vitals: Vitals, model: ModelServer) -> None:
    """Its first call has nothing to reuse."""
    for _ in range(ENOUGH):
        client = client_of(model)
        await client.create(MESSAGE)
        await client.close()
    assert model.connections == ENOUGH
    assert not vitals.findings("AG602")


async def test_what_has_idled_for_longer_than_it_is_kept_may_be_closed(
    vitals: Vitals, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as a call can be told from the one before: here, no time at all is short enough."""
    module = importlib.import_module("autogen_vitals.findings.rules.ag602")
    monkeypatch.setattr(module, "_KEPT_NS", 0)
    model.closes = True
    client = client_of(model)
    for _ in range(ENOUGH):
        await client.create(MESSAGE)
    assert not vitals.findings("AG602")
    await client.close()


# --- AG603 retries-dominate -------------------------------------------------------------------------------------------


async def test_a_call_that_went_by_in_retries_is_told_though_it_succeeded(vitals: Vitals, model: ModelServer) -> None:
    """How often, because of what, and how much of the call that was; at the line of the call."""
    client = client_of(model)
    await client.create(MESSAGE)
    model.failures, model.wait_ms = 2, 100
    await client.create(MESSAGE)  # AG603
    found = vitals.finding("AG603")
    assert named(found) == guilty(__file__, "AG603")
    assert (found["autogen.finding.severity"], found["autogen.finding.count"]) == ("warning", 2)
    assert 0.2 <= found["autogen.finding.duration"] < 10
    assert 0.3 < found["autogen.finding.share"] <= 1
    assert "2 times" in found["autogen.finding.evidence"]
    assert "and succeeded" in found["autogen.finding.evidence"]
    await client.close()


async def test_a_call_whose_tries_all_failed_is_told_once(vitals: Vitals, model: ModelServer) -> None:
    """As the call, not as the exception too that it has failed with; that leads to the same page if its kind does."""
    client = client_of(model, max_retries=1)
    model.failures, model.wait_ms = 9, 100
    with pytest.raises(Exception, match="500"):
        await client.create(MESSAGE)
    assert "and failed with InternalServerError" in vitals.finding("AG603")["autogen.finding.evidence"]
    await client.close()


async def test_one_try_that_failed_is_worth_knowing_and_no_more(vitals: Vitals, model: ModelServer) -> None:
    """The SDK is there for that."""
    client = client_of(model)
    model.failures, model.wait_ms = 1, 200
    await client.create(MESSAGE)
    found = vitals.finding("AG603")
    assert (found["autogen.finding.severity"], found["autogen.finding.count"]) == ("info", 1)
    await client.close()


async def test_a_call_that_is_not_tried_again_is_not_told(vitals: Vitals, model: ModelServer) -> None:
    """Neither one that fails at once, nor one that succeeds."""
    client = client_of(model, max_retries=0)
    model.failures = 1
    with pytest.raises(Exception, match="500"):
        await client.create(MESSAGE)
    await client.create(MESSAGE)
    assert not vitals.findings("AG603")
    await client.close()


async def test_the_share_is_a_setting(silent_vitals: Vitals, model: ModelServer) -> None:
    """A hundred per cent is never exceeded."""
    silent_vitals.enable(thresholds="AG603=100")
    client = client_of(model)
    model.failures = 1
    await client.create(MESSAGE)
    assert silent_vitals.spans("chat stub")[0].attributes["autogen.retry.count"] == 1  # type: ignore[index]
    assert not silent_vitals.findings("AG603")
    await client.close()


def test_what_a_closed_loop_has_cost_is_another_rules(vitals: Vitals) -> None:
    """AG204 tells of these tries: it is not the provider that was late."""

    def retried(category: Any) -> Observation:
        network = Network(retry_count=1, retry_ns=90, retry_category=category)
        return Observation(
            "model_client", "Client", CHAT, None, "openai", None, 1, "request", 1, None, None,
            duration_ns=100, network=network,
        )  # fmt: skip

    rule = alone("AG603")
    assert rule.run_ended(retried("event_loop_closed")) is None
    assert rule.run_ended(retried("timeout")) is not None
