"""What is current in a stream's own code: its span, in the context that its consumer has then, and nothing later."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

pytest.importorskip("autogen_agentchat")

from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.base import Response
from autogen_agentchat.messages import TextMessage
from autogen_core import CancellationToken
from autogen_ext.models.replay import ReplayChatCompletionClient
from observed import Vitals
from opentelemetry import baggage, context as otel_context, trace
from opentelemetry.context.contextvars_context import ContextVarsRuntimeContext


class Speaker(AssistantAgent):
    """Says item after item, and notes what is current in its code each time."""

    def __init__(self, items: int) -> None:
        super().__init__("speaker", ReplayChatCompletionClient([]))
        self._items = items
        self.seen: list[tuple[object, int]] = []

    async def on_messages_stream(self, messages: Any, cancellation_token: CancellationToken) -> AsyncGenerator[Any]:
        for number in range(self._items):
            span = trace.get_current_span().get_span_context()
            self.seen.append((baggage.get_baggage("tenant"), span.span_id))
            yield TextMessage(content=str(number), source=self.name)
        yield Response(chat_message=TextMessage(content="done", source=self.name))


class OpaqueTokens(ContextVarsRuntimeContext):
    """Keeps contexts as ever, and gives tokens that tell nothing."""

    def attach(self, context: Any) -> Any:
        return [super().attach(context)]

    def detach(self, token: Any) -> None:
        super().detach(token[0])


TENANTS = ("acme", "acme", "other", "acme", None)


@pytest.mark.parametrize("opaque", [False, True], ids=["", "opaque tokens"])
async def test_each_step_is_in_the_consumer_s_context_of_then(
    opaque: bool, vitals: Vitals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where that changes from item to item; what the consumer has current stays current."""
    if opaque:
        monkeypatch.setattr(otel_context, "_RUNTIME_CONTEXT", OpaqueTokens())
    speaker = Speaker(len(TENANTS))
    stream = speaker.run_stream()
    for tenant in TENANTS:
        around = otel_context.get_current() if tenant is None else baggage.set_baggage("tenant", tenant)
        token = otel_context.attach(around)
        await stream.__anext__()
        assert otel_context.get_current() is around
        assert not trace.get_current_span().get_span_context().is_valid
        otel_context.detach(token)
    await stream.aclose()
    run = vitals.span("invoke_agent speaker")
    assert run.context is not None
    assert speaker.seen == [(tenant, run.context.span_id) for tenant in TENANTS]
