"""What ``autogen-vitals report`` does, and ``autogen-vitals run`` at its end: reports made, shown and written."""

from __future__ import annotations

import json as json_text
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from autogen_vitals.local.recording import Recording
from autogen_vitals.local.report.analysis import analyse
from autogen_vitals.local.report.comparison import compare
from autogen_vitals.local.report.comparison_view import show_comparison
from autogen_vitals.local.report.json_form import as_json, comparison_as_json
from autogen_vitals.local.report.view import show


def write_reports(
    recording: Recording,
    *,
    html: str | None = None,
    json: str | None = None,
    terminal: bool = True,
    console: Console | None = None,
) -> None:
    """Make the report on a run, and hand it over in the forms that are asked for.

    Args:
        recording: of the run.
        html, json: files to be written; ``-`` for JSON is the standard output.
        terminal: whether it is printed, too.
        console: where; the standard error by default, for the standard output is the command's.

    Raises:
        OSError: a file cannot be written.
    """
    report = analyse(recording)
    says = f"{report.run.id}: {report.verdict.sentence}"
    if terminal:
        show(report, console or open_console(stderr=True))
    if html:
        # Here, because most reports are no pages.
        from autogen_vitals.local.report.html import render

        _write(html, render(report), says)
    if json:
        _write_json(json, as_json(report), says)


def write_comparison(
    a: Recording,
    b: Recording,
    *,
    html: str | None = None,
    json: str | None = None,
    terminal: bool = True,
    console: Console | None = None,
) -> None:
    """Compare two runs, and hand that over in the forms that are asked for; the arguments are ``write_reports``'.

    Raises:
        OSError: a file cannot be written.
    """
    comparison = compare(analyse(a), analyse(b))
    says = comparison.sentences[0]
    if terminal:
        show_comparison(comparison, console or open_console(stderr=True))
    if html:
        from autogen_vitals.local.report.html import render_comparison

        _write(html, render_comparison(comparison), says)
    if json:
        _write_json(json, comparison_as_json(comparison), says)


def open_console(*, stderr: bool = False) -> Console:
    """A console that prints a ``?`` for what its output cannot encode, such as a file's name."""
    stream: Any = sys.stderr if stderr else sys.stdout
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="replace")
    return Console(file=stream)


def _write_json(path: str, value: dict[str, Any], says: str) -> None:
    text = json_text.dumps(value, indent=2)
    if path == "-":
        sys.stdout.write(f"{text}\n")
    else:
        _write(path, f"{text}\n", says)


def _write(path: str, text: str, says: str) -> None:
    Path(path).write_text(text, encoding="utf-8")
    # The standard output may be JSON.
    sys.stderr.write(f"{says} Written: {path}\n")
