"""A check for programs: JSON of a stable schema, and JUnit XML for what shows tests."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from autogen_vitals.local.checking.baseline import SCHEMA, installed, this_machine
from autogen_vitals.local.checking.budgets import amount
from autogen_vitals.local.checking.sample import Failure, Request
from autogen_vitals.local.checking.summary import Summary
from autogen_vitals.local.checking.verdict import Judgement, Row
from autogen_vitals.local.checking.view import RULE, sentence
from autogen_vitals.version import __version__

_SUITE = "autogen-vitals check"
# What XML 1.0 cannot say, not even escaped.
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_json(request: Request, summary: Summary, judgement: Judgement) -> Mapping[str, Any]:
    """The result; schema 1 gets new keys, but loses none. Times are in seconds, memory in megabytes."""
    return {
        **_head(request),
        "passed": not judgement.failed,
        "rule": RULE if judgement.failed else None,
        "what": summary.what,
        "lifespan": summary.lifespan,
        "repeat": summary.repeat,
        "measures": [
            {
                "name": row.measure.name,
                "unit": row.measure.unit,
                **asdict(row.spread),
                "budget": row.budget,
                "baseline": row.baseline,
                "limit": row.limit,
                "verdict": row.verdict,
            }
            for row in judgement.rows
        ],
        "grown": [{**asdict(grown), "grown": grown.grown} for grown in judgement.grown],
        "stages": summary.stages,
        "imports": summary.packages,
        "inits": [asdict(init) for init in summary.inits],
        "connects": summary.connects,
        "loop_blocks": [asdict(block) for block in summary.blocks],
        "findings": [asdict(finding) for finding in summary.findings],
        "drift": judgement.drift,
        "warnings": judgement.warnings,
        "error": None,
    }


def failure_as_json(request: Request, failure: Failure, text: str) -> Mapping[str, Any]:
    """The same where nothing could be measured."""
    return {**_head(request), "passed": False, "error": {**asdict(failure), "text": text}}


def _head(request: Request) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "autogen_vitals": __version__,
        "target": request.target,
        "calls": request.calls,
        "machine": this_machine(),
        "packages": installed(),
    }


def as_junit(request: Request, summary: Summary, judgement: Judgement) -> str:
    """A test case for each measure that there was something to hold against; where there was nothing, for all."""
    rows = [row for row in judgement.rows if row.verdict != "not held"] or judgement.rows
    suite = ElementTree.Element("testsuite", name=_SUITE, tests=str(len(rows)), failures=str(len(judgement.failed)))
    suite.set("errors", "0")
    for row in rows:
        case = _case(suite, request, row.measure.name)
        if row.measure.unit == "s":
            case.set("time", f"{row.spread.median:.3f}")
        if row.verdict == "fail":
            failure = ElementTree.SubElement(case, "failure", type=RULE, message=_xml(_failure(row)))
            failure.text = _xml("\n".join(map(sentence, judgement.grown)))
    properties = ElementTree.SubElement(suite, "system-out")
    properties.text = _xml("\n".join(judgement.warnings))
    return _text(suite)


def failure_as_junit(request: Request, failure: Failure, text: str) -> str:
    """One test case, in error."""
    suite = ElementTree.Element("testsuite", name=_SUITE, tests="1", failures="0", errors="1")
    error = ElementTree.SubElement(_case(suite, request, "start"), "error", type=_xml(failure.type or failure.kind))
    error.set("message", _xml(text))
    return _text(suite)


def _case(suite: ElementTree.Element, request: Request, name: str) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=_xml(request.target), name=name)


def _failure(row: Row) -> str:
    unit = row.measure.unit
    allowed = row.budget if row.is_over_budget else row.limit
    said = f"{row.measure.name} is {amount(row.spread.median, unit)}"
    if allowed is not None:
        said += f", and may be {amount(allowed, unit)}"
    return said if row.baseline is None else f"{said}; it was {amount(row.baseline, unit)}"


def _text(suite: ElementTree.Element) -> str:
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    return _NO_XML.sub("?", text)
