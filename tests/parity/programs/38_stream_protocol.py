"""The protocol of async generators, to the letter: misuse, timeouts, `finally`, StopIteration, foreign iterators."""

import asyncio
import contextlib
import gc
import inspect
import weakref

from autogen_agentchat.agents import BaseChatAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_core.models import UserMessage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"


class Streaming(BaseChatAgent):
    """Yields what its script says, and tells when it is cleaned up."""

    def __init__(self, *script) -> None:
        super().__init__("streaming", "Streams.")
        self.script = script

    @property
    def produced_message_types(self):
        return (TextMessage,)

    async def on_messages(self, messages, cancellation_token) -> Response:
        return Response(chat_message=TextMessage(content=CANARY, source=self.name))

    async def on_messages_stream(self, messages, cancellation_token):
        try:
            for step in self.script:
                if isinstance(step, BaseException):
                    raise step
                if isinstance(step, asyncio.Event):
                    await step.wait()
                else:
                    sent = yield TextMessage(content=step, source=self.name)
                    if sent is not None:
                        print("  was sent", sent)
            yield await self.on_messages(messages, cancellation_token)
        except BaseException as error:
            print("  inside:", type(error).__name__, error)
            raise
        finally:
            print("  cleaned up")

    async def on_reset(self, cancellation_token) -> None:
        pass


class Stubborn(Streaming):
    async def on_messages_stream(self, messages, cancellation_token):
        while True:
            try:
                yield TextMessage(content="still here", source=self.name)
            except GeneratorExit:
                print("  not leaving")


class Iterator:
    """No generator: only what `async for` needs."""

    def __init__(self, *items) -> None:
        self.items = list(items)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.items:
            raise StopAsyncIteration
        return self.items.pop(0)


class Foreign(Streaming):
    def on_messages_stream(self, messages, cancellation_token):
        return Iterator(TextMessage(content="foreign", source=self.name), Response(chat_message=messages[0]))


class ForeignClient(ReplayChatCompletionClient):
    def create_stream(self, messages, **kwargs):
        return Iterator("one", "two")


async def attempt(title: str, awaitable) -> None:
    try:
        print(title, "->", type(await awaitable).__name__)
    except BaseException as error:
        print(title, "->", type(error).__name__, error, repr(error.__cause__), repr(error.__context__))


async def collect(stream) -> list[str]:
    return [type(item).__name__ async for item in stream]


def new(*script) -> Streaming:
    return Streaming(*(script or ("a", "b")))


async def main() -> None:
    messages, token = [TextMessage(content=CANARY, source="user")], CancellationToken()

    # A run begins with the task's own message.
    makers = {
        "run_stream": (lambda agent: agent.run_stream(task=CANARY), 2),
        "on_messages_stream": (lambda agent: agent.on_messages_stream(messages, token), 1),
    }
    for name, (make, until_the_event) in makers.items():
        print("==", name)
        stream = make(new())
        print(stream.__aiter__() is stream, aiter(stream) is stream, hasattr(stream, "__await__"), bool(stream))
        step = stream.__anext__()
        print(inspect.isawaitable(step), inspect.iscoroutine(step))
        await attempt("first", step)
        await attempt("step twice", step)
        await attempt("rest", collect(stream))
        await attempt("over", anext(stream))
        await attempt("over, with a default", anext(stream, None))
        await attempt("throw after the end", stream.athrow(ValueError("late")))
        await attempt("close after the end", stream.aclose())

        await attempt("send at once", make(new()).asend("early"))
        stream = make(new())
        await anext(stream)
        await attempt("send", stream.asend("a letter"))
        async with contextlib.aclosing(make(new())) as stream:
            await anext(stream)
        await attempt("closed by aclosing", anext(stream))
        await attempt("throw at once", make(new()).athrow(ValueError("at once")))
        await attempt("old way to throw", make(new()).athrow(ValueError, ValueError("old way"), None))

        event = asyncio.Event()
        stream = make(new("a", event, "b"))
        print([type(await anext(stream)).__name__ for _ in range(until_the_event)])
        waiting = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        print("running", stream.ag_running)
        await attempt("a second step", anext(stream))
        await attempt("close while running", stream.aclose())
        event.set()
        await attempt("the first step", waiting)
        await stream.aclose()

        stream = make(new("a", asyncio.Event()))
        await attempt("time is up", asyncio.wait_for(collect(stream), 0.05))
        await attempt("after it", anext(stream))

        for error in (
            StopIteration("one"),
            StopAsyncIteration("two"),
            GeneratorExit("three"),
            asyncio.CancelledError("4"),
        ):
            await attempt(f"raises {type(error).__name__}", collect(make(new("a", error))))

        stream = make(new())
        reference = weakref.ref(stream)
        await anext(stream)
        del stream
        print("dropped", reference() is None)
        gc.collect()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        print("loop turned")

        stream = make(Stubborn())
        for _ in range(2):
            await anext(stream)
        await attempt("close the stubborn", stream.aclose())
        await attempt("throw into it", stream.athrow(ValueError("go")))

    await attempt("foreign iterator", collect(Foreign().run_stream(task=CANARY)))
    foreign = Foreign().on_messages_stream(messages, token)
    print(isinstance(foreign, Iterator), hasattr(foreign, "aclose"), await collect(foreign))
    stream = ForeignClient([]).create_stream([UserMessage(content=CANARY, source="user")])
    print(isinstance(stream, Iterator), hasattr(stream, "items"), await collect(stream))


if __name__ == "__main__":
    asyncio.run(main())
