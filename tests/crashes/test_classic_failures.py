"""What classic AutoGen raises: Microsoft's 0.2 and AG2, which are both imported as ``autogen``."""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from autogen_vitals.crashes.classify import classify
from autogen_vitals.vocabulary import Category

autogen: Any = pytest.importorskip("autogen")

NOBODY = {"model": "gpt-4o", "api_key": "sk-x", "base_url": "http://127.0.0.1:9/v1"}


def configured(**config: Any) -> Any:
    """An assistant."""
    return autogen.AssistantAgent("one", llm_config=config)


def talk() -> None:
    """To a person who is not there."""
    user = autogen.UserProxyAgent("user", code_execution_config=False)
    other = autogen.ConversableAgent(
        "other", llm_config=False, human_input_mode="NEVER", default_auto_reply="x", code_execution_config=False
    )
    with pytest.MonkeyPatch.context() as patch, open(os.devnull) as nobody:
        patch.setattr(sys, "stdin", nobody)
        other.initiate_chat(user, message="x", max_turns=2)


def ask() -> None:
    """A model nobody serves."""
    configured(config_list=[NOBODY]).generate_reply([{"role": "user", "content": "x"}])


def contain() -> None:
    """Code, without Docker's library or without its daemon."""
    from autogen.coding import DockerCommandLineCodeExecutor  # type: ignore[import-not-found]

    DockerCommandLineCodeExecutor()


@pytest.mark.parametrize(
    ("reproduction", "categories"),
    [
        (lambda: configured(config_list=[{"model": "gpt-4o"}]), ("missing_credentials",)),
        (lambda: configured(), ("invalid_config",)),
        (lambda: configured(config_list=[NOBODY], given=threading.Lock()), ("not_serialisable",)),
        (lambda: pickle.dumps(autogen.ConversableAgent("one", llm_config=False)), ("not_serialisable",)),
        (talk, ("closed_file",)),
        (ask, ("connection",)),
        (contain, ("docker_unavailable", "missing_module")),
    ],
    ids=["no key", "no model", "a lock in the config", "pickled", "nobody to ask", "no server", "no Docker"],
)
def test_a_real_failure_is_of_its_category(
    reproduction: Callable[[], object], categories: tuple[Category, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it comes to with the installed versions."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
    with pytest.raises(Exception) as raised:
        reproduction()
    assert classify(raised.value, in_init=True) in categories, repr(raised.value)
