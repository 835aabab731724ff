"""Copies: what AutoGen alone can copy and pickle, and what it says when it cannot."""

import asyncio
import copy
import inspect
import pickle
import re

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent, UserProxyAgent
from autogen_agentchat.base import Response
from autogen_agentchat.conditions import MaxMessageTermination
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken, SingleThreadedAgentRuntime
from autogen_core.memory import ListMemory
from autogen_core.models import UserMessage
from autogen_core.tools import BaseTool, FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry.trace import NoOpTracerProvider
from pydantic import BaseModel

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Args(BaseModel):
    text: str


class Own(BaseTool[Args, Args]):
    def __init__(self) -> None:
        super().__init__(Args, Args, "own", "Returns what it gets.")

    async def run(self, args: Args, cancellation_token: CancellationToken) -> Args:
        return args


class Plain(BaseChatAgent):
    def __init__(self, name: str) -> None:
        super().__init__(name, "Answers.")
        self.seen = 0

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        self.seen += 1
        return Response(chat_message=TextMessage(content=f"{self.name} {self.seen}", source=self.name))

    async def on_reset(self, cancellation_token) -> None:
        pass

    def __getstate__(self):
        return {**self.__dict__, "pickled": True}


class Slotted(Plain):
    __slots__ = ("extra",)

    def __deepcopy__(self, memo):
        return Slotted(f"{self.name}_copy")


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


def attempt(title: str, function, value):
    try:
        result = function(value)
    except Exception as error:
        print(f"{title}: {type(error).__name__} {re.sub('0x[0-9a-f]+', '0x', str(error))}")
        return None
    print(f"{title}: {kind(result)}")
    return result


def kind(value) -> str:
    """A method or a function is told by what it answers, not by its type: ours are proxies."""
    if inspect.ismethod(value):
        return f"method {value.__qualname__} of {type(value.__self__).__name__}"
    if inspect.isfunction(value):
        return f"function {value.__qualname__}"
    return f"{type(value).__name__} {sorted(vars(value))}"


def through_pickle(value):
    data = pickle.dumps(value)
    assert b"vitals" not in data, "the pickle needs autogen_vitals to load"
    assert b"wrapt" not in data, "the pickle needs wrapt to load"
    return pickle.loads(data)


async def main() -> None:
    task = f"Say something. {CANARY}"
    client = ReplayChatCompletionClient([f"one {CANARY}", "two", "three", "four", "five", "six", "seven"])
    agent = AssistantAgent("assistant", client)
    plain = Plain("plain")
    # AutoGen's runtime keeps a tracer: an SDK's holds locks, the API's own can be copied.
    team = RoundRobinGroupChat(
        [Plain("member")],
        termination_condition=MaxMessageTermination(2),
        runtime=SingleThreadedAgentRuntime(tracer_provider=NoOpTracerProvider()),
    )
    values = {
        "client": client,
        "agent": agent,
        "plain": plain,
        "slotted": Slotted("slotted"),
        "proxy": UserProxyAgent("proxy"),
        "team": team,
        "own tool": Own(),
        "function tool": FunctionTool(add, description="Adds."),
        "memory": ListMemory(),
        "runtime": SingleThreadedAgentRuntime(tracer_provider=NoOpTracerProvider()),
        "agent.run": agent.run,
        "agent.run_stream": agent.run_stream,
        "plain.on_messages": plain.on_messages,
        "client.create": client.create,
        "client.create_stream": client.create_stream,
        "tool.run_json": Own().run_json,
        "team.run": team.run,
        "AssistantAgent.run": AssistantAgent.run,
        "BaseChatAgent.run_stream": BaseChatAgent.run_stream,
        "AssistantAgent.__init__": AssistantAgent.__init__,
        "Client.create": ReplayChatCompletionClient.create,
        "RoundRobinGroupChat.run": RoundRobinGroupChat.run,
        "Own.run_json": Own.run_json,
    }
    for name, value in values.items():
        attempt(f"copy {name}", copy.copy, value)
        attempt(f"deepcopy {name}", copy.deepcopy, value)
        attempt(f"pickle {name}", through_pickle, value)
    for cls in (AssistantAgent, Plain, ReplayChatCompletionClient, Own):
        print(cls.__name__, all(again(cls) is cls for again in (copy.copy, copy.deepcopy, through_pickle)))

    for again in (copy.deepcopy, through_pickle):
        twin = attempt("twin", again, agent)
        if twin is not None:
            print((await twin.run(task=task)).messages[-1].content, agent.name == twin.name, agent == twin)
        run = attempt("run", again, plain.run)
        print((await run(task=task)).messages[-1].content, run.__self__ is plain, plain.seen)
        create = attempt("create", again, client.create)
        print((await create([UserMessage(content=task, source="user")])).content, create.__self__ is client)
        function = attempt("function", again, BaseChatAgent.run)
        print(function == BaseChatAgent.run, (await function(plain, task=task)).messages[-1].content)
        print([type(item).__name__ async for item in again(plain.run_stream)(task=task)])
        print((await again(Own().run_json)({"text": CANARY}, CancellationToken())).text)

    print((await plain.run(task=task)).messages[-1].content)
    team = RoundRobinGroupChat([Plain("member")], max_turns=1)
    await team.run(task=task)
    attempt("deepcopy of a team that ran", copy.deepcopy, team)
    stream = plain.run_stream(task=task)
    attempt("copy of a stream", copy.copy, stream)
    attempt("pickle of a stream", pickle.dumps, stream)
    print(sorted(vars(agent)), sorted(vars(client)), sorted(vars(team)))


if __name__ == "__main__":
    asyncio.run(main())
