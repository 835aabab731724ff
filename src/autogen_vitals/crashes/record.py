"""The exit record: what a process was doing, in a file that is still there after SIGKILL.

An update is a write to memory that the file is mapped to: no system call, and it survives the process. The file is
locked while its process lives.
"""

from __future__ import annotations

import errno
import itertools
import os
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from autogen_vitals.crashes import layout
from autogen_vitals.crashes.layout import IN_FLIGHT, INTERRUPTED, PHASES, SLOT, SLOT_COUNT, SLOTS, sealed
from autogen_vitals.crashes.mapped_file import MappedFile
from autogen_vitals.crashes.reports import Identity, LastWords
from autogen_vitals.vocabulary import Category, LifeState, Phase

if TYPE_CHECKING:
    import mmap

ENTRY_LIMIT = 4096
"""Files in the folder from which on no more are added."""

_PHASE_INDEX: dict[Phase, int] = {phase: index for index, phase in enumerate(PHASES)}
_STATE_INDEX = {state: index for index, state in enumerate(layout.STATES)}
_CATEGORY_INDEX: dict[Category | None, int] = {category: index for index, category in enumerate(layout.CATEGORIES)}


def record_name(group: str, identity: Identity) -> str:
    """The name of its file."""
    return f"{group}-{identity.pid}-{identity.uid[:8]}.exit"


class ExitRecord:
    """The record of this process, while it writes it.

    Takes no lock: a signal handler or another thread may update it in the middle of an update. Does nothing once it
    has ended.
    """

    __slots__ = (
        "_began",
        "_error",
        "_file",
        "_free",
        "_identities",
        "_lives",
        "_mapping",
        "_path",
        "_served",
        "_state",
        "_supervises",
        "_uses_autogen",
    )

    def __init__(self, file: MappedFile, path: Path) -> None:
        self._file = file
        self._mapping: mmap.mmap | None = file.mapping
        self._path = path
        # A slot has another number each time it is taken, so that what comes late for an earlier one is not taken for
        # it: its place among the slots is the number modulo their count.
        self._free = list(reversed(range(SLOT_COUNT)))
        self._began: dict[int, int] = {}
        self._identities = itertools.count()
        self._lives = itertools.count()
        self._state: LifeState = "starting"
        self._served = False
        self._uses_autogen = False
        self._supervises = False
        self._error: tuple[str, Category | None, bool] = ("", None, False)

    @classmethod
    def create(cls, directory: Path, group: str, identity: Identity) -> ExitRecord:
        """Begin the record of this process.

        Args:
            directory: from ``open_state_dir``.
            group: 12 hexadecimal digits that the processes of one service have in common.
            identity: who this process is.

        Raises:
            OSError: there can be no record. Nothing is left behind then.
        """
        with os.scandir(directory) as entries:
            if sum(1 for _ in islice(entries, ENTRY_LIMIT + 1)) > ENTRY_LIMIT:
                raise OSError(errno.ENOSPC, f"there are more than {ENTRY_LIMIT} files", str(directory))
        path = directory / record_name(group, identity)
        unfinished = directory / f".{path.stem}.new"
        file = MappedFile.create(unfinished, layout.blank())
        try:
            record = cls(file, path)
            record.identify(identity)
            record.note(heartbeat_ns=time.time_ns())
            os.rename(unfinished, path)
        except BaseException:
            os.unlink(unfinished)
            file.close()
            raise
        return record

    @property
    def path(self) -> Path:
        """Of its file."""
        return self._path

    @property
    def ended(self) -> bool:
        """Whether it has been removed or abandoned."""
        return self._mapping is None

    def words(self) -> LastWords | None:
        """What it says by now; ``None`` once it has ended."""
        mapping = self._mapping
        try:
            return None if mapping is None else layout.read(mapping[:])
        except ValueError:
            # Closed by another thread since.
            return None

    # --- what is going on ---------------------------------------------------------------------------------------------

    def begin(self, operation: bytes, phase: Phase, trace_id: int, span_id: int, wall_ns: int) -> int:
        """Something begins: a request, an init, an import.

        Args:
            operation: a span's name in UTF-8, of which 80 bytes are kept.
            phase: when in the life of the process.
            trace_id, span_id: of its span; 0: none.
            wall_ns: now, nanoseconds since the epoch.

        Returns:
            The slot it has until ``end``; -1: none is free.
        """
        area = _slot(operation, phase, trace_id, span_id, wall_ns, wall_ns)
        if self._mapping is None:
            return -1
        try:
            slot = self._free.pop()
        except IndexError:
            return -1
        self._began[slot] = wall_ns
        self._write(SLOTS[slot % SLOT_COUNT], area)
        return slot

    def change(self, slot: int, operation: bytes, phase: Phase, trace_id: int, span_id: int, wall_ns: int) -> None:
        """What is innermost in ``slot`` is another operation now; it keeps its begin.

        Args as of ``begin``.
        """
        began_ns = self._began.get(slot)
        if began_ns is not None:
            area = _slot(operation, phase, trace_id, span_id, began_ns, wall_ns)
            self._write(SLOTS[slot % SLOT_COUNT], area)

    def end(self, slot: int) -> None:
        """What had ``slot`` is over."""
        if self._began.pop(slot, None) is not None:
            self._write(SLOTS[slot % SLOT_COUNT], sealed(SLOT.pack(0, 0, b"", 0, 0, time.time_ns(), b"")))
            self._free.append(slot + SLOT_COUNT)

    def interrupt(self, slot: int) -> None:
        """The end of the process ends what has ``slot``: it keeps that for good."""
        area, mapping = SLOTS[slot % SLOT_COUNT], self._mapping
        if self._began.pop(slot, None) is None or mapping is None:
            return
        try:
            _, phase, trace_id, span_id, began_ns, _, operation = SLOT.unpack_from(mapping[area])
        except ValueError:
            # Closed by another thread since.
            return
        flags = IN_FLIGHT | INTERRUPTED
        self._write(area, sealed(SLOT.pack(flags, phase, trace_id, span_id, began_ns, time.time_ns(), operation)))

    # --- its life -----------------------------------------------------------------------------------------------------

    def identify(self, identity: Identity) -> None:
        """Who this process is, in place of what was known before."""
        sequence = next(self._identities)
        area = layout.identity_area(identity, sequence, time.time_ns())
        self._write(layout.IDENTITY_AREAS[sequence % 2], area)

    def note(
        self,
        state: LifeState | None = None,
        *,
        uses_autogen: bool | None = None,
        supervises: bool | None = None,
        heartbeat_ns: int,
    ) -> None:
        """Where in its life this process is; ``None`` leaves what was noted before.

        Args:
            state: how far it has come.
            uses_autogen: it has imported AutoGen.
            supervises: it waits for children.
            heartbeat_ns: now, nanoseconds since the epoch.
        """
        if state is not None:
            self._state = state
            self._served = self._served or state == "ready"
        if uses_autogen is not None:
            self._uses_autogen = uses_autogen
        if supervises is not None:
            self._supervises = supervises
        self._write_life(heartbeat_ns)

    def error(self, error_type: str, category: Category | None, fatal: bool) -> None:
        """An exception got out.

        Args:
            error_type: its class name.
            category: what it means.
            fatal: it is about to end the process.
        """
        self._error = (error_type, category, fatal)
        self._write_life(time.time_ns())

    def _write_life(self, heartbeat_ns: int) -> None:
        # The number is taken after what is new was set and before anything is read: what has the highest has it all.
        sequence = next(self._lives)
        error_type, category, fatal = self._error
        flags = layout.USES_AUTOGEN * self._uses_autogen | layout.SUPERVISES * self._supervises
        flags |= layout.FATAL * fatal | layout.SERVED * self._served
        body = layout.LIFE.pack(
            sequence,
            _STATE_INDEX[self._state],
            flags,
            _CATEGORY_INDEX.get(category, layout.NO_CATEGORY),
            heartbeat_ns,
            error_type.encode(errors="replace"),
        )
        self._write(layout.LIFE_AREAS[sequence % 2], sealed(body))

    # --- its end ------------------------------------------------------------------------------------------------------

    def abandon(self) -> None:
        """In a forked child: let go of the parent's record, and leave it as it is."""
        if self._mapping is not None:
            self._mapping = None
            self._file.close_after_fork()

    def remove(self) -> None:
        """It is over: nobody needs to be told. Where the file cannot be removed, it says that this process has ended.

        Called again, it does nothing.
        """
        if self._mapping is None:
            return
        self.note("ended", heartbeat_ns=time.time_ns())
        self._mapping = None
        try:
            os.unlink(self._path)
        except OSError:
            pass
        self._file.close()

    def _write(self, area: slice, content: bytes) -> None:
        mapping = self._mapping
        if mapping is not None:
            try:
                # One copy: what is killed in the middle of it leaves a checksum that does not fit.
                mapping[area] = content
            except ValueError:
                # Closed by another thread since.
                pass


def _slot(operation: bytes, phase: Phase, trace_id: int, span_id: int, began_ns: int, now_ns: int) -> bytes:
    trace = trace_id.to_bytes(16, "big") if trace_id else b""
    return sealed(SLOT.pack(IN_FLIGHT, _PHASE_INDEX[phase], trace, span_id, began_ns, now_ns, operation))
