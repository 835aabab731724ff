"""The demo's report, in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.demo_report import Report, Route, Worker
from autogen_vitals.local.report.init_table import init_table
from autogen_vitals.local.report.tables import figure, share, table

_START_TYPES = {"cold": "cold", "rebuild": "re-\nbuild", "reconnect": "re-\nconnect", "warm": "warm"}
_COMPONENTS = 4
"""How many components a worker's table names; the others, which cost less, share a row."""


def show_report(report: Report, console: Console) -> None:
    """Print the workers, the routes and the verdict."""
    for worker in report.workers:
        console.print()
        console.print(_worker_heading(worker))
        console.print(init_table(worker.inits, _COMPONENTS))
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


def _route_table(report: Report) -> Table:
    made = table("route", "requests", "mean\nms*", "in\ninits*", *_START_TYPES.values(), "re-inits\n(ms)")
    for route in report.routes:
        guilty = report.guilt is not None and report.guilt.route == route.name
        made.add_row(*_route_cells(route), style="bold red" if guilty else "")
    made.caption = "* without the cold requests"
    made.caption_justify = "left"
    return made


def _route_cells(route: Route) -> tuple[str, ...]:
    return (
        route.name,
        str(route.requests),
        figure(route.mean_ms),
        share(route.init_share),
        *(str(route.starts.get(start_type) or "-") for start_type in _START_TYPES),
        f"{route.reinits} ({route.reinit_ms:,.0f})" if route.reinits else "-",
    )
