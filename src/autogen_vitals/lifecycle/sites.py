"""Construction sites: the user's line that builds a component, and how often it has done so in this process."""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from types import FrameType
from typing import Any

from autogen_vitals.lifecycle.forking import renew_after_fork
from autogen_vitals.records import Record
from autogen_vitals.vocabulary import Stage

_WALK_LIMIT = 200
_SITE_LIMIT = 4096
_IMPORT_MACHINERY = "<frozen importlib._bootstrap>"


class Site(Record, frozen=True):
    """File, line and function of a construction."""

    file: str
    line: int
    function: str


class SiteTally(Record):
    """What one site has built of one class, at one stage: how many, and how long the last one took, in nanoseconds."""

    site: Site
    stage: Stage
    count: int = 0
    last_ns: int = 0


class SiteFinder:
    """Finds the first frame outside site-packages.

    An app that is itself installed into site-packages has none; then it is the first frame outside the observed
    libraries, ``packages``.
    """

    def __init__(self, packages: tuple[str, ...]) -> None:
        self.packages = packages
        self._skipped = frozenset((*packages, "autogen_vitals", "wrapt"))

    def find(self, frame: FrameType | None, *, to_import: bool) -> tuple[FrameType | None, bool]:
        """Walk outwards from ``frame``.

        Returns:
            The frame of the site, and whether a module is being imported outside it; the latter is looked for only
            with ``to_import``.
        """
        innermost, chosen = frame, None
        importing = False
        for _ in range(_WALK_LIMIT):
            if frame is None:
                break
            file = frame.f_code.co_filename
            if is_user_file(file):
                if chosen is None and not self.is_skipped(frame):
                    chosen = frame
                    if not to_import:
                        break
            elif file == _IMPORT_MACHINERY:
                importing = True
                break
            frame = frame.f_back
        return chosen or self._nearest(innermost), importing

    def _nearest(self, frame: FrameType | None) -> FrameType | None:
        """The first frame that may be a site at all, where none of the user's is on the stack."""
        for _ in range(_WALK_LIMIT):
            if frame is None or frame.f_code.co_filename == _IMPORT_MACHINERY or not self.is_skipped(frame):
                break
            frame = frame.f_back
        return None if frame is None or frame.f_code.co_filename == _IMPORT_MACHINERY else frame

    def caller(self, *, through_loop: bool = False) -> Site | None:
        """The user's line that the present code runs for, of those that are on the stack; ``None`` for none.

        Args:
            through_loop: look also at who runs the event loop, though not for this task: in a task that was made of a
                run and nothing else that may be the right line, or the one that starts the whole server.
        """
        frame: FrameType | None = sys._getframe(1)
        in_loop = False
        for _ in range(_WALK_LIMIT):
            if frame is None:
                break
            if _is_of_a_loop(frame):
                in_loop = True
                # asyncio.run(agent.run()): its caller is ours.
                through_loop = through_loop or _drives_this_task(frame)
            elif in_loop and not through_loop:
                break
            elif is_user_file(frame.f_code.co_filename) and not self.is_skipped(frame):
                return describe(frame)
            frame = frame.f_back
        return None

    def raised_at(self, error: BaseException) -> Site | None:
        """The user's line in which ``error`` was raised, or that called what raised it; ``None`` for none."""
        site: Site | None = None
        traceback = error.__traceback__
        while traceback is not None:
            frame = traceback.tb_frame
            if is_user_file(frame.f_code.co_filename) and not self.is_skipped(frame):
                site = describe(frame, traceback.tb_lineno)
            traceback = traceback.tb_next
        return site

    def is_skipped(self, frame: FrameType) -> bool:
        """Whether a frame is never a site: it is the observed libraries', or ours."""
        module: object = frame.f_globals.get("__name__")
        return isinstance(module, str) and module.partition(".")[0] in self._skipped


def _is_of_a_loop(frame: FrameType) -> bool:
    """Whether it is asyncio that runs tasks there: also where the loop itself, as uvloop's, has no frames."""
    module: object = frame.f_globals.get("__name__")
    return module in ("asyncio.events", "asyncio.base_events", "asyncio.runners")


def _drives_this_task(frame: FrameType) -> bool:
    asyncio: Any = sys.modules["asyncio"]
    if frame.f_code.co_name not in ("run", "run_until_complete"):
        return False
    driven = frame.f_locals.get("task" if frame.f_code.co_name == "run" else "future")
    return driven is not None and driven is asyncio.current_task()


@lru_cache(maxsize=1)
def _library_folders() -> tuple[str, ...]:
    # The standard library and console scripts. sysconfig would tell the same at the cost of a few milliseconds. When
    # it is asked for, for links are followed on the disk.
    folders = {os.path.dirname(os.__file__), os.path.join(sys.prefix, "bin"), os.path.join(sys.prefix, "Scripts")}
    folders.add("/usr/local/bin")  # where Debian's own Python installs scripts
    folders.add(os.path.dirname(os.path.dirname(__file__)))  # this package, also where it is no part of site-packages
    folders |= {os.path.realpath(folder) for folder in folders}
    return tuple(folder + os.sep for folder in folders)


_LIBRARY_PARTS = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@lru_cache(maxsize=8192)
def is_user_file(file: str) -> bool:
    """Whether a file is the app's: neither the standard library's, nor installed, nor generated."""
    # Decided once for each file: a walk then costs a dictionary look-up a frame.
    if file.startswith("<"):
        return False
    return not file.startswith(_library_folders()) and not any(part in file for part in _LIBRARY_PARTS)


def describe(frame: FrameType, line: int | None = None) -> Site:
    """The site of a frame; ``line`` where the one it is at now is another."""
    code = frame.f_code
    name = code.co_qualname if sys.version_info >= (3, 11) else code.co_name
    module: object = frame.f_globals.get("__name__")
    function = f"{module}.{name}" if isinstance(module, str) and not name.startswith("<") else name
    return Site(code.co_filename, line or frame.f_lineno, function)


class SiteRegistry:
    """Counts what each site has built in this process.

    Touched by every init, in any thread; the races that dictionary operations leave lose at most a count. Holds
    ``_SITE_LIMIT`` sites, then drops the oldest. Empty in a forked child: what the master built, the worker did not.
    """

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, int, str, Stage], SiteTally] = {}
        renew_after_fork(self, SiteRegistry._clear)

    def tally(self, frame: FrameType | None, type_name: str, stage: Stage) -> SiteTally:
        """The tally of a site for one class, one more counted."""
        key = ("", 0, type_name, stage)
        if frame is not None:
            key = (frame.f_code.co_filename, frame.f_lineno, type_name, stage)
        found = self._tallies.get(key)
        if found is None:
            if len(self._tallies) >= _SITE_LIMIT:
                self._tallies.pop(next(iter(self._tallies)), None)
            site = describe(frame) if frame is not None else Site("", 0, "")
            found = self._tallies[key] = SiteTally(site, stage)
        found.count += 1
        return found

    def _clear(self) -> None:
        self._tallies = {}
