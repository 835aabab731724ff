"""The AutoGen table: every kind of component, on whatever AutoGen version is installed."""

from __future__ import annotations

import asyncio
import copy
import importlib.util
import pickle
import re
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from types import AsyncGeneratorType
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent, UserProxyAgent
from autogen_agentchat.base import Response
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import (
    AgentId,
    CancellationToken,
    FunctionCall,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    __version__ as autogen_version,
    message_handler,
)
from autogen_core.code_executor import CodeBlock
from autogen_core.memory import ListMemory
from autogen_core.models import CreateResult, ModelInfo, RequestUsage, UserMessage
from autogen_core.tools import BaseTool, FunctionTool
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.openai import AzureOpenAIChatCompletionClient, OpenAIChatCompletionClient
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals, parent_name
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode
from pydantic import BaseModel
from tool_functions import add, fail

from autogen_vitals.hooks.agentchat import AUTOGEN
from autogen_vitals.lifecycle.watches import Described, InitWatch

VERSION = tuple(int(part) for part in autogen_version.split(".")[:3])
MODEL_INFO = ModelInfo(
    vision=False, function_calling=True, json_output=False, family="unknown", structured_output=False
)
UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")


def replay(*replies: Any) -> ReplayChatCompletionClient:
    client = ReplayChatCompletionClient(list(replies), model_info=MODEL_INFO)
    client.set_cached_bool_value(False)
    return client


def tool_call(name: str, arguments: str) -> CreateResult:
    return CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="1", name=name, arguments=arguments)],
        usage=RequestUsage(prompt_tokens=7, completion_tokens=3),
        cached=False,
    )


# --- the table itself -------------------------------------------------------------------------------------------------


def test_every_target_of_this_version_resolves() -> None:
    """A row whose class moved is noticed: only the rows of later versions and of absent extras may be missing."""
    missing = []
    for component in AUTOGEN.components:
        module, _, name = component.target.partition(":")
        try:
            cls = getattr(importlib.import_module(module), name)
        except ImportError:
            missing.append(name)
            continue
        methods = [run.method for run in component.runs]
        assert component.kind in ("tool", "workbench") or all(hasattr(cls, method) for method in methods), name
    allowed = {"GrpcWorkerAgentRuntime", "GrpcWorkerAgentRuntimeHost"}
    if importlib.util.find_spec("docker") is None:
        allowed.add("DockerCommandLineCodeExecutor")
    if VERSION < (0, 5, 5):
        allowed |= {"Workbench", "StaticWorkbench"}
    assert set(missing) <= allowed


# --- inits ------------------------------------------------------------------------------------------------------------


def test_each_component_is_one_init_however_many_constructors_run(vitals: Vitals) -> None:
    """Outermost wins: client, tool, agent, team, executor, memory and runtime are one init span each."""
    OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-CANARY-KEY")
    FunctionTool(add, "Add")
    agent = AssistantAgent("writer", replay())
    RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(2))
    LocalCommandLineCodeExecutor()
    ListMemory()
    kinds = {span.name: span.attributes["autogen.component.kind"] for span in vitals.spans()}
    assert (
        kinds.items()
        >= {
            "init OpenAIChatCompletionClient": "model_client",
            "init FunctionTool": "tool",
            "init ReplayChatCompletionClient": "model_client",
            "init AssistantAgent": "agent",
            "init RoundRobinGroupChat": "team",
            "init SingleThreadedAgentRuntime": "runtime",
            "init LocalCommandLineCodeExecutor": "code_executor",
            "init ListMemory": "memory",
        }.items()
    )
    assert len(vitals.names()) == len(set(vitals.names()))


def test_an_init_names_its_site_its_stage_and_its_component(vitals: Vitals) -> None:
    """The span says which line of the user's built what, in which process and phase."""
    AssistantAgent("writer", replay())
    attributes = dict(vitals.span("init AssistantAgent").attributes)
    assert attributes.pop("process.pid") > 0
    assert attributes.pop("process.parent_pid") > 0
    line = attributes.pop("code.line.number")
    assert "AssistantAgent(" in Path(__file__).read_text().splitlines()[line - 1]
    assert attributes == {
        "autogen.component.kind": "agent",
        "autogen.component.type": "AssistantAgent",
        "autogen.component.name": "writer",
        "autogen.phase": "startup",
        "autogen.init.stage": "construct",
        "autogen.init.sequence": 1,
        "autogen.reinit": False,
        "code.file.path": __file__,
        "code.function.name": f"{__name__}.test_an_init_names_its_site_its_stage_and_its_component"
        if hasattr(add.__code__, "co_qualname")
        else attributes["code.function.name"],
    }


def test_a_site_that_builds_again_is_a_reinit(vitals: Vitals) -> None:
    """The second client of one line is flagged, one of another line is not; both counters tell."""
    for _ in range(3):
        OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-CANARY-KEY")
    OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-CANARY-KEY")
    spans = vitals.spans("init OpenAIChatCompletionClient")
    assert [span.attributes["autogen.reinit"] for span in spans] == [False, True, True, False]
    assert [span.attributes["autogen.init.sequence"] for span in spans] == [1, 2, 3, 1]
    (reinits,) = vitals.points("autogen.reinits")
    assert (reinits.value, dict(reinits.attributes)) == (
        2,
        {"autogen.component.kind": "model_client", "autogen.component.type": "OpenAIChatCompletionClient"},
    )
    (seconds,) = vitals.points("autogen.reinit.time")
    built_again = [(span.end_time - span.start_time) / 1e9 for span in spans[1:3]]
    assert seconds.value == pytest.approx(sum(built_again), rel=1e-6)


def test_cheap_repeats_are_counted_not_spanned(silent_vitals: Vitals) -> None:
    """A hundred cheap agents of one line are one span and a hundred measurements."""
    silent_vitals.enable(init_span_threshold=60_000)
    client = replay()
    for _ in range(100):
        AssistantAgent("writer", client)
    assert len(silent_vitals.spans("init AssistantAgent")) == 1
    points = silent_vitals.points("autogen.init.duration")
    agents = [point for point in points if point.attributes["autogen.component.type"] == "AssistantAgent"]
    assert sorted((point.attributes["autogen.reinit"], point.count) for point in agents) == [(False, 1), (True, 99)]


def test_each_init_that_fails_has_a_span(silent_vitals: Vitals) -> None:
    """However cheap it was: its crash is looked for in a trace."""
    silent_vitals.enable(init_span_threshold=60_000)
    client = replay()
    for _ in range(3):
        with pytest.raises(ValueError, match="name"):
            AssistantAgent("not a name", client)
    spans = silent_vitals.spans("init AssistantAgent")
    assert [span.attributes["error.type"] for span in spans] == ["ValueError"] * 3
    crashes = silent_vitals.events("autogen.crash")
    assert [crash.span_id for crash in crashes] == [span.context.span_id for span in spans]


def test_a_constructor_that_raises_is_an_init_with_its_error(vitals: Vitals, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exception is the app's own, the span names its class, and nothing says what the message said."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Exception, match="api_key") as raised:
        OpenAIChatCompletionClient(model="gpt-4o-mini")
    span = vitals.span("init OpenAIChatCompletionClient")
    assert span.status.status_code is StatusCode.ERROR
    assert span.status.description is None
    assert span.attributes["error.type"] == type(raised.value).__name__
    (event,) = span.events
    assert (event.name, event.attributes["exception.type"]) == ("exception", type(raised.value).__name__)
    assert set(event.attributes) == {"exception.type", "exception.stacktrace"}


def test_unpickling_and_copying_a_client_is_an_init_of_stage_restore(vitals: Vitals) -> None:
    """The copy rebuilds the SDK's client behind the constructor's back: it is seen all the same."""
    client = OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-CANARY-KEY")
    pickle.loads(pickle.dumps(client))
    copy.deepcopy(client)
    stages = [span.attributes["autogen.init.stage"] for span in vitals.spans("init OpenAIChatCompletionClient")]
    assert stages == ["construct", "restore", "restore"]


def test_load_component_is_an_init_at_the_line_that_loads(vitals: Vitals) -> None:
    """A component that is built from a config counts like one built by hand."""
    config = AssistantAgent("writer", replay("x")).dump_component()
    loaded = AssistantAgent.load_component(config)
    assert loaded.name == "writer"
    assert len(vitals.spans("init AssistantAgent")) == 2
    assert vitals.spans("init AssistantAgent")[1].attributes["code.file.path"] == __file__


async def test_second_stage_inits_are_inits(vitals: Vitals) -> None:
    """A team registers with its runtime once, inside its first run; an executor starts where start() is called."""
    team = RoundRobinGroupChat(
        [AssistantAgent("one", replay("a", "b"))], termination_condition=MaxMessageTermination(2)
    )
    await team.run(task="x")
    await team.reset()
    await team.run(task="x")
    starts = [span for span in vitals.spans() if span.attributes.get("autogen.init.stage") == "start"]
    assert [span.name for span in starts] == ["init RoundRobinGroupChat"]
    assert parent_name(starts[0], vitals.spans()).startswith("invoke_workflow ")
    if hasattr(LocalCommandLineCodeExecutor, "start"):
        async with LocalCommandLineCodeExecutor():
            pass
        stages = [s.attributes["autogen.init.stage"] for s in vitals.spans("init LocalCommandLineCodeExecutor")]
        assert stages == ["construct", "start"]


# --- runs -------------------------------------------------------------------------------------------------------------


async def test_an_agent_run_is_one_span_with_its_model_call_inside(vitals: Vitals) -> None:
    """run → on_messages → on_messages_stream is one operation; kinds and attributes follow the conventions."""
    agent = AssistantAgent("writer", replay("CANARY-REPLY"))
    vitals.exporter.clear()
    await agent.run(task="CANARY-PROMPT")
    assert vitals.names() == ["chat", "invoke_agent writer"]
    chat, run = vitals.spans()
    assert parent_name(chat, vitals.spans()) == "invoke_agent writer"
    assert (chat.kind, run.kind) == (SpanKind.CLIENT, SpanKind.INTERNAL)
    others = ("process.", "autogen.startup.")
    attributes = {name: value for name, value in run.attributes.items() if not name.startswith(others)}
    duration = attributes.pop("autogen.request.init.duration")
    assert duration == 0.0
    assert attributes == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "autogen",
        "gen_ai.agent.name": "writer",
        "autogen.component.kind": "agent",
        "autogen.component.type": "AssistantAgent",
        "autogen.phase": "request",
        "autogen.start.type": "cold",
        "autogen.request.init.count": 0,
        "autogen.request.connect.count": 0,
    }
    assert chat.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert chat.attributes["gen_ai.usage.output_tokens"] >= 1


@pytest.mark.parametrize("way", ["run", "run_stream", "on_messages", "on_messages_stream"])
async def test_every_way_to_run_an_agent_is_one_span(vitals: Vitals, way: str) -> None:
    """Whichever of the four entries is called, one invoke_agent comes out."""
    agent = AssistantAgent("writer", replay("a", "b"))
    message = TextMessage(content="x", source="user")
    if way == "run":
        await agent.run(task="x")
    elif way == "run_stream":
        assert [item async for item in agent.run_stream(task="x")]
    elif way == "on_messages":
        await agent.on_messages([message], CancellationToken())
    else:
        assert [item async for item in agent.on_messages_stream([message], CancellationToken())]
    assert len(vitals.spans("invoke_agent writer")) == 1


async def test_an_item_passes_each_run_once(vitals: Vitals) -> None:
    """What a run calls that is the same run once more gives its own stream, with nothing of ours around it."""
    seen: dict[str, type] = {}

    class Looking(AssistantAgent):
        def on_messages_stream(self, *args: Any, **kwargs: Any) -> Any:
            stream = super().on_messages_stream(*args, **kwargs)
            seen["of the same run"] = type(stream)
            return stream

    agent = Looking("writer", replay("a b c"), model_client_stream=True)
    outermost = agent.run_stream(task="x")
    assert [item async for item in outermost]
    assert seen["of the same run"] is AsyncGeneratorType
    assert type(outermost) is not AsyncGeneratorType
    assert vitals.names().count("invoke_agent writer") == 1


async def test_a_tool_call_is_one_span_and_its_failure_is_an_error(vitals: Vitals) -> None:
    """AutoGen swallows a tool's exception into its result; the tool's span says ERROR all the same."""
    client = replay(tool_call("add", '{"a": 1, "b": 2}'), tool_call("fail", '{"a": 1}'), "done")
    agent = AssistantAgent("writer", client, tools=[add, fail])
    await agent.run(task="x")
    await agent.run(task="x")
    good, bad = vitals.span("execute_tool add"), vitals.span("execute_tool fail")
    assert parent_name(good, vitals.spans()) == "invoke_agent writer"
    assert good.status.status_code is StatusCode.UNSET
    assert (bad.status.status_code, bad.attributes["error.type"]) == (StatusCode.ERROR, "LookupError")
    assert good.attributes["gen_ai.tool.name"] == "add"
    assert {point.attributes.get("error.type") for point in vitals.points("gen_ai.execute_tool.duration")} == {
        None,
        "LookupError",
    }


async def test_a_two_turn_team_run_is_one_trace_of_at_most_ten_spans(vitals: Vitals) -> None:
    """One operation one span, one team run one trace, no id in a span name, no message text anywhere."""
    client = replay("CANARY-REPLY one", "CANARY-REPLY two")
    team = RoundRobinGroupChat(
        [AssistantAgent("one", client), AssistantAgent("two", client)], termination_condition=MaxMessageTermination(3)
    )
    vitals.exporter.clear()
    result = await team.run(task="CANARY-PROMPT")
    assert len(result.messages) == 3
    assert all(span.instrumentation_scope.name == "autogen_vitals" for span in vitals.all_spans())
    spans = vitals.spans()
    assert len({span.context.trace_id for span in spans}) == 1
    assert len(spans) <= 10
    roots = [span.name for span in spans if span.parent is None]
    assert len(roots) == 1
    assert roots[0].startswith("invoke_workflow ")
    for agent in ("one", "two"):
        assert parent_name(vitals.span(f"invoke_agent {agent}"), spans) == roots[0]
    assert not any(UUID.search(span.name) for span in spans)
    assert "CANARY" not in "".join(span.to_json() for span in spans)


async def test_native_spans_are_kept_when_asked_for(silent_vitals: Vitals) -> None:
    """native_spans=keep leaves AutoGen's own spans beside ours."""
    silent_vitals.enable(native_spans="keep")
    team = RoundRobinGroupChat([AssistantAgent("one", replay("a"))], termination_condition=MaxMessageTermination(2))
    await team.run(task="x")
    scopes = {span.instrumentation_scope.name for span in silent_vitals.all_spans()}
    assert {"autogen_vitals", "autogen SingleThreadedAgentRuntime"} <= scopes


async def test_a_participant_that_fails_names_its_own_class_once(vitals: Vitals) -> None:
    """The team's RuntimeError hides the class in its text; the spans say it, and only the innermost has the event."""
    agent = AssistantAgent("one", replay("a", tool_call("x", "{}")))

    async def broken(*args: Any, **kwargs: Any) -> Any:
        raise LookupError("CANARY-MESSAGE")

    agent._model_client.create = broken  # type: ignore[method-assign]
    team = RoundRobinGroupChat([agent], termination_condition=MaxMessageTermination(3))
    with pytest.raises(Exception, match="CANARY-MESSAGE"):
        await team.run(task="x")
    workflow = next(span for span in vitals.spans() if span.name.startswith("invoke_workflow"))
    participant = vitals.span("invoke_agent one")
    for span in (workflow, participant):
        assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "LookupError")
    assert [len(span.events) for span in (participant, workflow)] == [1, 0]
    assert "CANARY-MESSAGE" not in "".join(span.to_json() for span in vitals.all_spans())


async def test_a_cancelled_run_is_an_error_and_a_broken_off_stream_is_none(vitals: Vitals) -> None:
    """Cancellation is told apart from a consumer that has seen enough."""

    class Slow(BaseChatAgent):
        produced_message_types = (TextMessage,)

        async def on_messages(self, messages: Sequence[Any], cancellation_token: CancellationToken) -> Response:
            await asyncio.Event().wait()
            raise AssertionError

        async def on_reset(self, cancellation_token: CancellationToken) -> None: ...

    task = asyncio.ensure_future(Slow("slow", "x").run(task="x"))
    while vitals.installed.telemetry.spans._live == {}:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    span = vitals.span("invoke_agent slow")
    assert (span.status.status_code, span.attributes["error.type"]) == (StatusCode.ERROR, "CancelledError")

    async for _ in AssistantAgent("writer", replay("a")).run_stream(task="x"):
        assert not trace.get_current_span().get_span_context().is_valid
        break
    await asyncio.sleep(0)
    assert vitals.span("invoke_agent writer").status.status_code is StatusCode.UNSET


async def test_streamed_tokens_are_counted_once_with_the_time_to_the_first(vitals: Vitals) -> None:
    """create_stream gives usage with its last item and a time to first chunk; run and stream spans are one each."""
    agent = AssistantAgent("writer", replay("a b c"), model_client_stream=True)
    items = [item async for item in agent.run_stream(task="x")]
    assert len(items) > 3
    assert sorted(vitals.names()) == sorted({*vitals.names()})
    chat = vitals.span("chat")
    used = {point.attributes["gen_ai.token.type"]: point.sum for point in vitals.points("gen_ai.client.token.usage")}
    assert used == {
        "input": chat.attributes["gen_ai.usage.input_tokens"],
        "output": chat.attributes["gen_ai.usage.output_tokens"],
    }
    (first,) = vitals.points("gen_ai.client.operation.time_to_first_chunk")
    assert first.count == 1


async def test_a_caching_client_is_one_model_call_and_a_hit_costs_no_tokens(vitals: Vitals) -> None:
    """The cache calls the real client inside itself: one chat span, told as the real client's; a hit uses nothing."""
    from autogen_core import InMemoryStore
    from autogen_ext.models.cache import ChatCompletionCache

    client = ChatCompletionCache(replay("a"), InMemoryStore())
    for _ in range(2):
        await client.create([UserMessage(content="x", source="user")])
    # create_stream of this client is a plain function that returns an async generator.
    streaming = ChatCompletionCache(replay("a b"), InMemoryStore())
    assert [item async for item in streaming.create_stream([UserMessage(content="y", source="user")])]
    assert len(vitals.spans("chat")) == 3
    points = vitals.points("gen_ai.client.token.usage")
    assert sum(point.count for point in points) == 4  # input and output of the two misses


@pytest.mark.skipif(VERSION < (0, 5, 5), reason="this AutoGen has no workbenches")
async def test_a_workbench_that_starts_lazily_is_an_init_inside_its_first_call(vitals: Vitals) -> None:
    """As McpWorkbench does: the start is told apart from the call, and a failure reported in the result is an error."""
    from autogen_core.tools import TextResultContent, ToolResult, Workbench

    class Remote(Workbench):
        started = False

        async def list_tools(self) -> list[Any]:
            return []

        async def call_tool(self, name: str, arguments: Any = None, *args: Any, **kwargs: Any) -> ToolResult:
            if not self.started:
                await self.start()
            return ToolResult(name=name, result=[TextResultContent(content="CANARY")], is_error=name == "broken")

        async def start(self) -> None:
            self.started = True

        async def stop(self) -> None: ...

        async def reset(self) -> None: ...

        async def save_state(self) -> Any: ...

        async def load_state(self, state: Any) -> None: ...

    remote = Remote()
    await remote.call_tool("search", {"text": "CANARY"})
    await remote.call_tool(name="broken")
    search, broken = vitals.span("execute_tool search"), vitals.span("execute_tool broken")
    start = vitals.span(f"init {Remote.__qualname__}")
    assert start.attributes["autogen.init.stage"] == "start"
    assert parent_name(start, vitals.spans()) == "execute_tool search"
    assert search.status.status_code is StatusCode.UNSET
    assert (broken.status.status_code, broken.attributes["error.type"]) == (StatusCode.ERROR, "ToolError")
    assert "CANARY" not in "".join(span.to_json() for span in vitals.all_spans())


async def test_model_spans_off_and_on(silent_vitals: Vitals) -> None:
    """The setting decides; the agent's own span stays."""
    silent_vitals.enable(model_spans="off")
    await AssistantAgent("writer", replay("a")).run(task="x")
    assert silent_vitals.spans("chat") == []
    assert len(silent_vitals.spans("invoke_agent writer")) == 1
    assert silent_vitals.points("gen_ai.client.operation.duration") == []


async def test_model_spans_step_aside_for_another_instrumentation(
    vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While somebody has wrapped the SDK's own method, the chat span and its metrics are theirs."""
    import wrapt
    from openai.resources.chat.completions import AsyncCompletions

    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        raise LookupError("theirs")

    monkeypatch.setattr(AsyncCompletions, "create", wrapt.FunctionWrapper(AsyncCompletions.create, theirs))
    client = OpenAIChatCompletionClient(model="gpt-4o-mini", api_key="sk-CANARY-KEY")
    for undone in (False, True):
        if undone:
            monkeypatch.undo()
            monkeypatch.setattr(AsyncCompletions, "create", lambda *args, **kwargs: 1 / 0)
        with pytest.raises((LookupError, ZeroDivisionError)):
            await client.create([UserMessage(content="x", source="user")])
    (chat,) = vitals.spans("chat gpt-4o-mini")
    assert chat.attributes["gen_ai.provider.name"] == "openai"
    assert [point.count for point in vitals.points("gen_ai.client.operation.duration")] == [1]


async def test_code_execution_is_a_run(vitals: Vitals, tmp_path: Path) -> None:
    """An executor's call is one execute_code span."""
    executor = LocalCommandLineCodeExecutor(work_dir=tmp_path)
    if hasattr(executor, "start"):
        await executor.start()
    result = await executor.execute_code_blocks([CodeBlock(code="print(1)", language="python")], CancellationToken())
    assert result.exit_code == 0
    assert vitals.span("execute_code").attributes["autogen.component.kind"] == "code_executor"
    assert vitals.span("execute_code").attributes["autogen.code_execution.exit_code"] == 0


def test_providers_and_models_are_told_by_class(vitals: Vitals) -> None:
    """OpenAI and Azure clients, and a user's subclass, know their provider."""

    class Mine(OpenAIChatCompletionClient):
        pass

    described = Described("model_client", ("name",), AUTOGEN.providers)
    provider = InitWatch(vitals.installed.tracker, described, "construct")._find_provider
    assert [provider(cls) for cls in (Mine, AzureOpenAIChatCompletionClient, ReplayChatCompletionClient)] == [
        "openai",
        "azure.ai.openai",
        "autogen",
    ]


# --- the user's own classes -------------------------------------------------------------------------------------------


class OverridesMessages(BaseChatAgent):
    """With super().__init__(), overriding on_messages."""

    produced_message_types = (TextMessage,)

    def __init__(self, name: str) -> None:
        super().__init__(name, "x")

    async def on_messages(self, messages: Sequence[Any], cancellation_token: CancellationToken) -> Response:
        return Response(chat_message=TextMessage(content="ok", source=self.name))

    async def on_reset(self, cancellation_token: CancellationToken) -> None: ...


class OverridesStream(OverridesMessages):
    """Without super().__init__(), overriding on_messages_stream and run."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._description = "x"

    async def on_messages_stream(
        self, messages: Sequence[Any], cancellation_token: CancellationToken
    ) -> AsyncGenerator[Any, None]:
        yield Response(chat_message=TextMessage(content="ok", source=self.name))

    async def run(self, **kwargs: Any) -> Any:
        return await super().run(**kwargs)


class Numbers(BaseModel):
    a: int


class OwnTool(BaseTool[Numbers, Numbers]):
    """Overrides run, calls no super().run()."""

    def __init__(self) -> None:
        super().__init__(Numbers, Numbers, "own", "x")

    async def run(self, args: Numbers, cancellation_token: CancellationToken) -> Numbers:
        return args


class OwnClient(ReplayChatCompletionClient):
    """A user's model client."""

    async def create(self, *args: Any, **kwargs: Any) -> CreateResult:
        return await super().create(*args, **kwargs)


async def test_user_classes_defined_before_enabling_are_covered(vitals: Vitals) -> None:
    """Agents, tools and clients of the user's, with and without super().__init__(), are inits and runs."""
    await OverridesMessages("first").run(task="x")
    await OverridesStream("second").run(task="x")
    assert [item async for item in OverridesStream("third").run_stream(task="x")]
    tool = OwnTool()
    await tool.run_json({"a": 1}, CancellationToken())
    await tool.run(Numbers(a=1), CancellationToken())
    await OwnClient(["a"]).create([UserMessage(content="x", source="user")])
    assert sorted(vitals.names()) == sorted(
        [
            "init OverridesMessages",
            "invoke_agent first",
            "init OverridesStream",
            "invoke_agent second",
            "init OverridesStream",
            "invoke_agent third",
            "init OwnTool",
            "execute_tool own",
            "execute_tool own",
            "init OwnClient",
            "chat",
        ]
    )


async def test_user_classes_defined_later_are_covered(vitals: Vitals) -> None:
    """A subclass made while we are enabled is covered from its first object on."""

    class Later(OverridesMessages):
        def __init__(self) -> None:
            super().__init__("later")

        async def on_messages(self, messages: Sequence[Any], cancellation_token: CancellationToken) -> Response:
            return await super().on_messages(messages, cancellation_token)

    await Later().run(task="x")
    names = vitals.names()
    assert len(names) == 2
    assert names[0].startswith("init ")
    assert names[1] == "invoke_agent later"


class Question(BaseModel):
    text: str


class Answerer(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("answers")

    @message_handler
    async def answer(self, message: Question, ctx: MessageContext) -> Question:
        return message


async def test_runtime_built_agents_are_inits_inside_the_message_that_needs_them(vitals: Vitals) -> None:
    """A RoutedAgent the runtime builds lazily is an init; what it handles is an invoke_agent named by its type; the
    caller's span is their ancestor, though the runtime was started elsewhere."""
    runtime = SingleThreadedAgentRuntime()
    await Answerer.register(runtime, "answerer", Answerer)
    runtime.start()
    tracer = vitals.tracer_provider.get_tracer("app")
    with tracer.start_as_current_span("request"):
        await runtime.send_message(Question(text="CANARY"), AgentId("answerer", "6f1c2a34-1111-2222-3333-444455556666"))
    await runtime.stop_when_idle()
    run, init = vitals.span("invoke_agent answerer"), vitals.span("init Answerer")
    assert parent_name(run, vitals.all_spans()) == "request"
    assert init.attributes["autogen.component.kind"] == "agent"
    assert "CANARY" not in "".join(span.to_json() for span in vitals.all_spans())


async def test_a_team_on_a_runtime_of_the_users_is_one_trace(vitals: Vitals) -> None:
    """The runtime's tasks were made before the run; the envelope's context brings the participants home."""
    runtime = SingleThreadedAgentRuntime()
    runtime.start()
    team = RoundRobinGroupChat(
        [AssistantAgent("one", replay("a")), UserProxyAgent("two", input_func=lambda prompt: "b")],
        termination_condition=MaxMessageTermination(3),
        runtime=runtime,
    )
    vitals.exporter.clear()
    await team.run(task="x")
    await runtime.stop_when_idle()
    spans = vitals.spans()
    assert len({span.context.trace_id for span in spans}) == 1
    for agent in ("one", "two"):
        assert parent_name(vitals.span(f"invoke_agent {agent}"), spans).startswith("invoke_workflow ")
    assert vitals.span("invoke_agent one").attributes["autogen.start.type"] == "cold"
