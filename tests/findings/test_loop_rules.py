"""What blocks an event loop, or would: AG604 and AG605."""

from __future__ import annotations

import asyncio
import importlib
import time
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_core import FunctionCall
from autogen_core.models import CreateResult, ModelInfo, RequestUsage, UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient
from guilty_lines import guilty, named
from observed import Vitals, a_crash

import autogen_vitals
from autogen_vitals.findings.catalogue import catalogue, rule_of_crash
from autogen_vitals.findings.rule import Surroundings
from autogen_vitals.lifecycle.loops import Block
from autogen_vitals.lifecycle.sites import Site, SiteFinder

INFO = ModelInfo(vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False)
BLOCKED = 0.5
QUIET = {"human_input_mode": "NEVER", "code_execution_config": False, "llm_config": False}


def calling(tool: str) -> ReplayChatCompletionClient:
    """A model that asks for a tool."""
    call = FunctionCall(id="1", name=tool, arguments="{}")
    reply = CreateResult(finish_reason="function_calls", content=[call], usage=RequestUsage(1, 1), cached=False)
    return ReplayChatCompletionClient([reply], INFO)


class Blocking(ReplayChatCompletionClient):
    """A model client that does not await what it waits for."""

    async def create(self, *args: Any, **given: Any) -> CreateResult:
        time.sleep(BLOCKED)
        return await super().create(*args, **given)


# --- AG604 loop-blocked -----------------------------------------------------------------------------------------------


async def sleeps_on_the_loop() -> str:
    """Sleep as one must not."""
    time.sleep(BLOCKED)  # AG604
    return "slept"


async def test_a_tool_that_sleeps_on_the_loop_is_named(vitals: Vitals) -> None:
    """With the line that sleeps, whose run it was, and for how long."""
    with autogen_vitals.request("ask"):
        await AssistantAgent("a", calling("sleeps_on_the_loop"), tools=[sleeps_on_the_loop]).run(task="sleep")
    found = vitals.finding("AG604")
    assert named(found) == guilty(__file__, "AG604")
    assert (found["autogen.finding.severity"], found["autogen.finding.confidence"]) == ("warning", "observed")
    assert found["autogen.operation"] == "execute_tool sleeps_on_the_loop"
    assert 0.2 <= found["autogen.finding.duration"] <= BLOCKED * 5
    assert "sleeps_on_the_loop" in found["autogen.finding.evidence"]
    span = vitals.span("execute_tool sleeps_on_the_loop")
    assert span.attributes is not None
    assert span.attributes["autogen.finding.ids"] == ("AG604",)


async def test_tools_that_wait_elsewhere_block_nothing(vitals: Vitals) -> None:
    """A synchronous one, which AutoGen runs in a thread, and one that puts its waiting there itself."""

    def sleeps_in_a_thread() -> str:
        """Sleep where one may."""
        time.sleep(BLOCKED)
        return "slept"

    async def gives_it_to_a_thread() -> str:
        """Do likewise."""
        await asyncio.to_thread(time.sleep, BLOCKED)
        return "slept"

    for tool in (sleeps_in_a_thread, gives_it_to_a_thread):
        with autogen_vitals.request("ask"):
            await AssistantAgent("a", calling(tool.__name__), tools=[tool]).run(task="sleep")
    assert len(vitals.spans("execute_tool gives_it_to_a_thread")) == 1
    assert not vitals.findings("AG604")


async def test_what_a_first_use_blocks_for_is_another_rules(vitals: Vitals) -> None:
    """Of a model client that blocks in every call, the first one may be its warm-up; the second one is not."""
    client = Blocking(["a", "b"], INFO)
    for told in (0, 1):
        with autogen_vitals.request("ask"):
            await client.create([UserMessage(content="x", source="user")])
        assert len(vitals.findings("AG604")) == told
        await asyncio.sleep(0.1)  # the loop comes round, and its heartbeat with it


def surroundings() -> Surroundings:
    """Of a process of which nothing is known."""
    return Surroundings(SiteFinder(()), list, list, lambda: None, {})


def test_a_quota_that_was_used_up_is_said_and_is_no_fault_of_the_line() -> None:
    """From half of the time on it is no more than worth knowing; below that, nothing is said of it."""
    rule = catalogue()["AG604"](surroundings())
    site = Site("app.py", 7, "app.ask")
    throttled = rule.loop_blocked(Block(site, None, 1, 1_000_000_000, 600_000_000))
    assert throttled is not None
    assert throttled.severity == "info"
    assert "0.60 s" in throttled.evidence
    assert "CPU" in throttled.remedy
    busy = rule.loop_blocked(Block(site, None, 1, 1_000_000_000, 400_000_000))
    assert busy is not None
    assert (busy.severity, busy.site, busy.seconds) == ("warning", site, 1.0)
    assert "quota" not in busy.evidence


def test_a_block_that_no_line_is_known_of_is_told_without_one() -> None:
    """C code that holds the interpreter's lock leaves nobody to look at the stack."""
    found = catalogue()["AG604"](surroundings()).loop_blocked(Block(None, None, 1, 1_000_000_000, 0))
    assert found is not None
    assert found.site is None
    assert "in C code" in found.evidence


# --- AG605 sync-call-in-loop ------------------------------------------------------------------------------------------


@pytest.fixture
def autogen() -> Any:
    """Classic AutoGen."""
    pytest.importorskip("autogen")
    return importlib.import_module("autogen")


def talkers(autogen: Any, seconds: float) -> tuple[Any, Any]:
    """Two classic agents, the second of which thinks that long, without awaiting it."""

    def think(*_: Any, **__: Any) -> tuple[bool, str]:
        time.sleep(seconds)
        return True, "thought"

    asks, answers = (autogen.ConversableAgent(name, **QUIET) for name in ("asks", "answers"))
    answers.register_reply([autogen.ConversableAgent, None], think)
    return asks, answers


async def test_a_classic_chat_on_a_running_loop_is_named(vitals: Vitals, autogen: Any) -> None:
    """Once, as the chat and not as each of the calls it is made of, with the line that calls it."""
    asks, answers = talkers(autogen, 0.1)
    with autogen_vitals.request("ask"):
        asks.initiate_chat(answers, message="hello", max_turns=1, silent=True)  # AG605
    found = vitals.finding("AG605")
    assert named(found) == guilty(__file__, "AG605")
    assert found["autogen.finding.severity"] == "warning"
    assert found["autogen.operation"] == "invoke_workflow answers"
    assert 0.1 <= found["autogen.finding.duration"] <= 0.5
    assert "ConversableAgent" in found["autogen.finding.evidence"]


async def test_a_classic_chat_that_is_awaited_in_a_thread_or_short_is_not(vitals: Vitals, autogen: Any) -> None:
    """In a thread it may take as long as it likes; what is over in no time keeps nobody waiting."""
    asks, answers = talkers(autogen, 0.1)
    await asyncio.to_thread(asks.initiate_chat, answers, message="hello", max_turns=1, silent=True)
    asks, answers = talkers(autogen, 0)
    await asks.a_initiate_chat(answers, message="hello", max_turns=1, silent=True)
    assert len(vitals.spans("invoke_workflow answers")) == 2
    assert not vitals.findings("AG605")


def test_a_classic_chat_without_a_loop_is_what_it_was_made_for(vitals: Vitals, autogen: Any) -> None:
    """However long it takes."""
    asks, answers = talkers(autogen, 0.1)
    asks.initiate_chat(answers, message="hello", max_turns=1, silent=True)
    assert vitals.spans("invoke_workflow answers")
    assert not vitals.findings("AG605")


def runs_a_loop_in_a_loop(agent: AssistantAgent) -> None:
    """What asyncio refuses."""
    asyncio.run(agent.run(task="x"))  # AG605 asyncio.run


def goes_on_with_a_loop_that_runs(agent: AssistantAgent) -> None:
    """Likewise."""
    asyncio.get_running_loop().run_until_complete(agent.run(task="x"))  # AG605 run_until_complete


def wishes_for_run_sync(agent: Any) -> None:
    """There is no such method, and has never been."""
    agent.run_sync(task="x")  # AG605 run_sync


@pytest.mark.parametrize(
    ("mistake", "name"),
    [
        (runs_a_loop_in_a_loop, "asyncio.run"),
        (goes_on_with_a_loop_that_runs, "run_until_complete"),
        (wishes_for_run_sync, "run_sync"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_what_asyncio_or_autogen_refuses_is_this_rules(vitals: Vitals, mistake: Any, name: str) -> None:
    """Once it has got out of a request, with the line that asked for it."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route
    from starlette.testclient import TestClient

    async def ask(_: Request) -> PlainTextResponse:
        mistake(AssistantAgent("a", ReplayChatCompletionClient(["a"], INFO)))
        return PlainTextResponse("never")

    app = Starlette(routes=[Route("/", ask)])
    answer = await asyncio.to_thread(TestClient(app, raise_server_exceptions=False).get, "/")
    assert answer.status_code == 500
    found = vitals.finding("AG605")
    assert named(found) == guilty(__file__, f"AG605 {name}")
    (crash,) = vitals.events("autogen.crash")
    assert crash.attributes["autogen.finding.rule"] == "AG605"


@pytest.mark.parametrize("error", [RuntimeError("Event loop is closed"), AttributeError("no attribute 'run'")])
def test_other_errors_of_these_classes_are_not(error: Exception) -> None:
    """The class alone says nothing."""
    rule = rule_of_crash(a_crash(error_type=type(error).__name__, category="other", error=error))
    assert rule is None or rule.id != "AG605"
