"""The demo's findings: what is to be changed, in which line, in the terminal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autogen_vitals import semconv
from autogen_vitals.local.receiver import ReceivedLog

_SEVERITIES = ("critical", "error", "warning", "info")
_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "dim"}


@dataclass(frozen=True)
class FoundRule:
    """One rule at one line, by however many processes it was found.

    Attributes:
        site: ``file:line``; empty where none is known.
        processes: how many have told of it.
    """

    rule: str
    name: str
    severity: str
    site: str
    remedy: str
    processes: int


def compute_findings(logs: Iterable[ReceivedLog]) -> list[FoundRule]:
    """What these events say is to be changed, the worst first."""
    pids: dict[tuple[str, str, str, str, str], set[object]] = {}
    for log in logs:
        if log.event_name != semconv.FINDING_EVENT.name:
            continue
        said = log.attributes
        file, line = said.get(semconv.CODE_FILE_PATH), said.get(semconv.CODE_LINE_NUMBER)
        key = (
            str(said[semconv.FINDING_RULE]),
            str(said[semconv.FINDING_NAME]),
            str(said[semconv.FINDING_SEVERITY]),
            f"{PurePath(str(file)).name}:{line}" if file else "",
            str(said[semconv.FINDING_REMEDY]),
        )
        pids.setdefault(key, set()).add(said[semconv.PROCESS_PID])
    found = [FoundRule(*key, len(processes)) for key, processes in pids.items()]
    return sorted(found, key=lambda one: (_SEVERITIES.index(one.severity), one.rule, one.site))


def show_findings(found: list[FoundRule], console: Console) -> None:
    """Print them; nothing where there are none."""
    if not found:
        return
    # As narrow as can be read: where there is no terminal, 80 columns have to do.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("rule", "", "line", "what to do"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("rule", ""))
    for one in found:
        remedy = Text.assemble((one.name, "bold"), f"\n{one.remedy}")
        table.add_row(one.rule, Text(one.severity, _STYLES[one.severity]), one.site or "-", remedy)
    console.print()
    console.print(Text("What to change", style="bold"))
    console.print(table, highlight=False)
    console.print(f"autogen-vitals explain {found[0].rule} says why, and how", highlight=False)
