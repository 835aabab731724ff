"""The demo's report, in the terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.demo_report import Report, Route, Worker

_START_TYPES = {"cold": "cold", "rebuild": "re-\nbuild", "reconnect": "re-\nconnect", "warm": "warm"}
_COMPONENTS = 4
"""How many components a worker's table names; the others, which cost less, share a row."""


def show_report(report: Report, console: Console) -> None:
    """Print the workers, the routes and the verdict."""
    for worker in report.workers:
        console.print()
        console.print(_worker_heading(worker))
        console.print(_init_table(worker))
    console.print()
    console.print(Text("Routes", style="bold"))
    console.print(_route_table(report))
    console.print()
    console.print(Panel(verdict(report), title="Verdict", border_style="red" if report.guilt else "green"))


def verdict(report: Report) -> str:
    """The moral in one paragraph: the route that builds again what could be shared, where, and what that costs."""
    guilt = report.guilt
    if guilt is None:
        return "No route is guilty: no request built anything again that was worth the time."
    innocent = [route.name for route in report.routes if not route.starts.get("rebuild")]
    example = f", as {' and '.join(innocent)} {'do' if len(innocent) > 1 else 'does'}" if innocent else ""
    return (
        f"{guilt.route} is guilty: {guilt.site} built the {guilt.component} {guilt.builds} times in workers that were "
        f"warm, {guilt.mean_ms:.0f} ms each, {guilt.share:.0%} of the route's time. Build it once per worker and share "
        f"it{example}: that saves {guilt.mean_ms:.0f} ms per request, "
        f"{guilt.builds * guilt.mean_ms:.0f} ms in this demo alone."
    )


def _worker_heading(worker: Worker) -> Text:
    return Text.assemble(
        (f"Worker {worker.pid}", "bold"), f" ({worker.server}), {worker.requests} requests: what it built"
    )


def _init_table(worker: Worker) -> Table:
    table = _table("init of", "times", "first\nms", "later\nms", "total\nms", "re-\ninits")
    table.add_column("built at", overflow="fold")
    for row in worker.inits[:_COMPONENTS]:
        table.add_row(
            row.component,
            str(row.count),
            _number(row.first_ms, 2),
            _number(row.repeat_ms, 2),
            _number(row.total_ms, 1),
            str(row.reinits or "-"),
            _places(row.sites),
        )
    if others := worker.inits[_COMPONENTS:]:
        table.add_row(
            f"{len(others)} others",
            str(sum(row.count for row in others)),
            "",
            "",
            _number(sum(row.total_ms for row in others), 1),
            str(sum(row.reinits for row in others) or "-"),
            style="dim",
        )
    return table


def _places(sites: tuple[str, ...]) -> str:
    """The sites with each file named once: ``app.py:45, 54``."""
    lines: dict[str, list[int]] = {}
    for site in sites:
        file, _, line = site.rpartition(":")
        lines.setdefault(file, []).append(int(line))
    return "\n".join(f"{file}:{', '.join(map(str, sorted(numbers)))}" for file, numbers in lines.items())


def _route_table(report: Report) -> Table:
    table = _table("route", "requests", "mean\nms*", "in\ninits*", *_START_TYPES.values(), "re-inits\n(ms)")
    for route in report.routes:
        guilty = report.guilt is not None and report.guilt.route == route.name
        table.add_row(*_route_cells(route), style="bold red" if guilty else "")
    table.caption = "* without the cold requests"
    table.caption_justify = "left"
    return table


def _route_cells(route: Route) -> tuple[str, ...]:
    return (
        route.name,
        str(route.requests),
        _number(route.mean_ms, 0),
        "-" if route.init_share is None else f"{route.init_share:.1%}",
        *(str(route.starts.get(start_type) or "-") for start_type in _START_TYPES),
        f"{route.reinits} ({route.reinit_ms:,.0f})" if route.reinits else "-",
    )


def _table(first_column: str, *numbers: str) -> Table:
    # As narrow as can be read: where there is no terminal, 80 columns have to do.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(first_column, no_wrap=True)
    for heading in numbers:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
