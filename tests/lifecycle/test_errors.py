"""The class name an error goes by."""

from __future__ import annotations

import asyncio

import pytest

from autogen_vitals.lifecycle.errors import error_class
from autogen_vitals.vocabulary import CHAT, INVOKE_AGENT, INVOKE_WORKFLOW, OPERATIONS, Operation

HIDDEN = "ValueError: no such model\nTraceback:\nTraceback (most recent call last):\n  File ..."


class Nested:
    """An error within a class."""

    class Error(Exception):
        """Its qualified name has a dot in it."""


@pytest.mark.parametrize(
    "operation", [None, *OPERATIONS], ids=lambda operation: operation.name if operation else "init"
)
@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ValueError("x"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (asyncio.CancelledError(), "CancelledError"),
        (Nested.Error(), "Nested.Error"),
        (RuntimeError("plain"), "RuntimeError"),
        (RuntimeError(), "RuntimeError"),
        (RuntimeError("ValueError: but no traceback"), "RuntimeError"),
        (RuntimeError("no class here: \nTraceback:\n"), "RuntimeError"),
        (type("OwnError", (RuntimeError,), {})(HIDDEN), "OwnError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_error_goes_by_its_class(error: BaseException, name: str, operation: Operation | None) -> None:
    """Unqualified by its module, whatever was run."""
    assert error_class(error, operation) == name


@pytest.mark.parametrize("text", [HIDDEN, "ValueError: \nTraceback:\n", "ValueError:\nTraceback:\n..."])
def test_a_team_s_error_goes_by_the_participant_s_class(text: str) -> None:
    """AutoGen keeps it only in the text of its RuntimeError."""
    assert error_class(RuntimeError(text), INVOKE_WORKFLOW) == "ValueError"


@pytest.mark.parametrize("operation", [INVOKE_AGENT, CHAT, None])
def test_only_a_team_s_error_is_looked_into(operation: Operation | None) -> None:
    """Elsewhere such a text is the app's own."""
    assert error_class(RuntimeError(HIDDEN), operation) == "RuntimeError"


def test_an_error_with_a_cause_hides_nothing() -> None:
    """AutoGen's has none."""
    error = RuntimeError(HIDDEN)
    error.__cause__ = KeyError()
    assert error_class(error, INVOKE_WORKFLOW) == "RuntimeError"


def test_a_dotted_class_is_not_guessed_at() -> None:
    """Only what looks like the beginning of AutoGen's text is read."""
    assert error_class(RuntimeError("pkg.Error: x\nTraceback:\n"), INVOKE_WORKFLOW) == "RuntimeError"
