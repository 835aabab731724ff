"""Lines of programs that a finding is to name: each ends with a comment that says so."""

from __future__ import annotations

from typing import Any

from autogen_vitals import semconv


def guilty(file: str, mark: str) -> tuple[str, int]:
    """File and number of the only line of ``file`` that ends with the comment ``mark``."""
    with open(file, encoding="utf-8") as source:
        numbers = [number for number, line in enumerate(source, 1) if line.rstrip().endswith(f"# {mark}")]
    assert len(numbers) == 1, f"{len(numbers)} lines of {file} end with {mark!r}"
    return file, numbers[0]


def named(finding: dict[str, Any]) -> tuple[str, int]:
    """File and number of the line that a finding names."""
    return finding.get(semconv.CODE_FILE_PATH, ""), finding.get(semconv.CODE_LINE_NUMBER, 0)
