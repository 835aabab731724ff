"""Where in an object the part is that could not be pickled, copied or dumped: exceptions tell its type and no more.

The object is found in the frames that the exception came through, by what serialisers call it; what the user's own line
names is looked at last. Only what lies there as data is walked over: attributes in ``__dict__``, items of dictionaries
and sequences, so that no code of the app's runs. Bounded in depth and number.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from itertools import islice
from types import CodeType, FrameType, FunctionType, GetSetDescriptorType, MethodType, ModuleType, TracebackType
from typing import Any

from autogen_vitals.crashes.chain import links
from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.crashes.redact import redact
from autogen_vitals.guard import guarded
from autogen_vitals.lifecycle.sites import SiteFinder, is_user_file
from autogen_vitals.records import Record

_DEPTH_LIMIT = 10
_NODE_LIMIT = 4000
_ITEM_LIMIT = 256
_FRAME_LIMIT = 100
_PATH_LIMIT = 200
_KEY = r"[A-Za-z_][A-Za-z0-9_]{0,39}"
_OTHER_KEY = "[…]"

_NAMED = (
    r"cannot pickle '([A-Za-z0-9_.]{1,120})' object"
    r"|[Cc]an't (?:pickle|get) local object '([A-Za-z0-9_.<>]{1,160})'"
    r"|[Cc]an't pickle (?:local object )?<(?:function|class) '?([A-Za-z0-9_.<>]{1,160}?)'?(?: at 0x|>)"
    r"|Object of type ([A-Za-z0-9_]{1,80}) is not JSON serializable"
    r"|Unable to serialize unknown type: <class '([A-Za-z0-9_.<>]{1,160})'>"
)
_SERIALISED = ("obj", "x", "o")
"""What pickle's, multiprocessing's, copy's and json's functions call what they are given."""
_OWN = "self"
"""And what those call it that dump themselves, such as components and models."""

_CLASS_NAME: Any = type.__dict__["__qualname__"]
"""The attribute itself: a class may have another one of that name."""


class Culprit(Record, frozen=True):
    """What could not be serialised.

    Attributes:
        type: its class, or its own name where it is a function or a class.
        root: class of the object that was to be, or the variable that had it.
        path: from there to what could not, such as ``._tools[0]._func``; empty: it is that object itself.
    """

    type: str
    root: str
    path: str


def whereabouts(error: BaseException | None, sites: SiteFinder) -> str:
    """Where it is, as the end of a sentence; empty where that cannot be said."""
    culprit = None if error is None else culprit_of(error, sites)
    if culprit is None:
        return ""
    if not culprit.path:
        return f"; it is {culprit.root} itself"
    return f"; it is at {culprit.root}{culprit.path}: {culprit.type}"


@guarded
def culprit_of(error: BaseException, sites: SiteFinder) -> Culprit | None:
    """What an exception that says that something is not serialisable is about; ``None`` where it is not found."""
    for link in links(error):
        named = compiled(_NAMED).search(link.text)
        if named is None or link.error is None:
            continue
        name = next(group for group in named.groups() if group)
        for label, root in _roots(link.error.__traceback__, sites):
            path = _path_to(name, root)
            if path is not None:
                return Culprit(name, label, path[:_PATH_LIMIT])
    return None


# --- the object ---------------------------------------------------------------------------------------------------


def _roots(traceback: TracebackType | None, sites: SiteFinder) -> Iterator[tuple[str, object]]:
    """What may have been given to the serialiser: as it was given first, then as its own calls took it apart, then what
    the user's line names."""
    user: tuple[FrameType, TracebackType] | None = None
    inner: list[FrameType] = []
    while traceback is not None:
        frame = traceback.tb_frame
        if is_user_file(frame.f_code.co_filename) and not sites.is_skipped(frame):
            user, inner = (frame, traceback), []
        elif len(inner) < _FRAME_LIMIT:
            inner.append(frame)
        traceback = traceback.tb_next
    for name in (*_SERIALISED, _OWN):
        for frame in inner:
            if name in frame.f_locals and (name != _OWN or not _is_machinery(frame)):
                root: object = frame.f_locals[name]
                yield _class_name(type(root)), root
    if user is not None:
        frame, at = user
        for name in _named_by(frame.f_code, at):
            root = frame.f_locals.get(name, frame.f_globals.get(name))
            if root is not None and not isinstance(root, ModuleType):
                yield name, root


def _is_machinery(frame: FrameType) -> bool:
    """Whether ``self`` there is who serialises, and not what is serialised."""
    module: object = frame.f_globals.get("__name__")
    return isinstance(module, str) and module.partition(".")[0] in sys.stdlib_module_names


def _named_by(code: CodeType, at: TracebackType) -> list[str]:
    """The variables that the failed expression names, in order; by its line where the interpreter does not know it
    better."""
    import dis

    first = last = at.tb_lineno
    if sys.version_info >= (3, 11):
        position = next(islice(code.co_positions(), at.tb_lasti // 2, None), None)
        if position is not None and position[0] and position[1]:
            first, last = position[0], position[1]
    line, names = 0, []
    for instruction in dis.get_instructions(code):
        started: Any = instruction.starts_line
        if isinstance(started, int) and not isinstance(started, bool):
            line = started
        elif sys.version_info >= (3, 13) and instruction.line_number is not None:
            line = instruction.line_number
        if first <= line <= last and instruction.opname.startswith("LOAD_"):
            found: Any = instruction.argval
            names += [found] if isinstance(found, str) else list(found) if isinstance(found, tuple) else []
    return list(dict.fromkeys(name for name in names if isinstance(name, str)))


# --- the way to the part ------------------------------------------------------------------------------------------


def _path_to(name: str, root: object) -> str | None:
    """The shortest way from ``root`` to what has this name; empty: it is ``root`` itself; ``None``: there is none."""
    seen = {id(root)}
    pending: deque[tuple[object, str, int]] = deque([(root, "", 0)])
    while pending:
        value, path, depth = pending.popleft()
        if _is_named(value, name):
            return path
        if depth >= _DEPTH_LIMIT:
            continue
        for step, part in _parts(value):
            if id(part) not in seen and len(seen) < _NODE_LIMIT:
                seen.add(id(part))
                pending.append((part, path + step, depth + 1))
    return None


def _is_named(value: object, name: str) -> bool:
    kind = type(value)
    if kind is FunctionType:
        return name in _names(value.__module__, value.__qualname__)  # pyright: ignore[reportAttributeAccessIssue]
    if issubclass(kind, type):
        kind = value
    return name in _names(_module(kind), _class_name(kind))


def _names(module: object, qualified: str) -> tuple[str, str, str]:
    return qualified, f"{module}.{qualified}", qualified.rpartition(".")[2]


def _parts(value: Any) -> Iterator[tuple[str, object]]:
    """What it has, and how one gets there. By the classes that it really has, and never by what it says that it is."""
    kind = type(value)
    if kind is FunctionType or issubclass(kind, (type, ModuleType)):
        return
    if kind is MethodType:
        yield ".__self__", value.__self__
    elif issubclass(kind, dict):
        for key, item in islice(dict.items(value), _ITEM_LIMIT):
            yield _step(key), item
    elif issubclass(kind, (list, tuple)):
        items = list.__iter__(value) if issubclass(kind, list) else tuple.__iter__(value)
        for index, item in enumerate(islice(items, _ITEM_LIMIT)):
            yield f"[{index}]", item
    elif issubclass(kind, (set, frozenset)):
        items = set.__iter__(value) if issubclass(kind, set) else frozenset.__iter__(value)
        for item in islice(items, _ITEM_LIMIT):
            yield _OTHER_KEY, item
    for name, item in islice(_attributes(value).items(), _ITEM_LIMIT):
        if compiled(_KEY).fullmatch(name):
            yield f".{name}", item


def _step(key: object) -> str:
    """A key is told if it can be the name of something; else it may be anything."""
    is_name = type(key) is str and compiled(_KEY).fullmatch(key) is not None and redact(key) == key
    return f"['{key}']" if is_name else _OTHER_KEY


def _attributes(value: object) -> dict[str, object]:
    """Its ``__dict__``, unless its class has made something else of that."""
    for base in type(value).__mro__:
        descriptor = base.__dict__.get("__dict__")
        if descriptor is not None:
            return descriptor.__get__(value) if type(descriptor) is GetSetDescriptorType else {}
    return {}


def _class_name(kind: Any) -> str:
    return _CLASS_NAME.__get__(kind)


def _module(kind: Any) -> object:
    return type.__dict__["__module__"].__get__(kind)
