"""A check from its arguments to its exit status."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from autogen_vitals.local.checking import reports
from autogen_vitals.local.checking.baseline import (
    Baseline,
    baseline_of,
    differences,
    drift,
    read_baseline,
    write_baseline,
)
from autogen_vitals.local.checking.budgets import UsageError, parse_budgets, parse_tolerance
from autogen_vitals.local.checking.sample import Failure, Request
from autogen_vitals.local.checking.sampling import measuring_environment, samples
from autogen_vitals.local.checking.summary import Summary, summarise
from autogen_vitals.local.checking.verdict import Judgement, judge
from autogen_vitals.local.checking.view import explain_failure, show

PASSED, FAILED, USAGE, NOT_MEASURED = 0, 1, 2, 4
_STANDARD_OUTPUT = "-"
_MISTAKES = ("no_module", "no_attribute", "takes_arguments")


@dataclass(frozen=True)
class Options:
    """What was asked.

    Attributes:
        target: ``module:factory``.
        budgets: as given: ``init=300ms,reinit=0``.
        baseline: the file; ``None``: none.
        update: write it, whatever it says.
        repeat, calls: fresh processes, and calls of the factory in each.
        tolerance: as given: ``20%``.
        timeout: seconds for each process.
        lifespan, stub_model: see the help.
        json, junit: files, or ``-`` for the standard output; empty: none.
    """

    target: str
    budgets: Sequence[str] = ()
    baseline: Path | None = None
    update: bool = False
    repeat: int = 5
    calls: int = 2
    tolerance: str = "20%"
    timeout: float = 120.0
    lifespan: bool = True
    stub_model: bool = False
    json: str = ""
    junit: str = ""


def check(options: Options) -> int:
    """Measure, judge, tell.

    Returns:
        0: good enough; 1: over a budget or the baseline; 2: what was asked makes no sense; 4: the target raised, or
        did not become ready.
    """
    try:
        return _check(options)
    except UsageError as error:
        _complain(str(error))
        return USAGE


def _check(options: Options) -> int:
    request = _request(options)
    budgets, tolerance = parse_budgets(options.budgets), parse_tolerance(options.tolerance)
    baseline = None
    if options.baseline is not None and not options.update:
        baseline = read_baseline(options.baseline)
    errors = Console(stderr=True, highlight=False)
    with measuring_environment(stub_model=options.stub_model) as environment, errors.status("") as status:
        outcome = samples(
            request,
            options.repeat,
            options.timeout,
            environment,
            lambda number: status.update(f"measuring {request.target}: process {number} of {options.repeat}"),
        )
    if isinstance(outcome, Failure):
        return _tell_failure(options, request, outcome)
    summary = summarise(outcome)
    judgement = judge(summary, budgets, baseline, tolerance)
    if baseline is not None:
        judgement.warnings.extend(differences(baseline, request))
        judgement.drift.extend(drift(baseline))
    note = _keep(options, request, summary, baseline)
    _tell(options, request, summary, judgement, note)
    return FAILED if judgement.failed else PASSED


def _request(options: Options) -> Request:
    module, colon, attribute = options.target.partition(":")
    names = [*module.split("."), *(attribute.split(".") if colon else ())]
    if not all(name.isidentifier() for name in names):
        raise UsageError(f"{options.target!r} is no target: it takes MODULE:FACTORY, such as app.main:build_team")
    if options.repeat < 1 or options.calls < 1 or not options.timeout > 0:
        raise UsageError("--repeat, --calls and --timeout take numbers above 0")
    if options.update and options.baseline is None:
        raise UsageError("--update needs the file to write: --baseline FILE")
    return Request(options.target, options.calls, options.lifespan)


def _keep(options: Options, request: Request, summary: Summary, baseline: Baseline | None) -> str:
    if options.baseline is None:
        return ""
    if baseline is not None:
        return f", held against {options.baseline} ({baseline.repeat} processes)"
    write_baseline(options.baseline, baseline_of(request, summary))
    return f"; {'updated' if options.update else 'written, for there was none'}: {options.baseline}"


def _tell(options: Options, request: Request, summary: Summary, judgement: Judgement, note: str) -> None:
    if _STANDARD_OUTPUT not in (options.json, options.junit):
        show(request, summary, judgement, Console(highlight=False), note=note)
    if options.json:
        _write(options.json, json.dumps(reports.as_json(request, summary, judgement), indent=2) + "\n")
    if options.junit:
        _write(options.junit, reports.as_junit(request, summary, judgement))


def _tell_failure(options: Options, request: Request, failure: Failure) -> int:
    text = explain_failure(request, failure, stub_model=options.stub_model)
    _complain(text)
    if options.json:
        _write(options.json, json.dumps(reports.failure_as_json(request, failure, text), indent=2) + "\n")
    if options.junit:
        _write(options.junit, reports.failure_as_junit(request, failure, text))
    return USAGE if failure.kind in _MISTAKES else NOT_MEASURED


def _complain(text: str) -> None:
    sys.stderr.write(f"autogen-vitals check: {text}\n")


def _write(where: str, text: str) -> None:
    if where == _STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    try:
        Path(where).write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{where} cannot be written: {error.strerror}") from None
