"""Structured logging: AutoGen's event and trace loggers say the same, in the same order."""

import asyncio
import json
import logging
import re

from autogen_agentchat import EVENT_LOGGER_NAME as AGENTCHAT_EVENTS, TRACE_LOGGER_NAME as AGENTCHAT_TRACE
from autogen_agentchat.agents import AssistantAgent
from autogen_agentchat.teams import SelectorGroupChat
from autogen_core import EVENT_LOGGER_NAME, TRACE_LOGGER_NAME, FunctionCall
from autogen_core.logging import LLMCallEvent
from autogen_core.models import CreateResult, ModelInfo, RequestUsage
from autogen_ext.models.replay import ReplayChatCompletionClient

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"
MODEL_INFO = ModelInfo(vision=False, function_calling=True, json_output=True, family="unknown", structured_output=True)


class Printing(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, str):
            text = record.getMessage()
        else:
            kwargs = getattr(record.msg, "kwargs", None) or vars(record.msg)
            text = f"{type(record.msg).__name__} {sorted(kwargs)}"
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<uuid>", text)
        text = re.sub(r"datetime\.datetime\([^)]*\)|0x[0-9a-f]+", "<…>", text)
        print(record.name, record.levelname, record.funcName, record.lineno, text[:160])


class LLMUsageTracker(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.prompt_tokens = self.completion_tokens = 0

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.msg, LLMCallEvent):
            self.prompt_tokens += record.msg.prompt_tokens
            self.completion_tokens += record.msg.completion_tokens


class Reporting(ReplayChatCompletionClient):
    """Logs its calls the way AutoGen's own clients do."""

    async def create(self, messages, **kwargs):
        result = await super().create(messages, **kwargs)
        fields = {"messages": [], "response": {}, "prompt_tokens": 5, "completion_tokens": 2}
        logging.getLogger(EVENT_LOGGER_NAME).info(LLMCallEvent(**fields))
        return result


def add(a: int, b: int) -> int:
    """Adds."""
    return a + b


async def main() -> None:
    tracker, printing = LLMUsageTracker(), Printing()
    for name in {EVENT_LOGGER_NAME, TRACE_LOGGER_NAME, AGENTCHAT_EVENTS, AGENTCHAT_TRACE}:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(printing)
    logging.getLogger(EVENT_LOGGER_NAME).addHandler(tracker)
    core = logging.getLogger("autogen_core")
    core.setLevel(logging.DEBUG)
    core.addHandler(printing)

    call = CreateResult(
        finish_reason="function_calls",
        content=[FunctionCall(id="call_1", name="add", arguments=json.dumps({"a": 1, "b": 2}))],
        usage=RequestUsage(prompt_tokens=1, completion_tokens=1),
        cached=False,
    )
    adder = AssistantAgent(
        "adder", Reporting([call, f"three {CANARY}"], MODEL_INFO), tools=[add], reflect_on_tool_use=True
    )
    teller = AssistantAgent("teller", Reporting([f"It is three. {CANARY}"]))
    team = SelectorGroupChat([adder, teller], Reporting(["adder", "teller"]), max_turns=2)
    result = await team.run(task=f"Add 1 and 2. {CANARY}")
    print(result.stop_reason, tracker.prompt_tokens, tracker.completion_tokens)
    try:
        await adder.run(task="Again.")
    except ValueError as error:
        print(type(error).__name__, error)


if __name__ == "__main__":
    asyncio.run(main())
