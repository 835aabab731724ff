"""The class name an error goes by."""

from __future__ import annotations

import re

from autogen_vitals.vocabulary import INVOKE_WORKFLOW, Operation

# A participant's exception reaches the team's caller as RuntimeError("ValueError: text\nTraceback:\n…").
_HIDDEN_CLASS = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::|$)")


def identify(error: BaseException) -> tuple[object, ...]:
    """What tells an exception from any other without holding it, and every frame it came through, alive.

    Its ``id()`` alone may be that of one that is gone; so may its class; the place it was raised at is then another.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    place = None if traceback is None else (traceback.tb_frame.f_code, traceback.tb_lasti)
    return id(error), type(error), place


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
