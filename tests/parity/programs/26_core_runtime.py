"""Core: routed agents, direct messages and topics, subscriptions, intervention, errors, state and metadata."""

import asyncio
from dataclasses import dataclass

from autogen_core import (
    AgentId,
    AgentProxy,
    DefaultInterventionHandler,
    DefaultTopicId,
    DropMessage,
    MessageContext,
    RoutedAgent,
    SingleThreadedAgentRuntime,
    TopicId,
    TypeSubscription,
    default_subscription,
    event,
    message_handler,
    rpc,
    type_subscription,
)

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
LOG: list[str] = []


@dataclass
class Message:
    content: str


@dataclass
class Number:
    value: int


class Inner(RoutedAgent):
    @message_handler
    async def on_my_message(self, message: Message, ctx: MessageContext) -> Message:
        return Message(content=f"Hello from inner, {message.content}")


class Outer(RoutedAgent):
    def __init__(self, description: str, inner: AgentId) -> None:
        super().__init__(description)
        self.inner = inner
        self.count = 0

    @message_handler
    async def on_my_message(self, message: Message, ctx: MessageContext) -> Message:
        self.count += 1
        LOG.append(f"outer got {message.content} from {ctx.sender} rpc={ctx.is_rpc}")
        response = await self.send_message(Message(f"Hello from outer, {message.content}"), self.inner)
        return Message(content=response.content)

    @rpc(match=lambda message, ctx: message.value < 0)
    async def on_negative(self, message: Number, ctx: MessageContext) -> Number:
        raise ValueError(f"negative: {message.value}")

    @rpc
    async def on_number(self, message: Number, ctx: MessageContext) -> Number:
        return Number(message.value + self.count)

    async def save_state(self):
        return {"count": self.count}

    async def load_state(self, state) -> None:
        self.count = state["count"]


@default_subscription
class Counting(RoutedAgent):
    def __init__(self) -> None:
        super().__init__("Counts down.")

    @event
    async def on_number(self, message: Number, ctx: MessageContext) -> None:
        LOG.append(f"{self.id} {message.value} {ctx.topic_id}")
        if message.value:
            await self.publish_message(Number(message.value - 1), DefaultTopicId())


@type_subscription(topic_type="news")
class Reader(RoutedAgent):
    @message_handler
    async def on_message(self, message: Message, ctx: MessageContext) -> None:
        LOG.append(f"{self.id} read {message.content}")
        if "bad" in message.content:
            raise RuntimeError("bad news")


class Censor(DefaultInterventionHandler):
    async def on_send(self, message, *, message_context, recipient):
        if isinstance(message, Message) and "secret" in message.content:
            return DropMessage
        return message

    async def on_publish(self, message, *, message_context):
        if isinstance(message, Message):
            message = Message(message.content.replace("ugly", "pretty"))
        return message


async def main() -> None:
    runtime = SingleThreadedAgentRuntime(intervention_handlers=[Censor()])
    print(await Inner.register(runtime, "inner", lambda: Inner("InnerAgent")))
    await Outer.register(runtime, "outer", lambda: Outer("OuterAgent", AgentId("inner", "default")))
    await Counting.register(runtime, "counting", Counting)
    await Counting.register(runtime, "counting_too", Counting)
    await Reader.register(runtime, "reader", lambda: Reader("Reader"))
    await runtime.add_subscription(TypeSubscription(topic_type="late", agent_type="reader"))
    runtime.start()

    outer = AgentId("outer", "default")
    print(await runtime.send_message(Message(f"Hello, World! {CANARY}"), outer))
    print(await runtime.send_message(Number(41), outer))
    print(await AgentProxy(outer, runtime).send_message(Number(1), sender=AgentId("inner", "default")))
    for message in (Number(-1), "a string"):
        try:
            print(await runtime.send_message(message, outer))
        except ValueError as error:
            print(type(error).__name__, error)

    await runtime.publish_message(Number(3), topic_id=DefaultTopicId())
    await runtime.publish_message(Message(f"ugly {CANARY}"), topic_id=TopicId("news", "morning"))
    await runtime.publish_message(Message("bad"), topic_id=TopicId("late", "evening"))
    await runtime.publish_message(Message("nobody listens"), topic_id=TopicId("void", "night"))
    await runtime.stop_when_idle()
    print("\n".join(LOG))

    instance = await runtime.try_get_underlying_agent_instance(outer, Outer)
    print(type(instance).__name__, instance.metadata, instance.id, isinstance(instance, RoutedAgent))
    print(await runtime.agent_metadata(outer), await runtime.agent_save_state(outer))
    await runtime.agent_load_state(outer, {"count": 9})
    print(instance.count, await runtime.get("outer"), runtime.unprocessed_messages_count)
    for wrong in (
        lambda: runtime.try_get_underlying_agent_instance(outer, Inner),
        lambda: Inner.register(runtime, "inner", lambda: Inner("twice")),
        lambda: runtime.stop(),
    ):
        try:
            await wrong()
        except Exception as error:
            print(type(error).__name__, str(error))
    await runtime.close()

    dropping = SingleThreadedAgentRuntime(intervention_handlers=[Censor()])
    await Inner.register(dropping, "inner", lambda: Inner("InnerAgent"))
    dropping.start()
    for message, recipient in ((Message("a secret"), "inner"), (Message("anybody?"), "nobody")):
        try:
            await dropping.send_message(message, AgentId(recipient, "default"))
        except Exception as error:
            print(type(error).__name__, error)
    await dropping.stop()  # `stop_when_idle` would wait for ever for a dropped message.

    strict = SingleThreadedAgentRuntime(ignore_unhandled_exceptions=False)
    await Reader.register(strict, "reader", lambda: Reader("Reader"))
    strict.start()
    await strict.publish_message(Message("bad"), topic_id=TopicId("news", "x"))
    try:
        await strict.stop_when_idle()
    except RuntimeError as error:
        print(type(error).__name__, error)

    try:
        Inner("outside of a runtime")
    except RuntimeError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
