"""The examination in the terminal, and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.doctor.checks import Outcome, Status
from autogen_vitals.local.doctor.examination import NOTHING, Result, count
from autogen_vitals.version import __version__

SCHEMA = 1
_SIGNS: Mapping[Status, str] = {"ok": "✔", "warning": "!", "fail": "✖", "skipped": "-"}
_PLAIN: Mapping[Status, str] = {"ok": "ok", "warning": "!!", "fail": "XX", "skipped": "--"}
_STYLES: Mapping[Status, str] = {"ok": "green", "warning": "yellow", "fail": "bold red", "skipped": "dim"}


def show(results: Sequence[Result], console: Console) -> None:
    """Print it by group: sign, check, what was found, the fix."""
    signs = _SIGNS if _can_say("".join(_SIGNS.values()), console.encoding) else _PLAIN
    console.print(_verdict(results))
    for title in dict.fromkeys(result.group for result in results):
        told = [result for result in results if result.group == title and result.outcomes != NOTHING]
        if not told:
            continue
        console.print(Text(f"\n{title}", style="bold"))
        table = Table.grid(padding=(0, 1, 0, 0))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for result in told:
            for number, outcome in enumerate(result.outcomes):
                name = result.check.title if number == 0 else ""
                table.add_row(Text(signs[outcome.status], _STYLES[outcome.status]), name, _told(outcome))
        console.print(Padding(table, (0, 0, 0, 1)))


def _can_say(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _told(outcome: Outcome) -> Text:
    text = Text(outcome.found, style="dim" if outcome.status == "skipped" else "")
    if outcome.rule:
        text.append(f" ({outcome.rule})")
    if outcome.fix:
        text.append(f"\nfix: {outcome.fix}", style="cyan")
    return text


def _verdict(results: Sequence[Result]) -> Text:
    counts = count(results)
    failed, warned = counts["fail"], counts["warning"]
    if failed:
        head = Text(f"{failed} {'thing' if failed == 1 else 'things'} will not work", _STYLES["fail"])
    elif warned:
        head = Text("Nothing that will not work", _STYLES["ok"])
    else:
        head = Text("Nothing to fix", _STYLES["ok"])
    return head.append(f": {counts['ok']} ok, {warned} to look at, {failed} failed, {counts['skipped']} skipped", "")


def as_json(results: Sequence[Result]) -> Mapping[str, Any]:
    """The same for programs; schema 1 gets new keys and checks, but loses no key."""
    counts = count(results)
    return {
        "schema": SCHEMA,
        "autogen_vitals": __version__,
        "passed": not counts["fail"],
        "counts": counts,
        "checks": [
            {
                "id": result.check.id,
                "group": result.group,
                "title": result.check.title,
                "status": outcome.status,
                "found": outcome.found,
                "fix": outcome.fix,
                "rules": [rule for rule in outcome.rule.split(", ") if rule],
            }
            for result in results
            for outcome in result.outcomes
        ],
    }
