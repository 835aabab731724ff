"""The bounds of histograms that ``views.yaml`` chooses."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("views.yaml")


def chosen(config: dict[str, Any] | None = None) -> dict[str, Sequence[float] | None]:
    """By metric; ``None`` for one that is dropped."""
    loaded = yaml.safe_load(FILE.read_text()) if config is None else config
    found: dict[str, Sequence[float] | None] = {}
    for view in loaded["meter_provider"]["views"]:
        aggregation = view["stream"]["aggregation"]
        histogram = aggregation.get("explicit_bucket_histogram")
        found[view["selector"]["instrument_name"]] = None if histogram is None else histogram["boundaries"]
    return found
