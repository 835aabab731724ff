"""What the tables of a terminal have in common."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table


def table(first_column: str, *numbers: str, compact: bool = False) -> Table:
    """A table without rows: of a column of names, and others of numbers; compact where there are many of these."""
    # As narrow as can be read: where there is no terminal, 80 columns have to do.
    padding = (0, 0, 0, 0) if compact else (0, 1, 0, 0)
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=padding)
    made.add_column(first_column, overflow="fold")
    for heading in numbers:
        made.add_column(heading, justify="right", no_wrap=True)
    return made


def figure(value: float | None, digits: int = 0) -> str:
    """A number with so many decimals; a dash where it is not known."""
    return "-" if value is None else f"{value:,.{digits}f}"


def share(value: float | None) -> str:
    """A part of 1, in percent; a dash where it is not known."""
    return "-" if value is None else f"{value:.1%}"


def places(sites: Iterable[str]) -> list[str]:
    """``file:line`` of several lines, each file named once: ``app.py:45, 54``."""
    lines: dict[str, list[str]] = {}
    for site in sites:
        file, colon, line = site.rpartition(":")
        lines.setdefault(file if colon else line, []).append(line if colon else "")
    return [
        f"{file}:{', '.join(dict.fromkeys(numbers))}" if any(numbers := sorted(named, key=_as_number)) else file
        for file, named in lines.items()
    ]


def counted(count: int, one: str, many: str = "") -> str:
    """``1 request``, ``2 requests``."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def cut(text: str, width: int) -> str:
    """As much of a text as so many columns hold."""
    return text if len(text) <= width else f"{text[: max(0, width - 2)]}.."


def _as_number(line: str) -> tuple[int, str]:
    return (int(line), "") if line.isdecimal() else (0, line)
