"""A comparison for a CI server: a JUnit file with a suite for each variant, and a case for each boot and check."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from autogen_vitals.local.comparing.checks import Check
from autogen_vitals.local.comparing.judging import Comparison
from autogen_vitals.local.comparing.trial import Trial
from autogen_vitals.local.comparing.variants import Variant

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_junit(comparison: Comparison, file: Path) -> None:
    """Write it.

    Raises:
        OSError: the file cannot be written.
    """
    suites = ElementTree.Element("testsuites", name="autogen-vitals compare")
    for variant in comparison.options.variants:
        boots = [
            (trial, checks)
            for trial, checks in zip(comparison.trials, comparison.checks, strict=True)
            if trial.variant == variant
        ]
        if boots:
            suites.append(_suite(comparison, variant, boots))
    ElementTree.indent(suites)
    ElementTree.ElementTree(suites).write(file, encoding="utf-8", xml_declaration=True)


def _suite(
    comparison: Comparison, variant: Variant, boots: Iterable[tuple[Trial, tuple[Check, ...]]]
) -> ElementTree.Element:
    cases = [_case(comparison, trial, check) for trial, checks in boots for check in checks]
    suite = ElementTree.Element(
        "testsuite",
        name=f"{comparison.options.app} {variant}",
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors="0",
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
    )
    suite.extend(cases)
    return suite


def _case(comparison: Comparison, trial: Trial, check: Check) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=f"compare.{comparison.options.app}.{trial.variant.name}",
        name=f"{check.name} [boot {trial.repeat}]",
    )
    detail = _NOT_XML.sub("?", check.detail)
    if check.result == "skipped":
        ElementTree.SubElement(case, "skipped", message=detail)
    elif check.result == "failed":
        failure = ElementTree.SubElement(case, "failure", message=detail, type=check.name)
        failure.text = _NOT_XML.sub("?", trial.failure or detail)
    return case
