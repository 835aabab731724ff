"""AG302 secret-or-file-read-at-import."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import TYPE_CHECKING, NamedTuple

from autogen_vitals.crashes.patterns import compiled
from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.lifecycle.sites import describe, is_user_file

if TYPE_CHECKING:
    from autogen_vitals.findings.finding import Finding
    from autogen_vitals.lifecycle.observation import Observation

_READERS = ("environ", "getenv", "open")
_ENDS_OF_EXPRESSIONS = ("STORE_", "CALL", "POP_", "BINARY_SUBSCR", "RETURN_")
_WRITES = ("STORE_SUBSCR", "DELETE_SUBSCR")
_SECRET_VARIABLE = r"(?i)(?:^|_|API)(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIALS?)(?:_FILE|_PATH)?$"
_SECRET_FILE = r"(?i)(?:^|[^a-z])(?:key|token|secrets?|password|credentials?)(?:[^a-z]|$)"
_MODULE_LIMIT = 1000
_WALK_LIMIT = 200


class _Read(NamedTuple):
    line: int
    what: str


class SecretReadAtImport(Rule):
    """A module that builds components while it is imported has read a secret before, from the environment or a file.

    Read off its code, by what the variable or the file is called: the value is never looked at. Only what stands in
    the module itself, above the line that builds. Keeps how far ``_MODULE_LIMIT`` modules have been looked at.
    """

    id = "AG302"
    name = "secret-or-file-read-at-import"
    severity = "warning"
    confidence = "inferred"
    remedy = "read it where the client is built, in a function that start-up calls"
    phases = ("import",)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__(surroundings)
        self._looked: dict[str, int] = {}

    def init_ended(self, observation: Observation) -> Finding | None:
        """Look at the module, down to the line that it is at."""
        module = _module_being_imported()
        if module is None:
            return None
        code, line = module.f_code, module.f_lineno
        looked = self._looked.get(code.co_filename, 0)
        if line <= looked or (not looked and len(self._looked) >= _MODULE_LIMIT):
            return None
        self._looked[code.co_filename] = line
        read = next((read for read in _secrets_read(code) if read.line <= line), None)
        if read is None:
            return None
        self._looked[code.co_filename] = sys.maxsize  # once is enough
        return self.about_init(
            observation,
            f"{read.what} is read while the module is imported that builds {observation.type}",
            site=describe(module, read.line),
        )


def _module_being_imported() -> FrameType | None:
    """The innermost module of the user's whose import is going on; ``None`` for none, or for the program itself."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_WALK_LIMIT):
        if frame is None:
            break
        if frame.f_code.co_name == "<module>" and is_user_file(frame.f_code.co_filename):
            return None if frame.f_globals.get("__name__") == "__main__" else frame
        frame = frame.f_back
    return None


def _secrets_read(code: CodeType) -> Iterator[_Read]:
    """``os.environ["…"]``, ``os.environ.get("…")``, ``os.getenv("…")``, ``open("…")``, however they were imported."""
    import dis  # only where something is built at import

    reader, read = "", None
    for instruction in dis.get_instructions(code):
        name, value = instruction.opname, instruction.argval
        if read is not None and name not in _WRITES:
            yield read
        read = None
        if name == "LOAD_CONST":
            if reader and isinstance(value, str) and _is_secret(reader, value):
                read = _Read(_line_of(code, instruction.offset), _told(reader, value))
            reader = ""
        elif name.startswith("LOAD_") and value in _READERS:
            reader = value
        elif name.startswith(_ENDS_OF_EXPRESSIONS):
            reader = ""


def _is_secret(reader: str, name: str) -> bool:
    return compiled(_SECRET_FILE if reader == "open" else _SECRET_VARIABLE).search(name) is not None


def _told(reader: str, name: str) -> str:
    return f"the file {name.rpartition('/')[2] or name}" if reader == "open" else f"the variable {name}"


def _line_of(code: CodeType, offset: int) -> int:
    lines = (line for begin, end, line in code.co_lines() if begin <= offset < end and line is not None)
    return next(lines, code.co_firstlineno)


RULE = SecretReadAtImport
