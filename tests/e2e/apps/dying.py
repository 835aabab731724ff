"""What the dying apps have in common: the ways to die while an agent runs, and the ways to fail before serving."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from autogen_agentchat.agents import AssistantAgent
from autogen_ext.models.openai import OpenAIChatCompletionClient
from worker_facts import worker_facts

# A core file would be left in the folder of the apps.
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

# Who hangs does so for longer than any supervisor of the tests waits.
_HANG_SECONDS = 600.0

_BY_ITS_OWN_HAND: dict[str, Callable[[], object]] = {
    "segv": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "exit-7": lambda: os._exit(7),
    "hang": lambda: time.sleep(_HANG_SECONDS),
    "stop": lambda: os.kill(os.getpid(), signal.SIGSTOP),
}


def tell(mark: str) -> None:
    """Say who is about to do what ``mark`` stands for, and in which trace."""
    # One write each: the lines of several processes do not mix.
    facts = worker_facts()
    told = {"mark": mark, **{name: facts[name] for name in ("pid", "parent_pid", "trace_id")}}
    os.write(1, (json.dumps(told) + "\n").encode())


async def work(way: str, mark: str) -> None:
    """Answer, and then, or meanwhile, come to one's end.

    Args:
        way: ``answer`` not to; ``think`` to be in a model call until somebody kills the process; ``memory`` to raise;
            else what the tool of the agent does.
        mark: told before it happens.
    """
    if way in _BY_ITS_OWN_HAND:

        async def die(word: str) -> str:
            """Do what was asked for."""
            # Who has told does nothing else any more, such as accepting the next request.
            tell(mark)
            _BY_ITS_OWN_HAND[way]()
            return word

        await _ask("use the tool", OpenAIChatCompletionClient(model="gpt-4o-mini"), die)
        return
    tell(mark)
    url = {"base_url": os.environ["SLOW_MODEL_URL"]} if way == "think" else {}
    await _ask("hello", OpenAIChatCompletionClient(model="gpt-4o-mini", **url))
    if way == "memory":
        raise MemoryError


async def _ask(question: str, model_client: OpenAIChatCompletionClient, *tools: Callable[..., object]) -> None:
    await AssistantAgent("assistant", model_client=model_client, tools=list(tools)).run(task=question)
    await model_client.close()


def planned_failure() -> str:
    """How this process is to fail before it serves; empty for not at all. A file says it, which may change."""
    path = Path(os.environ.get("BOOT_FAILURE_FILE", "/nonexistent"))
    return path.read_text() if path.exists() else ""


def boot() -> None:
    """Called where the app is imported."""
    failure = planned_failure()
    if failure not in ("", "lifespan"):
        tell(failure)
        os.environ.pop("OPENAI_API_KEY")
    if failure == "missing-key":
        os.environ["OPENAI_API_KEY"]
    elif failure == "missing-module":
        import a_module_that_nobody_has  # noqa: F401 # pyright: ignore[reportMissingImports, reportUnusedImport]
    elif failure == "constructor":
        OpenAIChatCompletionClient(model="gpt-4o-mini")
    elif failure.startswith("exit-"):
        sys.exit(int(failure.removeprefix("exit-")))
