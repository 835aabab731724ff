"""Introspection: what inspect and typing say about AutoGen's public classes, methods and streams."""

import asyncio
import inspect
import types
import typing

from autogen_agentchat.agents import (
    AssistantAgent,
    BaseChatAgent,
    CodeExecutorAgent,
    SocietyOfMindAgent,
    UserProxyAgent,
)
from autogen_agentchat.base import ChatAgent, Team
from autogen_agentchat.teams import (
    BaseGroupChat,
    MagenticOneGroupChat,
    RoundRobinGroupChat,
    SelectorGroupChat,
    Swarm,
)
from autogen_core import AgentRuntime, ClosureAgent, RoutedAgent, SingleThreadedAgentRuntime
from autogen_core.code_executor import CodeExecutor
from autogen_core.memory import ListMemory, Memory
from autogen_core.models import ChatCompletionClient
from autogen_core.tool_agent import ToolAgent
from autogen_core.tools import BaseTool, FunctionTool
from autogen_ext.code_executors.local import LocalCommandLineCodeExecutor
from autogen_ext.models.cache import ChatCompletionCache
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"

CLASSES = [
    BaseChatAgent,
    AssistantAgent,
    UserProxyAgent,
    CodeExecutorAgent,
    SocietyOfMindAgent,
    BaseGroupChat,
    RoundRobinGroupChat,
    SelectorGroupChat,
    Swarm,
    MagenticOneGroupChat,
    ChatCompletionClient,
    ReplayChatCompletionClient,
    ChatCompletionCache,
    BaseTool,
    FunctionTool,
    Memory,
    ListMemory,
    CodeExecutor,
    LocalCommandLineCodeExecutor,
    AgentRuntime,
    SingleThreadedAgentRuntime,
    RoutedAgent,
    ToolAgent,
    ClosureAgent,
]


def kind(value) -> str:
    tests = (
        inspect.isfunction,
        inspect.ismethod,
        inspect.isroutine,
        inspect.iscoroutinefunction,
        asyncio.iscoroutinefunction,
        inspect.isasyncgenfunction,
        inspect.isgeneratorfunction,
        callable,
    )
    return "".join(str(int(test(value))) for test in tests)


def show_function(name: str, value) -> None:
    print(f"  {name} {value.__name__} {value.__qualname__} {value.__module__} {kind(value)}")
    print(f"    {inspect.signature(value)}".split(" at 0x")[0])
    print(
        "   ",
        value.__defaults__ and len(value.__defaults__),
        sorted(value.__kwdefaults__ or {}),
        sorted(value.__annotations__),
    )
    print("   ", (value.__doc__ or "").strip().partition("\n")[0])
    code = value.__code__
    print("   ", code.co_name, code.co_argcount, code.co_kwonlyargcount, code.co_flags, code.co_varnames[:4])
    lines, _ = inspect.getsourcelines(value)
    print("   ", inspect.getsourcefile(value).rpartition("/")[2], len(lines), lines[0].strip())
    print("   ", inspect.unwrap(value).__qualname__, inspect.getfullargspec(value).args)


def show_class(cls: type) -> None:
    print(cls.__module__, cls.__qualname__, type(cls).__name__, inspect.isabstract(cls), inspect.isclass(cls))
    print(" ", [base.__name__ for base in cls.__mro__])
    print(" ", sorted(getattr(cls, "__abstractmethods__", ())))
    print(" ", f"{inspect.signature(cls)}".replace("\n", " "))
    # Ours adds `__init_subclass__` to a class, to see the subclasses of later.
    print(" ", sorted(name for name in vars(cls) if not name.startswith("_abc") and name != "__init_subclass__"))
    print(" ", sorted(set(dir(cls)) - set(dir(object))))
    print(" ", (cls.__doc__ or "").strip().partition("\n")[0], len(cls.__doc__ or ""))
    try:
        print(" ", sorted(typing.get_type_hints(cls.__init__)))
    except Exception as error:
        print(" ", type(error).__name__)
    for name, value in sorted(vars(cls).items()):
        if (
            inspect.isfunction(value)
            and (not name.startswith("_") or name == "__init__")
            and value.__module__[:7] == "autogen"
        ):
            show_function(name, value)


async def main() -> None:
    for cls in CLASSES:
        show_class(cls)

    print(AssistantAgent.run == BaseChatAgent.run, AssistantAgent.on_messages == BaseChatAgent.on_messages)
    print(
        RoundRobinGroupChat.run_stream == BaseGroupChat.run_stream, hash(AssistantAgent.run) == hash(BaseChatAgent.run)
    )
    for cls in (AssistantAgent, RoundRobinGroupChat, ReplayChatCompletionClient, FunctionTool):
        print([issubclass(cls, base) for base in (ChatAgent, Team, ChatCompletionClient, BaseTool, Memory)])
        print(
            [
                (attribute.name, attribute.kind, attribute.defining_class.__name__)
                for attribute in inspect.classify_class_attrs(cls)
                if attribute.name in ("__init__", "run", "create", "name")
            ]
        )

    client = ReplayChatCompletionClient([f"one two {CANARY}", "three", "four"])
    agent = AssistantAgent("assistant", client)
    team = RoundRobinGroupChat([agent], max_turns=1)
    for owner, names in (
        (agent, ("run", "run_stream", "on_messages", "on_messages_stream", "on_reset", "save_state", "__init__")),
        (team, ("run", "run_stream", "reset", "save_state", "__init__")),
        (client, ("create", "create_stream", "close", "count_tokens", "__init__")),
    ):
        for name in names:
            method = getattr(owner, name)
            print(name, kind(method), method.__self__ is owner, method.__func__ == getattr(type(owner), name))
            print(" ", isinstance(method, types.MethodType), method == getattr(owner, name))
            print(" ", repr(method).partition(" of ")[0], hash(method) == hash(getattr(owner, name)))

    for stream in (agent.run_stream(task=CANARY), team.run_stream(task=CANARY), client.create_stream([])):
        print(inspect.isasyncgen(stream), inspect.isawaitable(stream), stream.__name__, stream.__qualname__)
        print(
            [
                isinstance(stream, base)
                for base in (types.AsyncGeneratorType, typing.AsyncGenerator, typing.AsyncIterator)
            ]
        )
        print(repr(stream).partition(" at 0x")[0])
        print(
            stream.ag_running,
            stream.ag_await,
            stream.ag_code.co_name,
            stream.ag_frame is None,
            stream.__aiter__() is stream,
        )
        await stream.aclose()
        print(stream.ag_frame is None)
    for coroutine in (agent.run(task="x"), team.run(task="x"), client.create([])):
        print(type(coroutine).__name__, inspect.iscoroutine(coroutine), coroutine.__name__, coroutine.__qualname__)
        print(inspect.getcoroutinestate(coroutine), coroutine.cr_await, coroutine.cr_running)
        coroutine.close()
        print(inspect.getcoroutinestate(coroutine))
    task = asyncio.create_task(agent.run(task=CANARY))
    print(task.get_coro().__qualname__, repr(task).partition("coro=")[2].partition(" running")[0])
    print((await task).messages[-1].content)


if __name__ == "__main__":
    asyncio.run(main())
