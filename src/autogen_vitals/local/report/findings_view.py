"""Findings in the terminal: what was seen, and what is to be changed, in which line."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.report.model import Finding
from autogen_vitals.local.report.verdict_view import STYLES

_FINDINGS = 30


def print_findings(findings: Sequence[Finding], console: Console) -> None:
    """Print them, with their evidence; nothing where there are none."""
    if not findings:
        return
    # As narrow as can be read: where there is no terminal, 80 columns have to do.
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("rule", "", "line", "what was seen, and what to do"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("rule", ""))
    for one in findings[:_FINDINGS]:
        said = Text.assemble((one.name or "a crash that no rule explains", "bold"))
        for sentence, style in ((one.evidence, ""), (one.remedy, "green")):
            if sentence:
                said.append(f"\n{sentence}", style)
        table.add_row(one.rule or "-", Text(one.severity, STYLES.get(one.severity, "")), str(one.site or "-"), said)
    if len(findings) > _FINDINGS:
        table.add_row("", "", "", f"and {len(findings) - _FINDINGS} more")
    console.print()
    console.print(Text("Findings", style="bold"))
    console.print(table, highlight=False)
