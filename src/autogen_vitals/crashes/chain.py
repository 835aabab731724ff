"""An exception and all that it is said to come from, whether they are objects or only named in a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autogen_vitals.crashes.patterns import compiled

_LINK_LIMIT = 32
_MEMBER_LIMIT = 16
_MESSAGE_LIMIT = 4096
_TEXT_LIMIT = 65_536
_FRAME_LIMIT = 256

# A participant's exception reaches the team's caller as RuntimeError("ValueError: text\nTraceback:\n…"); a team within
# a team's as RuntimeError("RuntimeError: ValueError: text\nTraceback:\n…").
_HIDDEN_CLASS = r"(?:RuntimeError: )*([A-Za-z_][A-Za-z0-9_]*)(?::|$)"
_TRACEBACK = "\nTraceback"
_SECTIONS = (
    r"\nThe above exception was the (direct cause) of the following exception:\n"
    r"|\nDuring handling of the above exception, another exception occurred:\n"
)
# What a section ends with: the first line that is not indented, after one that is.
_RAISED = r"\n [^\n]*\n\n?([A-Za-z_][A-Za-z0-9_.]*)(?:: ([^\n]*))?(?:\n|\Z)"

# The attributes themselves: an exception's class may put others before them.
_CAUSE: Any = BaseException.__dict__["__cause__"]
_CONTEXT: Any = BaseException.__dict__["__context__"]
_SUPPRESSED: Any = BaseException.__dict__["__suppress_context__"]


class Link:
    """One exception of a chain.

    Args:
        names: of its classes, each after its top-level package, which is empty where it is not known.
        error: itself, if it is more than a text.
        raw: what it says, if that has been read already.
        explicit: neither it nor what leads to it was merely being handled when the next one was raised.
        outermost: it is what was raised in the end.
    """

    __slots__ = ("_text", "error", "explicit", "names", "outermost", "raw")

    def __init__(
        self,
        names: list[tuple[str, str]],
        error: BaseException | None,
        raw: str | None,
        *,
        explicit: bool,
        outermost: bool,
    ) -> None:
        self.names = names
        self.error = error
        self.raw = raw
        self.explicit = explicit
        self.outermost = outermost
        self._text: str | None = None

    @property
    def text(self) -> str:
        """The beginning of what it says, white space made one blank; asked for once."""
        if self._text is None:
            if self.raw is None:
                self.raw = "" if self.error is None else read(self.error)
            self._text = " ".join(self.raw[:_MESSAGE_LIMIT].split())
        return self._text

    def modules(self) -> list[str]:
        """Modules of the frames that it came through, the one that raised it last; none for a text."""
        found: list[str] = []
        traceback = None if self.error is None else self.error.__traceback__
        while traceback is not None and len(found) < _FRAME_LIMIT:
            name: object = traceback.tb_frame.f_globals.get("__name__")
            found.append(name if isinstance(name, str) else "")
            traceback = traceback.tb_next
        return found


def read(error: BaseException) -> str:
    """What it says; nothing where asking fails."""
    try:
        return str(error)
    except Exception:
        return ""


def links(error: BaseException) -> Iterator[Link]:
    """The chain of ``error``, outermost first, as tracebacks show it: causes, contexts that were not suppressed, and
    the members of groups. Bounded, and ends where the chain bites its tail.

    In place of a team's ``RuntimeError`` comes what it hides.
    """
    pending = [(error, True)]
    seen: set[int] = set()
    for link_count in range(_LINK_LIMIT):
        if not pending:
            return
        current, explicit = pending.pop(0)
        seen.add(id(current))
        outermost = link_count == 0
        raw = read(current) if _may_carry(current) else None
        if raw is not None and hidden_class(raw) is not None:
            yield from _hidden(raw, explicit=explicit, outermost=outermost)
        else:
            yield Link(_names(type(current)), current, raw, explicit=explicit, outermost=outermost)
        pending += [(next_one, how) for next_one, how in _after(current, explicit) if id(next_one) not in seen]


def _names(kind: type[BaseException]) -> list[tuple[str, str]]:
    return [(base.__module__.partition(".")[0], base.__name__) for base in kind.__mro__]


def _after(error: BaseException, explicit: bool) -> Iterator[tuple[BaseException, bool]]:
    cause: BaseException | None = _CAUSE.__get__(error)
    context: BaseException | None = _CONTEXT.__get__(error)
    if cause is not None:
        yield cause, explicit
    elif context is not None and not _SUPPRESSED.__get__(error):
        yield context, False
    if any(base.__name__ == "BaseExceptionGroup" for base in type(error).__mro__):
        members: object = getattr(error, "exceptions", ())
        for member in members[:_MEMBER_LIMIT] if isinstance(members, tuple) else ():
            if isinstance(member, BaseException):
                yield member, explicit


# --- what a team's error hides ------------------------------------------------------------------------------------


def _may_carry(error: BaseException) -> bool:
    return type(error) is RuntimeError and _CAUSE.__get__(error) is None


def hidden_class(text: str) -> str | None:
    """The class that the text of a team's ``RuntimeError`` begins with, if it is one."""
    hidden = compiled(_HIDDEN_CLASS).match(text, 0, _MESSAGE_LIMIT)
    return hidden.group(1) if hidden is not None and text.find(_TRACEBACK, 0, _TEXT_LIMIT) >= 0 else None


def class_of(error: BaseException) -> str:
    """Class name of ``error``, unqualified: ``httpx`` and ``httpx2`` share the name and not the module.

    For a team's error that is a participant's, the participant's class, which AutoGen keeps only in the text of its
    ``RuntimeError``.
    """
    name = type(error).__qualname__
    return (hidden_class(read(error)) or name) if _may_carry(error) else name


def _hidden(text: str, *, explicit: bool, outermost: bool) -> Iterator[Link]:
    # "Class: message\nTraceback:\n" and then the sections of the traceback, the outermost exception's last.
    text = text[:_TEXT_LIMIT]
    head = compiled(_HIDDEN_CLASS).match(text)
    end = text.find(_TRACEBACK)
    if head is None:
        return
    yield Link([("", head.group(1))], None, text[head.end() : end], explicit=explicit, outermost=outermost)
    sections: list[str | None] = compiled(_SECTIONS).split(text[end:])
    for index in range(len(sections) - 3, -1, -2):
        explicit = explicit and sections[index + 1] is not None
        raised = compiled(_RAISED).search(sections[index] or "")
        if raised is not None:
            package, _, name = raised.group(1).rpartition(".")
            names = [(package.partition(".")[0], name)]
            yield Link(names, None, raised.group(2) or "", explicit=explicit, outermost=False)
