"""The one call instead of ``opentelemetry-instrument``."""

import autogen_vitals

autogen_vitals.enable()

from per_request import app  # noqa: E402

__all__ = ["app"]
