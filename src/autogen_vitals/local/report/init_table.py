"""What was built, in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from autogen_vitals.local.report.model import Init
from autogen_vitals.local.report.tables import counted, figure, places, table


def init_table(inits: Sequence[Init], rows: int) -> Table:
    """The inits, of which the first so many have a row, and the others, which cost less, share one."""
    made = table("init of", "times", "first\nms", "later\nms", "total\nms", "re-\ninits")
    made.add_column("built at", overflow="fold")
    for init in inits[:rows]:
        name = init.component if init.stage == "construct" else f"{init.component} ({init.stage})"
        failed = f", {init.errors} failed" if init.errors else ""
        made.add_row(
            name,
            f"{init.count:,}{failed}",
            figure(init.first_ms, 2),
            figure(init.later_ms, 2),
            figure(init.total_ms, 1),
            str(init.reinits or "-"),
            "\n".join(places(str(each.site) for each in init.sites)),
        )
    if others := inits[rows:]:
        made.add_row(
            counted(len(others), "other"),
            f"{sum(init.count for init in others):,}",
            "",
            "",
            figure(sum(init.total_ms for init in others), 1),
            str(sum(init.reinits for init in others) or "-"),
            style="dim",
        )
    return made
