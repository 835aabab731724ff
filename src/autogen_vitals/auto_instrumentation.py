"""What ``opentelemetry-instrument`` calls before the first instrumentation, whoever's, and after the last.

The stage ``instrumentation`` of a cold start lies between. What comes before, the interpreter and the SDK, is spawn.
"""

from __future__ import annotations

import sys

from autogen_vitals import clock as clock  # notes the time


def begins() -> None:
    """Entry point ``opentelemetry_pre_instrument``: to be loaded is all it is for."""


def ends() -> None:
    """Entry point ``opentelemetry_post_instrument``."""
    # Where this instrumentation is switched off, it is not imported for this.
    if "autogen_vitals.installing" in sys.modules:
        from autogen_vitals import installing

        installing.all_instrumented()
