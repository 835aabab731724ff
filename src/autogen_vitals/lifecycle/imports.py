"""The import finder: what each import cost, seen from ``sys.meta_path`` and from nowhere else.

A finder is asked before a module is found, which is when the clock starts: a library that ``create_module`` loads is
thus counted. The end is seen by an instance attribute ``exec_module`` on the loader, there from ``find_spec`` to the
moment it is called; it takes itself off before it calls the original. Nothing is patched, nothing is left behind.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any

from autogen_vitals.guard import guarded, hide_caller_frame
from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.lifecycle.sites import Site
from autogen_vitals.records import Record

_SLOW_NS = 5_000_000
_RECORD_LIMIT = 1000

_bootstrap: Any = sys.modules["_frozen_importlib"]
_LOADING = _bootstrap._find_and_load_unlocked.__code__
"""What runs two frames up of ``find_spec`` when a module is imported; it is others when a spec is merely asked for."""

_IMPORT_MACHINERY = "<frozen importlib._bootstrap>"
_STRIPPED_NAME = "_call_with_frames_removed"
_EXEC = "exec_module"
_PROBE = "_autogen_vitals_probe"


class ImportRecord(Record, eq=False):
    """One import.

    Attributes:
        name: of a top-level package; dotted if another package was being imported in its thread, or none, or with
            ``whole_tree``.
        begin_ns: on the clock of ``time.perf_counter_ns``.
        duration_ns: from ``find_spec`` to the end of ``exec_module``, all that was imported meanwhile included.
        nested_ns: of the recorded imports directly inside it, so that the ``self_ns`` of all records add up.
        parent: the import it was directly inside of, of those that are timed.
        error: class name of the exception it failed with.
        site: the user's line that imports it, or that calls what does; of one that is not inside another.
    """

    name: str
    begin_ns: int
    duration_ns: int = 0
    nested_ns: int = 0
    parent: ImportRecord | None = None
    error: str | None = None
    site: Site | None = None

    @property
    def self_ns(self) -> int:
        """Without the recorded imports inside it."""
        return self.duration_ns - self.nested_ns


class _Timing:
    """An import on its way, and the ``exec_module`` its loader has meanwhile. One thread's, but for ``detach``.

    Attributes:
        prefix: of the names of modules that are part of it.
        is_waiting: from ``find_spec``'s return to the call. Whether that call will come is not known: a
            ``create_module`` that raises tells nobody.
    """

    __slots__ = ("_attributes", "_finder", "_loading", "_original", "_spec", "is_waiting", "prefix", "record")

    def __init__(self, finder: ImportFinder, record: ImportRecord, loading: FrameType) -> None:
        self.record = record
        self.prefix = record.name.partition(".")[0] + "."
        self.is_waiting = False
        self._finder = finder
        # Only its id: the frame itself would keep its callers' locals alive if the call never comes.
        self._loading = id(loading)
        self._attributes: dict[str, Any] = {}
        self._original: Any = None
        self._spec: Any = None

    def __call__(self, module: ModuleType) -> object:
        """``exec_module``. Its name and file are changed, see ``_disguise``."""
        mine = self._start(module)
        try:
            result = self._original(module)
        except BaseException as error:
            if mine:
                self.end(error)
            hide_caller_frame(error)
            raise
        if mine:
            self.end(None)
        return result

    @guarded
    def attach(self, spec: Any) -> bool:
        """Become the loader's ``exec_module``. Answers whether that is possible."""
        loader: Any = spec.loader
        attributes = _attributes_of(loader)
        # wrapt's loader of a hooked module is a proxy, whose attributes are those of the loader that it calls.
        wrapped: Any = getattr(loader, "__wrapped__", None)
        if attributes is not None and getattr(wrapped, "__dict__", None) is attributes:
            loader = wrapped
        # On a class or a finder it would show to everybody who uses that.
        if attributes is None or any(loader is finder for finder in sys.meta_path):
            return False
        self._original = getattr(loader, _EXEC, None)
        if self._original is None:
            return False
        self._spec, self._attributes = spec, attributes
        # There may be one: somebody else's, or ours, if many modules have one loader (zipimporter).
        if attributes.setdefault(_EXEC, self) is not self:
            return False
        self._finder._attached.add(self)
        if getattr(loader, _EXEC, None) is not self:
            self.detach()  # it finds its attributes in its own way
            return False
        self.is_waiting = True
        return True

    def detach(self) -> None:
        """Leave the loader as it was. Any thread may do that; the import then goes on untimed, if it has not begun."""
        if self._attributes.get(_EXEC) is self:
            self._attributes.pop(_EXEC, None)
        self._finder._attached.discard(self)

    @guarded
    def _start(self, module: ModuleType) -> bool:
        # A shared loader may be asked by another thread for another module: then this is only on its way.
        if getattr(module, "__spec__", None) is not self._spec:
            return False
        self.detach()
        self.is_waiting = False
        return True

    @guarded
    def end(self, error: BaseException | None) -> None:
        """The import is over, with ``error`` or without."""
        self._finder._ended(self, time.perf_counter_ns(), error)

    def is_abandoned(self, frame: FrameType | None) -> bool:
        """Whether the call it waits for cannot come any more; ``frame`` is the innermost that may be loading it.

        Only looked at for what waits: an extension module's ``create_module`` may well import others.
        """
        while frame is not None:
            if id(frame) == self._loading and frame.f_code is _LOADING:
                return False
            frame = frame.f_back
        return True


def _attributes_of(loader: Any) -> dict[str, Any] | None:
    attributes: Any = getattr(loader, "__dict__", None)
    return attributes if type(attributes) is dict else None  # a class has a read-only view


class ImportFinder:
    """Times the imports of packages, at any depth: of top-level names, and of dotted ones that are not part of what is
    being imported anyway (``from autogen_agentchat.agents import …`` in an app: the package itself is empty).

    Finds nothing itself: asks the finders after it, as the import machinery would, and hands on what they answer.
    Where they all know nothing, the machinery asks them once more.

    Not timed, but imported as ever: namespace packages, built-in and frozen modules, what is loaded by a finder or by
    ``load_module``, and what a finder ahead of this one finds.

    Tracebacks of failed imports are as without it, but for two on Python 3.10, which keeps a wrapper's frame: one more
    line of importlib's when ``importlib.import_module`` fails and no import statement is around it, and one when
    somebody else's finder raises anything but ``ImportError``.

    Keeps the slow imports, ``_RECORD_LIMIT`` of them; the first are those of the start. Takes no lock: what threads
    share is appended to, added to or replaced. In a forked child all of it is the parent's, and gone.

    Args:
        outermost: told of begin and end of every import that is not inside another one in its thread, however short.
            Runs inside the import machinery, as does
        importing: told what is being imported now; ``None``: nothing any more.
        caller: finds the user's line that the present code runs for; asked at the end of a slow import.
        whole_tree: time every module.
    """

    def __init__(
        self,
        outermost: Callable[[int, int], object],
        importing: Callable[[str | None], object] = lambda name: None,
        caller: Callable[[], Site | None] = lambda: None,
        *,
        whole_tree: bool = False,
    ) -> None:
        self.calls = 0
        self.failure: tuple[str, BaseException] | None = None
        self._outermost = guarded(outermost)
        self._importing = guarded(importing)
        self._caller = guarded(caller)
        self._whole_tree = whole_tree
        self._is_active = False
        self._records: list[ImportRecord] = []
        self._threads = threading.local()
        self._attached: set[_Timing] = set()
        renew_after_fork(self, ImportFinder._renew)

    @property
    def installed(self) -> bool:
        """Whether imports are timed."""
        return self._is_active and self._is_listed()

    @property
    def records(self) -> list[ImportRecord]:
        """The imports of 5 ms and more that have ended, in the order in which they began."""
        return sorted(self._records, key=lambda record: (record.begin_ns, -record.duration_ns))

    @guarded
    def install(self) -> None:
        """Be asked first from now on."""
        if not self._is_listed():
            sys.meta_path.insert(0, self)
        if not self._is_active:
            _disguise()
            self._is_active = True

    @guarded
    def remove(self) -> None:
        """Be asked no more; what is being imported right now is still recorded.

        A new list replaces ``sys.meta_path``: a thread that is just going through the old one would skip a finder if
        an earlier one vanished from it, and not find its module.
        """
        self._is_active = False
        self.failure = None
        if self._is_listed():
            sys.meta_path = [finder for finder in sys.meta_path if finder is not self]
        for timing in list(self._attached):
            timing.detach()

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        """What the finders after this one find, if this is an import to be timed; ``None`` if not."""
        if not self._is_active:
            # Also where somebody has put back a list of finders from before ``remove``.
            return _probe_spec() if name == _PROBE else None
        self.calls += 1
        # A module of the package that is being imported anyway is part of that. So are nine of ten, hence no guard.
        stack: list[_Timing] | None = getattr(self._threads, "stack", None)
        if stack and not stack[-1].is_waiting and self._is_part(name, stack):
            return None
        timing = self._begin(name, sys._getframe())
        if timing is None:
            return None
        try:
            for finder in self._others() or ():
                ask = getattr(finder, "find_spec", None)
                if ask is not None:
                    spec = ask(name, path, target)
                    if spec is not None:
                        if not timing.attach(spec):
                            self._drop(timing)
                        return spec
                elif sys.version_info < (3, 12):
                    break  # a finder of the old kind: its turn comes when the machinery asks, as it would have
        except BaseException as error:
            timing.end(error)
            hide_caller_frame(error)
            raise
        self._drop(timing)
        return None

    def _is_listed(self) -> bool:
        return any(finder is self for finder in sys.meta_path or ())  # None while the interpreter shuts down

    @guarded
    def _others(self) -> list[Any]:
        finders: list[Any] = list(sys.meta_path or ())
        for index, finder in enumerate(finders):
            if finder is self:
                return finders[index + 1 :]
        return []

    def _stack(self) -> list[_Timing]:
        """What this thread is importing, innermost last."""
        try:
            return self._threads.stack
        except AttributeError:
            stack: list[_Timing] = []
            self._threads.stack = stack
            return stack

    def _is_part(self, name: str, stack: list[_Timing]) -> bool:
        return not self._whole_tree and bool(stack) and name.startswith(stack[-1].prefix)

    @guarded
    def _begin(self, name: str, asked: FrameType) -> _Timing | None:
        begin_ns = time.perf_counter_ns()
        stack = self._stack()
        finding = asked.f_back
        loading = finding.f_back if finding is not None else None
        if loading is None or loading.f_code is not _LOADING:
            return None
        while stack and stack[-1].is_waiting and stack[-1].is_abandoned(loading.f_back):
            stack.pop().detach()
        if self._is_part(name, stack):
            return None
        parent = stack[-1].record if stack else None
        timing = _Timing(self, ImportRecord(name, begin_ns, parent=parent), loading)
        stack.append(timing)
        self._importing(name)
        return timing

    @guarded
    def _drop(self, timing: _Timing) -> None:
        timing.detach()
        self._take_off(timing)

    def _take_off(self, timing: _Timing) -> bool:
        """Whether it was there; with it goes what was inside it and has never ended."""
        stack = self._stack()
        if timing not in stack:
            return False  # a forked child, which goes on with its parent's import, or greenlets in one thread
        del stack[stack.index(timing) :]
        self._importing(stack[-1].record.name if stack else None)
        return True

    def _ended(self, timing: _Timing, end_ns: int, error: BaseException | None) -> None:
        if not self._take_off(timing):
            return
        record = timing.record
        record.duration_ns = end_ns - record.begin_ns
        record.error = None if error is None else type(error).__name__
        if record.duration_ns >= _SLOW_NS and len(self._records) < _RECORD_LIMIT:
            self._records.append(record)
            if record.parent is None:
                record.site = self._caller()
            else:
                record.parent.nested_ns += record.duration_ns
        if record.parent is None:
            self.failure = (record.name, error) if error is not None and self._is_active else None
            self._outermost(record.begin_ns, end_ns)

    def _renew(self) -> None:
        for timing in list(self._attached):
            timing.detach()  # of threads that do not exist here
        self._threads = threading.local()
        self._records = []
        self.failure = None


class _Probed(Exception):
    """Raised by the module that is imported to see what CPython strips."""


class _ProbeLoader:
    def create_module(self, spec: object) -> None:
        """The default."""

    def exec_module(self, module: ModuleType) -> None:
        """Fail, as a module that raises does."""
        _raise_probed()


def _raise_probed() -> None:
    raise _Probed


def _probe_spec() -> Any:
    return _bootstrap.ModuleSpec(_PROBE, _ProbeLoader())


_is_probed = False


@guarded
def _disguise() -> None:
    """Give our frame the name that CPython takes out of the traceback of a failed import, if this CPython does.

    ``remove_importlib_frames`` (3.3 to 3.14) looks at a frame's file and function names only. 3.10 needs this; later
    ones let us take the frame off, and then it is for who looks at the stack of a thread that imports, and for
    ``warnings.warn(..., stacklevel=2)``, which steps over frames with such a file name.
    """
    global _is_probed
    if _is_probed:
        return
    _is_probed = True
    _rename(_ProbeLoader.exec_module, _STRIPPED_NAME)
    try:
        __import__(_PROBE)
    except _Probed as error:
        traceback = error.__traceback__
        while traceback is not None:
            if traceback.tb_frame.f_code is _ProbeLoader.exec_module.__code__:
                return
            traceback = traceback.tb_next
        _rename(_Timing.__call__, _STRIPPED_NAME)
        _rename(ImportFinder.find_spec, "find_spec")


def _rename(function: Any, name: str) -> None:
    function.__code__ = function.__code__.replace(co_filename=_IMPORT_MACHINERY, co_name=name)
