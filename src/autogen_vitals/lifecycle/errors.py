"""The class name an error goes by."""

from __future__ import annotations

import re

from autogen_vitals.vocabulary import INVOKE_WORKFLOW, Operation

# A participant's exception reaches the team's caller as RuntimeError("ValueError: text\nTraceback:\n…").
_HIDDEN_CLASS = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::|$)")


def error_class(error: BaseException, operation: Operation | None) -> str:
    """Class name of ``error``, unqualified: ``httpx`` and ``httpx2`` share the name and not the module.

    For a team's run that failed because a participant did, the participant's class, which AutoGen keeps only in the
    text of its ``RuntimeError``.
    """
    name = type(error).__qualname__
    if operation is INVOKE_WORKFLOW and type(error) is RuntimeError and error.__cause__ is None:
        hidden = _HIDDEN_CLASS.match(str(error))
        if hidden is not None and "\nTraceback" in str(error):
            return hidden.group(1)
    return name
