"""Lines of programs that a finding is to name, requests that fail, and a rule by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from observed import Vitals, an_exit

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.findings.rule import Rule, Surroundings
from autogen_vitals.lifecycle.sites import SiteFinder


def guilty(file: str, mark: str) -> tuple[str, int]:
    """File and number of the only line of ``file`` that ends with the comment ``mark``."""
    with open(file, encoding="utf-8") as source:
        numbers = [number for number, line in enumerate(source, 1) if line.rstrip().endswith(f"# {mark}")]
    assert len(numbers) == 1, f"{len(numbers)} lines of {file} end with {mark!r}"
    return file, numbers[0]


def named(finding: dict[str, Any]) -> tuple[str, int]:
    """File and number of the line that a finding names."""
    return finding.get(semconv.CODE_FILE_PATH, ""), finding.get(semconv.CODE_LINE_NUMBER, 0)


def handle(function: Callable[[], Any]) -> None:
    """A request that fails, if it does."""
    try:
        with autogen_vitals.request("ask"):
            function()
    except Exception:
        pass


def line_of(function: Callable[..., Any], offset: int) -> tuple[str, int]:
    """File and number of the line so far below the one that ``function`` begins with."""
    return function.__code__.co_filename, function.__code__.co_firstlineno + offset


def ours(vitals: Vitals) -> list[str]:
    """The rules about exceptions and code that have fired; what is slow on this machine is another matter."""
    told = [said[semconv.FINDING_RULE] for said in vitals.findings()]
    return [rule for rule in told if rule.startswith(("AG3", "AG4"))]


def alone(rule: str) -> Rule:
    """A rule in a process of which nothing is known."""
    surroundings = Surroundings(
        sites=SiteFinder(()),
        imports=list,
        identity=lambda: an_exit().victim,
        siblings=list,
        state_dir=lambda: None,
        thresholds={},
    )
    return catalogue()[rule](surroundings)
