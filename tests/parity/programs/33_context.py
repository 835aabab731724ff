"""Context: context variables, baggage and the application's own spans are what they are without instrumentation."""

import asyncio
import contextvars

from autogen_agentchat.agents import AssistantAgent, BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_agentchat.teams import RoundRobinGroupChat
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_core.tools import FunctionTool
from autogen_ext.models.replay import ReplayChatCompletionClient
from opentelemetry import baggage, context, trace

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
USER = contextvars.ContextVar("USER", default="nobody")


class Setting(BaseChatAgent):
    """Sets a variable while it runs, as a library without tasks of its own may."""

    def __init__(self) -> None:
        super().__init__("setting", "Sets a context variable.")

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        seen = USER.get()
        USER.set(seen + "+set")
        tenant = baggage.get_baggage("tenant")
        return Response(chat_message=TextMessage(content=f"{seen} {tenant}", source=self.name))

    async def on_reset(self, cancellation_token) -> None:
        pass


class SettingStream(Setting):
    async def on_messages_stream(self, messages, cancellation_token):
        USER.set(USER.get() + "+stream")
        yield TextMessage(content="thinking", source=self.name)
        USER.set(USER.get() + "+again")
        yield await self.on_messages(messages, cancellation_token)


def whoami(greeting: str) -> str:
    """Who am I?"""
    return f"{greeting} {USER.get()} {baggage.get_baggage('tenant')}"


async def whoami_async(greeting: str) -> str:
    """Who am I?"""
    in_a_span = trace.get_current_span().get_span_context().is_valid
    return f"{greeting} {USER.get()} {baggage.get_baggage('tenant')} {in_a_span}"


async def main() -> None:
    tracer = trace.get_tracer("the.application")
    USER.set("ada")
    token = context.attach(baggage.set_baggage("tenant", "acme"))
    with tracer.start_as_current_span("application") as span:
        print((await Setting().run(task=CANARY)).messages[-1].content, USER.get())
        print(trace.get_current_span() is span)
        for agent in (Setting(), SettingStream()):
            async for item in agent.run_stream(task=CANARY):
                print(type(item).__name__, getattr(item, "content", None), USER.get())
                USER.set(USER.get()[-12:])
            print(USER.get(), trace.get_current_span() is span)

        result = await asyncio.create_task(Setting().run(task=CANARY))
        print(result.messages[-1].content, USER.get())
        copied = contextvars.copy_context()
        copied.run(USER.set, "bob")
        result = await asyncio.get_running_loop().create_task(Setting().run(task=CANARY), context=copied)
        print(result.messages[-1].content, USER.get(), copied[USER])

        team = RoundRobinGroupChat([Setting(), AssistantAgent("a", ReplayChatCompletionClient([CANARY]))], max_turns=2)
        result = await team.run(task=CANARY)
        print([message.content for message in result.messages], USER.get(), trace.get_current_span() is span)

        for function in (whoami, whoami_async):
            tool = FunctionTool(function, description="Who?")
            print(await tool.run_json({"greeting": "hello"}, CancellationToken()), trace.get_current_span() is span)

        client = ReplayChatCompletionClient(["one two", "three"])
        async for _ in client.create_stream([UserMessage(content=CANARY, source="user")]):
            USER.set(USER.get() + "-")
        print(USER.get(), trace.get_current_span() is span)

        try:
            await AssistantAgent("a", ReplayChatCompletionClient([])).run(task=CANARY)
        except ValueError as error:
            print(error, trace.get_current_span() is span, len(span.events), span.status.status_code.name)
        print(dict(span.attributes), span.is_recording())
    print(trace.get_current_span().get_span_context().is_valid, baggage.get_all())
    context.detach(token)
    print(dict(baggage.get_all()), span.name)


if __name__ == "__main__":
    asyncio.run(main())
