"""A comparison in the terminal: the verdict, why, and the differences."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from statistics import median

from rich import box
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from autogen_vitals.local.comparing.checks import CHECKS
from autogen_vitals.local.comparing.judging import Comparison, MultiWorkerFailure, Outcome, Standing
from autogen_vitals.local.comparing.measuring import SEVERITIES, Found
from autogen_vitals.local.comparing.trial import Trial
from autogen_vitals.local.comparing.variants import Variant

_COLOURS: dict[Outcome, str] = {
    "passes": "green",
    "only-multi-worker-fails": "red",
    "one-worker-fails": "red",
    "disagrees": "yellow",
    "not-compared": "red",
}
_SEVERITY_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow"}
_Number = Callable[[Trial], "float | None"]


def show(comparison: Comparison, console: Console) -> None:
    """Print it."""
    console.print()
    verdict = Text("\n").join(Text(line) for line in _verdict(comparison))
    console.print(Panel(verdict, title="Verdict", border_style=_COLOURS[comparison.outcome]))
    for failure in comparison.failures:
        _show_failure(failure, console)
    if len(comparison.trials) > 1 or not comparison.stopped:
        console.print()
        console.print(_checks(comparison))
        _show_skipped(comparison, console)
        console.print(_measures(comparison))
    _show_findings(comparison, console)


def _verdict(comparison: Comparison) -> Iterator[str]:
    if comparison.stopped:
        yield "Not compared."
        yield comparison.stopped
        return
    if comparison.outcome == "passes":
        variants = _listed(map(str, comparison.options.variants))
        yield f"Passes, in each of {_boots(comparison)}: {variants}."
        return
    if comparison.failures:
        yield f"Only with several workers, in each of {_boots(comparison)}, and with one worker in none:"
        for failure in comparison.failures:
            causes = f" ({', '.join(failure.causes)})" if failure.causes else ""
            yield f"  {failure.variant}: {', '.join(failure.checks)}{causes}"
    if comparison.one_worker_fails:
        one = comparison.options.variants[0]
        yield "With one worker too, so this is not the number of workers:"
        for name in comparison.one_worker_fails:
            yield f"  {name}: {comparison.standing(one, name).detail}"
    if comparison.wavering:
        yield "In some boots only (a larger -n makes it likelier to show):"
        for variant, name in comparison.wavering:
            standing = comparison.standing(variant, name)
            yield f"  {variant}: {name} in {standing.failed} of {standing.boots}: {standing.detail}"
    if comparison.outcome == "disagrees" and not comparison.wavering:
        yield "Fails with several workers; one worker does not pass in each boot what they fail: no verdict."


def _boots(comparison: Comparison) -> str:
    count = comparison.options.repeat
    return "1 boot" if count == 1 else f"{count} boots"


def _show_failure(failure: MultiWorkerFailure, console: Console) -> None:
    causes = f": {', '.join(failure.causes)}" if failure.causes else ""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    table.add_row("evidence", failure.evidence)
    for found in failure.companions:
        where = f" at {found.site}" if found.site else ""
        table.add_row("came with", f"{found.rule} {found.name}{where}: {found.evidence}")
    table.add_row("what to do", failure.remedy)
    console.print()
    console.print(Text.assemble((f"{failure.rule} {failure.name}", "bold red"), f", {failure.variant}{causes}"))
    console.print(table)


def _checks(comparison: Comparison) -> Table:
    table = _table("check", comparison.options.variants)
    for name, meaning in CHECKS.items():
        cells = [_standing_cell(comparison.standing(variant, name)) for variant in comparison.options.variants]
        table.add_row(Text.assemble(f"{name} ", (f"({meaning})", "dim")), *cells)
    return table


def _standing_cell(standing: Standing) -> Text:
    if not standing.asked:
        return Text("-", "dim")
    if standing.failed:
        return Text(f"fails {standing.failed}/{standing.boots}", "red" if standing.fails else "yellow")
    return Text("ok", "green")


def _show_skipped(comparison: Comparison, console: Console) -> None:
    details = {one.detail for checks in comparison.checks for one in checks if one.result == "skipped"}
    for detail in sorted(details):
        console.print(Text(f"-: {detail}", "dim"))


def _measures(comparison: Comparison) -> Table:
    table = _table("median of boots", comparison.options.variants)
    for heading, digits, number in _NUMBERS:
        cells = [_median(map(number, comparison.trials_of(variant)), digits) for variant in comparison.options.variants]
        if any(cell != "-" for cell in cells):
            table.add_row(heading, *cells)
    return table


_NUMBERS: tuple[tuple[str, int, _Number], ...] = (
    ("boot, s", 1, lambda trial: None if trial.failure else trial.boot_seconds),
    ("requests failed", 0, lambda trial: None if trial.failure else sum(answer.failed for answer in trial.answers)),
    ("first requests, p50 ms", 0, lambda trial: trial.told.cold.p50_ms if trial.told and trial.told.cold else None),
    ("first requests, p95 ms", 0, lambda trial: trial.told.cold.p95_ms if trial.told and trial.told.cold else None),
    ("later requests, p50 ms", 0, lambda trial: trial.told.warm.p50_ms if trial.told and trial.told.warm else None),
    ("later requests, p95 ms", 0, lambda trial: trial.told.warm.p95_ms if trial.told and trial.told.warm else None),
    ("inits in each of them", 1, lambda trial: trial.told.inits_per_request if trial.told else None),
    ("connects in each of them", 2, lambda trial: trial.told.connects_per_request if trial.told else None),
    ("memory of a worker, MiB", 0, lambda trial: median(trial.weights_mib) if trial.weights_mib else None),
    ("crashes told", 0, lambda trial: sum(dict(trial.told.crashes).values()) if trial.told else None),
)


def _median(values: Iterable[float | None], digits: int) -> str:
    known = [value for value in values if value is not None]
    return f"{median(known):,.{digits}f}" if known else "-"


def _show_findings(comparison: Comparison, console: Console) -> None:
    rows: dict[tuple[str, str], list[tuple[Found, str]]] = {}
    for trial in comparison.trials:
        for found in () if trial.told is None else trial.told.findings:
            rows.setdefault((found.rule, found.severity), []).append((found, trial.variant.name))
    if not rows:
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("rule", "", "line", "with", "what to do"):
        table.add_column(heading, overflow="fold", no_wrap=heading in ("rule", ""))
    for (rule, severity), told in sorted(rows.items(), key=lambda row: (SEVERITIES.index(row[0][1]), row[0][0])):
        sites = _each(found.site for found, _ in told)
        first, _ = told[0]
        remedy = Text.assemble((first.name, "bold"), f"\n{first.remedy}")
        variants = _each(variant for _, variant in told)
        table.add_row(rule, Text(severity, _SEVERITY_STYLES[severity]), sites or "-", variants, remedy)
    console.print()
    console.print(Text("What the processes said", style="bold"))
    console.print(table)
    console.print("autogen-vitals explain RULE says why, and how")


def _each(words: Iterable[str]) -> str:
    return "\n".join(dict.fromkeys(filter(None, words)))


def _table(heading: str, variants: Sequence[Variant]) -> Table:
    # As narrow as can be read: where there is no terminal, 80 columns have to do.
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column(heading)
    for variant in variants:
        table.add_column(variant.name, justify="right")
    return table


def _listed(words: Iterable[str]) -> str:
    *others, last = list(words)
    return f"{'; '.join(others)} and {last}" if others else last
