"""A report, or a comparison of two, as one HTML file: no script, and nothing that is fetched from anywhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from autogen_vitals.local.report import html_changes, html_text, html_view
from autogen_vitals.local.report.changes import Comparison
from autogen_vitals.local.report.model import Report
from autogen_vitals.local.report.tables import counted, figure, share
from autogen_vitals.version import __version__
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, START_REASONS, STARTUP_STAGES

_TEMPLATES = Path(__file__).parent / "templates"


def render(report: Report) -> str:
    """The page of a report, which is complete in itself."""
    return _rendered("report.html", page=html_view.page_of(report), report=report)


def render_comparison(comparison: Comparison) -> str:
    """The page of a comparison, which is complete in itself."""
    return _rendered("comparison.html", page=html_changes.page_of(comparison), comparison=comparison)


def _rendered(template: str, **values: Any) -> str:
    page = _environment().get_template(template).render(values)
    # A path may be no Unicode: then it has what no file in UTF-8 can hold.
    return page.encode("utf-8", "backslashreplace").decode("utf-8")


@lru_cache(maxsize=1)
def _environment() -> Environment:
    # What was recorded is anybody's: every value is escaped, and a name that is misspelt in a template is an error.
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    words: dict[str, Any] = {
        "style": style,
        # The only style that a browser takes is this one, and no attribute of an element is.
        "style_hash": b64encode(sha256(style.encode()).digest()).decode(),
        "version": __version__,
        "counted": counted,
        "meanings": {**CATEGORIES, **EXIT_REASONS, **START_REASONS},
        "stage_meanings": STARTUP_STAGES,
        "kinds": html_view.KINDS,
        "rows": html_view.ROWS,
        "most_items": html_view.ITEMS,
        "most_places": html_view.PLACES,
    }
    filters: dict[str, Callable[..., str]] = {
        "figure": figure,
        "share": share,
        "ms": html_text.milliseconds,
        "whole": html_text.whole,
        "percent": html_text.percent,
        "duration": html_text.duration,
        "short": html_text.short_name,
        "breakable": html_text.breakable,
        "utc": html_text.utc,
        "since": html_text.since,
        "difference": html_changes.difference,
    }
    made.globals |= words
    made.filters |= filters
    return made
