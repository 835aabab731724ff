"""A line of the user's, as attributes."""

from __future__ import annotations

import os
from typing import Any

from autogen_vitals import semconv
from autogen_vitals.lifecycle.sites import Site

_PARTS = 2


def site_attributes(site: Site) -> dict[str, Any]:
    """For spans and events."""
    return {
        semconv.CODE_FILE_PATH: site.file,
        semconv.CODE_LINE_NUMBER: site.line,
        semconv.CODE_FUNCTION_NAME: site.function,
    }


def short_place(site: Site | None) -> str:
    """For a metric: as much of the path as says which file it is, and nothing of where it is deployed."""
    if site is None:
        return ""
    return f"{'/'.join(site.file.replace(os.sep, '/').split('/')[-_PARTS:])}:{site.line}"
