"""A check in the terminal: the verdict, the measures, what accounts for it, what to do."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.local.checking.budgets import amount
from autogen_vitals.local.checking.sample import Failure, Request
from autogen_vitals.local.checking.summary import Summary
from autogen_vitals.local.checking.verdict import Grown, Judgement, Row

RULE = "AG104"
_PACKAGES = 4
_INITS = 6
_FINDINGS = 4
_CREDENTIALS = "missing_credentials"
_STYLES = {"pass": "green", "fail": "bold red", "not held": "dim"}
_STEPS = {"import": "while it was imported", "call": "when it was called", "lifespan": "in the app's start-up"}


def show(request: Request, summary: Summary, judgement: Judgement, console: Console, *, note: str = "") -> None:
    """Print the result. ``note``: what became of the baseline, to go on with."""
    console.print(_headline(request, summary, judgement))
    console.print(Text(f"{described(summary)}{note}", style="dim"))
    console.print(_measures(judgement))
    if judgement.grown:
        _show_grown(judgement, console)
    _show_parts(summary, console)
    _show_inits(summary, console)
    _show_findings(summary, console)
    for warning in judgement.warnings:
        console.print(Text.assemble(("warning: ", "yellow"), warning))


def _headline(request: Request, summary: Summary, judgement: Judgement) -> Text:
    failed = judgement.failed
    if failed:
        names = ", ".join(row.measure.name for row in failed)
        return Text.assemble(("FAIL", "bold red"), f"  {request.target}: too much {names} ({RULE} startup-regressed)")
    total = amount(summary.measures["total"].median, "s")
    if judgement.is_held:
        return Text.assemble(("PASS", "bold green"), f"  {request.target} is ready within {total}, as it may be")
    return Text.assemble(
        ("PASS", "bold green"),
        f"  {request.target} is ready within {total}; held against nothing: no --budget, no earlier --baseline",
    )


def _measures(judgement: Judgement) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("measure", no_wrap=True)
    for name in ("median", "spread", "budget", "baseline"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in judgement.rows:
        unit, spread = row.measure.unit, row.spread
        low, high = amount(spread.low, unit), amount(spread.high, unit)
        table.add_row(
            row.measure.name,
            amount(spread.median, unit),
            "" if low == high else f"{low} .. {high}",
            "" if row.budget is None else amount(row.budget, unit),
            "" if row.baseline is None else amount(row.baseline, unit),
            Text(_verdict(row), _STYLES[row.verdict]),
        )
    return table


def _verdict(row: Row) -> str:
    if row.is_over_budget:
        return "over budget"
    if row.has_regressed and row.limit is not None:
        return f"over {amount(row.limit, row.measure.unit)}"
    return "ok" if row.verdict == "pass" else "-"


def _show_grown(judgement: Judgement, console: Console) -> None:
    has_baseline = any(grown.before is not None for grown in judgement.grown)
    console.print(Text("What has grown" if has_baseline else "What it is made of", style="bold"))
    for grown in judgement.grown:
        console.print(Text("  " + sentence(grown)))
    if judgement.drift:
        console.print(Text("  versions: " + ", ".join(judgement.drift)))
    rule = catalogue()[RULE]
    console.print(Text(f"What to do: {rule.remedy}. autogen-vitals explain {RULE}"))
    if any(grown.kind == "reinit" for grown in judgement.grown):
        console.print(Text("Built again: make it once, outside what each request calls. autogen-vitals explain AG101"))
    console.print()


def sentence(grown: Grown) -> str:
    """One thing that has grown, as a line: name, place, by how much."""
    what = f"{grown.kind} {grown.what}" + (f" at {grown.site}" if grown.site else "")
    if grown.what == "ready":
        what += " (what else the app did until it was ready)"
    after = amount(grown.after, "s")
    times = f", {grown.count} times" if grown.count > 1 else ""
    if grown.before is None:
        return f"{what}: {after}{times}"
    if grown.is_new:
        return f"{what}: +{after}{times}, new"
    if grown.count > grown.count_before and grown.kind != "import":
        times = f", {grown.count} times, was {grown.count_before}"
    sign = "+" if grown.grown >= 0 else "-"
    return f"{what}: {sign}{amount(abs(grown.grown), 's')} ({amount(grown.before, 's')} -> {after}){times}"


def _show_parts(summary: Summary, console: Console) -> None:
    stages = [f"{stage} {amount(seconds, 's')}" for stage, seconds in summary.stages.items() if seconds >= 0.001]
    console.print(Text("Where it went: " + ", ".join(stages)))
    packages = list(summary.packages.items())[:_PACKAGES]
    if packages:
        slowest = ", ".join(f"{name} {amount(seconds, 's')}" for name, seconds in packages)
        console.print(Text(f"Slowest imports: {slowest}"))
    plural = "" if summary.connects == 1 else "s"
    other = [f"{summary.connects} connection{plural} opened"] if summary.connects else []
    other += [
        f"the event loop stood still for {amount(block.seconds, 's')} at {block.site}" for block in summary.blocks
    ]
    if other:
        console.print(Text("Also: " + "; ".join(other)))


def _show_inits(summary: Summary, console: Console) -> None:
    if not summary.inits:
        return
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("init of", overflow="fold")
    for name in ("times", "ms", "again", "ms"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("at", overflow="fold")
    for init in summary.inits[:_INITS]:
        stage = "" if init.stage == "construct" else f" ({init.stage})"
        again = str(init.again) if init.again else ""
        table.add_row(
            init.type + stage,
            str(init.count) if init.count else "",
            f"{init.seconds * 1000:,.1f}" if init.count else "",
            Text(again, "bold yellow" if init.needless else "dim"),
            f"{init.again_seconds * 1000:,.1f}" if init.again else "",
            init.site,
        )
    console.print(table)
    cheap = sum(init.again for init in summary.inits if not init.needless)
    if cheap:
        what = "One that is built again is" if cheap == 1 else f"{cheap} that are built again are"
        console.print(Text(f"{what} cheap, and may well be each request's own: not counted in reinit."))


def _show_findings(summary: Summary, console: Console) -> None:
    told = [finding for finding in summary.findings if finding.severity != "info"][:_FINDINGS]
    for finding in told:
        site = f" {finding.site}" if finding.site else ""
        console.print(Text(f"{finding.rule} {finding.severity}{site}: {finding.evidence}. {finding.remedy}"))
    hidden = len(summary.findings) - len(told)
    if hidden > 0:
        more = f"{hidden} more" if told else f"{hidden}"
        console.print(Text(f"{more} finding{'s' if hidden > 1 else ''} worth knowing: --json - has all"))


def explain_failure(request: Request, failure: Failure, *, stub_model: bool) -> str:
    """Why there is nothing to judge, and what to do about it."""
    names = ", ".join(failure.names[:12])
    if failure.kind == "no_module":
        return (
            f"there is no module {failure.names[0]!r} to import from here. Run it in the folder that has it, "
            f"or put that on PYTHONPATH; the target is MODULE:FACTORY, such as app.main:build_team"
        )
    if failure.kind == "no_attribute":
        return f"{request.module} has no {request.attribute!r}. It has: {names or 'nothing that is public'}"
    if failure.kind == "takes_arguments":
        return (
            f"{request.target} cannot be called without {names}. "
            f"Give a function without arguments, which passes what your service passes"
        )
    reproduce = _by_hand(request, is_awaited=failure.is_awaited)
    if failure.kind == "ended":
        return f"{request.target} was not measured: {failure.message}. To see its output: {reproduce}"
    said = f" ({failure.message})" if failure.message else ""
    where = f" at {failure.site}" if failure.site else ""
    text = f"{request.target} raised {failure.type}{said}{where}, {_STEPS[failure.step]}. To see all of it: {reproduce}"
    if failure.category == _CREDENTIALS and not stub_model:
        text += "\nWithout a key: --stub-model gives it OPENAI_API_KEY and OPENAI_BASE_URL of a stub on this machine"
    return text


def _by_hand(request: Request, *, is_awaited: bool) -> str:
    call = f"{request.module}.{request.attribute}()"
    if is_awaited:
        return f"python -c 'import asyncio, {request.module}; asyncio.run({call})'"
    return f"python -c 'import {request.module}{f'; {call}' if request.attribute else ''}'"


def described(summary: Summary) -> str:
    """What was done with the target, and how often."""
    done = "imported"
    if summary.what == "factory":
        done += " and called"
    if summary.lifespan:
        done += ", its app started (lifespan)"
    return f"{done}, in {summary.repeat} fresh process{'es' if summary.repeat > 1 else ''}"
