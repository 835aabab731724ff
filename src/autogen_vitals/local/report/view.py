"""A report in the terminal: the verdict, and below it everything that this is known by."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.report.crashes_view import explanations, print_crash_tables
from autogen_vitals.local.report.findings_view import print_findings
from autogen_vitals.local.report.init_table import init_table
from autogen_vitals.local.report.model import ColdStart, Init, Latency, LoopBlock, Report, RequestGroup, Worker
from autogen_vitals.local.report.tables import counted, figure, share, table
from autogen_vitals.local.report.verdict_view import show_verdict
from autogen_vitals.local.report.waterfall import LEGEND, print_waterfall

_COLD_STARTS = 4
_INITS = 12
_REQUESTS = 12
_BLOCKS = 8
_WORKERS = 16
_EXPLAINED = 8
_START_TYPES = {"cold": "cold", "rebuild": "re-\nbuild", "reconnect": "re-\nconn", "warm": "warm"}
_NOTABLE_MS = 1.0


def show(report: Report, console: Console) -> None:
    """Print a report: what to fix, and below that what it is known by, as far as anything is."""
    show_verdict(report, console)
    if report.cold_starts:
        _show_cold_starts(report.cold_starts, console)
    if report.inits:
        _show_inits(report.inits, console)
    if report.requests:
        _show_requests(report.requests, console)
    _show_waits(report, console)
    if report.loop_blocks:
        _show_blocks(report.loop_blocks, console)
    _show_crashes(report, console)
    print_findings(report.findings, console)
    if report.workers:
        _show_workers(report.workers, console)


def _heading(text: str, console: Console) -> None:
    console.print()
    console.print(Text(text, style="bold"))


def _show_cold_starts(starts: Sequence[ColdStart], console: Console) -> None:
    served = [start for start in starts if start.served]
    # Those that took longest: the others are like them, and shorter.
    shown = sorted(served, key=lambda start: -start.total_ms)[:_COLD_STARTS]
    longest_ms = max((start.total_ms for start in shown), default=0.0)
    if shown:
        more = len(served) - len(shown)
        _heading(f"Cold starts{f', the longest; {more} more' if more else ''}", console)
        print_waterfall(sorted(shown, key=lambda start: start.pid), longest_ms, console)
        console.print(Text(LEGEND, style="dim"))
    idle = [str(start.pid) for start in starts if not start.served]
    if idle:
        console.print()
        console.print(f"Never served a request that uses AutoGen: {', '.join(idle)}", highlight=False)


def _show_inits(inits: Sequence[Init], console: Console) -> None:
    _heading("What was built, by all processes", console)
    console.print(init_table(inits, _INITS), highlight=False)


def _show_requests(requests: Sequence[RequestGroup], console: Console) -> None:
    _heading("Requests", console)
    made = table(
        "request",
        "times",
        *_START_TYPES.values(),
        "cold\np50",
        "later\np50",
        "\np95",
        "\nmax",
        "in\ninits",
        "errors",
        compact=True,
    )
    slowest = sorted(requests, key=lambda group: -_time_ms(group))[:_REQUESTS]
    for group in sorted(slowest, key=lambda group: group.name):
        later = group.later or Latency(0, 0.0, 0.0, 0.0)
        made.add_row(
            group.name or "(no name)",
            f"{group.count:,}",
            *(str(group.starts.get(start_type) or "-") for start_type in _START_TYPES),
            figure(group.cold and group.cold.p50_ms),
            *(figure(value if group.later else None) for value in (later.p50_ms, later.p95_ms, later.max_ms)),
            share(group.init_share),
            str(group.errors or "-"),
        )
    more = f"; {len(requests) - len(slowest)} more names" if len(requests) > len(slowest) else ""
    made.caption = f"p50, p95 and max in ms; the share of inits without the cold ones{more}"
    made.caption_justify = "left"
    console.print(made, highlight=False)


def _time_ms(group: RequestGroup) -> float:
    return (group.later.p50_ms if group.later else 0.0) * group.count


def _show_waits(report: Report, console: Console) -> None:
    lines = [
        f"{counted(one.count, 'connection')} by {'a first' if one.first_use else 'a later'} {_whose(one.kind)}: "
        f"{figure(one.dns_tcp_ms)} ms DNS and TCP, {figure(one.tls_ms)} ms TLS"
        f"{f', {one.errors} failed' if one.errors else ''}"
        for one in report.connections
    ]
    lines += [
        f"{counted(one.count, 'retry', 'retries')} in {counted(one.calls, 'call')} of {one.operation}: "
        f"{figure(one.ms)} ms{f', because of {one.category}' if one.category else ''}"
        for one in report.retries
    ]
    lines += [
        f"first-use warm-up in {one.operation} of process {one.pid}: {figure(one.ms)} ms, "
        f"{counted(one.modules, 'module')} imported{', in a request' if one.in_request else ''}"
        for one in report.warm_ups
        if one.ms >= _NOTABLE_MS
    ]
    if lines:
        _heading("Connections, retries, first use", console)
        for line in lines:
            console.print(f" {line}", highlight=False)


def _whose(kind: str) -> str:
    return {"model_client": "model call", "tool": "tool call"}.get(kind, kind or "call")


def _show_blocks(blocks: Sequence[LoopBlock], console: Console) -> None:
    _heading("Lines that blocked the event loop", console)
    made = table("line", "times", "in all\nms", "longest\nms", "no CPU\nms")
    made.add_column("while it ran", overflow="fold")
    for block in blocks[:_BLOCKS]:
        made.add_row(
            str(block.site or "-"),
            str(block.count),
            figure(block.total_ms),
            figure(block.max_ms),
            figure(block.throttled_ms or None),
            block.operation,
        )
    console.print(made, highlight=False)


def _show_crashes(report: Report, console: Console) -> None:
    told = explanations(report.crashes)
    print_crash_tables(report.crashes, console, report.run.started_ns)
    for sentence in told[:_EXPLAINED]:
        console.print(sentence, highlight=False)
    if len(told) > _EXPLAINED:
        console.print(f"And {len(told) - _EXPLAINED} more.", highlight=False)
    ends = [f"{count} {reason}" for reason, count in report.crashes.ends.items()]
    if ends:
        console.print()
        console.print(f"Processes that ended as they should: {', '.join(ends)}", highlight=False)


def _show_workers(workers: Sequence[Worker], console: Console) -> None:
    _heading("Processes", console)
    made: Table = table("pid", "parent", "server", "up for\ns", "requests", "errors", "end")
    for worker in workers[:_WORKERS]:
        made.add_row(
            str(worker.pid),
            str(worker.parent_pid or "-"),
            worker.server or "-",
            figure(None if worker.uptime_ms is None else worker.uptime_ms / 1000, 1),
            f"{worker.requests:,}",
            str(worker.errors or "-"),
            worker.end or "-",
        )
    if len(workers) > _WORKERS:
        made.add_row(f"{len(workers) - _WORKERS} more", style="dim")
    console.print(made, highlight=False)
