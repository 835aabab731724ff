"""The class name an error goes by."""

from __future__ import annotations

from autogen_vitals.crashes.chain import class_of
from autogen_vitals.vocabulary import INVOKE_WORKFLOW, Category, Operation


def identify(error: BaseException) -> tuple[object, ...]:
    """What tells an exception from any other without holding it, and every frame it came through, alive.

    Its ``id()`` alone may be that of one that is gone; so may its class, and the place it was raised at. That those of
    its innermost frame and of that one's entry in the traceback, which travel with it, are all the same is unlikely.
    """
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    if traceback is None:
        return id(error), type(error)
    frame = traceback.tb_frame
    return id(error), type(error), id(traceback), id(frame), frame.f_code, traceback.tb_lasti


def error_class(error: BaseException, operation: Operation | None) -> str:
    """Class name of ``error``, unqualified; for a team's run that failed because a participant did, that one's."""
    return class_of(error) if operation is INVOKE_WORKFLOW else type(error).__qualname__


def category_of(error: BaseException, *, in_init: bool) -> Category:
    """What ``error`` means; in an init, or while the app starts, what is refused is configuration."""
    # Not needed by a process in which nothing fails.
    from autogen_vitals.crashes.classify import classify

    return classify(error, in_init=in_init)
